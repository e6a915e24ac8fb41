"""Speaker turns with what comes with the package: voice activity, vectors of voices, groups of vectors.

One voice at a time: where two people speak at once, the turn is one of theirs. How a window becomes a vector stands in
``voice_encoder``, how vectors become speakers in ``voice_groups``.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from emotion_pipeline.engine.audio.voice_activity import VoiceRules, speech_spans
from emotion_pipeline.engine.common.types import Channel, Span, SpeakersBy
from emotion_pipeline.engine.diarize.base import Turn, turns_of
from emotion_pipeline.engine.diarize.voice_encoder import SHIPPED, shared_voice_encoder
from emotion_pipeline.engine.diarize.voice_groups import Floats, GroupRules, Labels, certainty, group
from emotion_pipeline.engine.models.artefact import fingerprint_of, read_card

# Raise the number when a rule or constant of this module, of ``voice_groups`` or of their voice activity changes.
VERSION: Final = "1"
# Quiet beginnings and ends of words are speech too, other than for a recogniser.
SPEECH: Final = VoiceRules(begin=0.3, end=0.15, shortest_speech=0.1, shortest_pause=0.2, pad=0.15)
WINDOW_S: Final = 1.6
HOP_S: Final = 0.4
# In less speech nobody answers anybody: a clip of one utterance costs nothing.
SHORTEST_S: Final = 8.0


class VoicesDiarizer:
    """Tells the voices of one channel apart by a speaker encoder that ships with the package.

    :param speakers: how many people speak, if known; otherwise it is estimated, 1 to 6
    :raises ArtefactError: the shipped weights cannot be read
    """

    speakers_by: SpeakersBy = "voices"
    shortest_s: float = SHORTEST_S

    def __init__(self, speakers: int | None = None, folder: Path = SHIPPED, rules: GroupRules | None = None) -> None:
        if speakers is not None and speakers < 1:
            raise ValueError(f"speakers is {speakers}; give at least 1, or None to have it estimated")
        self._speakers, self._folder, self._rules = speakers, folder, rules or GroupRules()

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        people = "estimated" if self._speakers is None else str(self._speakers)
        return f"{fingerprint_of(read_card(self._folder))}:v{VERSION},speakers={people}"

    def turns(self, channel: Channel) -> tuple[Turn, ...]:
        """Return who speaks when; see ``Diarizer``."""
        spans = speech_spans(channel, SPEECH)
        if sum(span.seconds for span in spans) < self.shortest_s:
            return turns_of((span, 0, None) for span in spans)
        windows, stretches = _windows(spans)
        parts = _parts(spans, windows, stretches)
        seconds = np.array([part.seconds for part in parts])
        with shared_voice_encoder(self._folder, self.fingerprint) as encoder:
            vectors = encoder.vectors(channel, windows).astype(np.float64)
            variances = encoder.variances
        labels = group(vectors, seconds, stretches, variances, self._rules, self._speakers)
        begins = (np.diff(labels, prepend=-1) != 0) | (np.diff(stretches, prepend=-1) != 0)
        turns = np.cumsum(begins) - 1
        certain = certainty(vectors, seconds, turns, labels, variances, self._rules)
        return turns_of(_joined(parts, turns, labels, certain))


def _windows(spans: Sequence[Span]) -> tuple[list[Span], Labels]:
    """Return overlapping windows of each span, and for each window the number of its span; a short span is one."""
    windows: list[Span] = []
    numbers: list[int] = []
    for number, span in enumerate(spans):
        spare = span.seconds - WINDOW_S
        count = max(1, round(spare / HOP_S) + 1) if spare > 0 else 1
        starts = span.start + np.linspace(0.0, max(0.0, spare), count)
        windows += [Span(float(start), min(span.end, float(start) + WINDOW_S)) for start in starts]
        numbers += [number] * count
    return windows, np.array(numbers)


def _parts(spans: Sequence[Span], windows: Sequence[Span], stretches: Labels) -> list[Span]:
    """Return the part of its span that each window stands for: up to half way to the middles of its neighbours."""
    middles = np.array([(window.start + window.end) / 2 for window in windows])
    halves = (middles[:-1] + middles[1:]) / 2
    is_same = np.diff(stretches) == 0
    starts = np.array([spans[number].start for number in stretches])
    ends = np.array([spans[number].end for number in stretches])
    starts[1:][is_same], ends[:-1][is_same] = halves[is_same], halves[is_same]
    return [Span(float(start), float(end)) for start, end in zip(starts, ends, strict=True)]


def _joined(
    parts: Sequence[Span], turns: Labels, labels: Labels, certain: Floats
) -> list[tuple[Span, int, float | None]]:
    """Return each turn with its speaker and certainty, which is unknown where there is only one speaker."""
    firsts = np.append(np.unique(turns, return_index=True)[1], len(turns))
    alone = int(labels.max()) == 0
    return [
        (Span(parts[first].start, parts[last - 1].end), int(labels[first]), None if alone else float(certain[turn]))
        for turn, (first, last) in enumerate(pairwise(firsts.tolist()))
    ]
