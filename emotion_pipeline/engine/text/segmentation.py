"""Cutting a transcript into sentences and speaker turns of at most 30 s, from words, pauses and punctuation.

Each speaker's words are cut separately. While somebody else speaks, the first speaker pauses, so the turn ends there; a
short "mhm" in between, or words that overlap on the two channels of a call, cut nothing. Speakers come from channels or
diarisation; emotions are predicted later.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from emotion_pipeline.engine.common.types import Segment, Word

MAX_SECONDS: Final = 30.0
# A silence of a speaker from which on a new segment begins; pauses inside a spoken phrase are mostly shorter.
PAUSE_SECONDS: Final = 0.4
# Rules and limits that made a segment; raise the number when a rule changes.
FINGERPRINT: Final = f"segmentation:2:{PAUSE_SECONDS:g}s:{MAX_SECONDS:g}s"

_SENTENCE_END: Final = re.compile(r"[.!?…。？！]+[\"'”’)\]]*$")
_ABBREVIATION: Final = re.compile(r"(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|e\.g|i\.e|[^\W\d_])\.$", re.IGNORECASE)


def segment_words(
    words: Sequence[Word], max_seconds: float = MAX_SECONDS, pause_seconds: float = PAUSE_SECONDS
) -> tuple[Segment, ...]:
    """Segments in order of start time, then speaker; every word is in exactly one.

    A segment has one speaker, ends with a sentence mark or before a pause of ``pause_seconds``, and lasts at most
    ``max_seconds``; only a single word that is longer makes a longer one. Words may come in any order and without
    punctuation. Raises ``ValueError`` for a limit that is not positive.
    """
    if max_seconds <= 0 or pause_seconds <= 0:
        raise ValueError(f"max_seconds ({max_seconds}) and pause_seconds ({pause_seconds}) must be positive.")
    spoken: dict[str, list[Word]] = defaultdict(list)
    for word in sorted(words, key=lambda word: (word.start, word.end)):
        spoken[word.speaker].append(word)
    segments = [
        Segment(speaker, part)
        for speaker, turn in spoken.items()
        for sentence in _sentences(turn, pause_seconds)
        for part in _fitting(sentence, max_seconds)
    ]
    return tuple(sorted(segments, key=lambda segment: (segment.start, segment.speaker)))


def _sentences(words: Sequence[Word], pause_seconds: float) -> Iterator[tuple[Word, ...]]:
    current: list[Word] = []
    end = 0.0
    for word in words:
        if current and (word.start - end >= pause_seconds or _ends_sentence(current[-1].text)):
            yield tuple(current)
            current = []
        end = max(end, word.end) if current else word.end
        current.append(word)
    yield tuple(current)


def _ends_sentence(text: str) -> bool:
    return _SENTENCE_END.search(text) is not None and _ABBREVIATION.match(text) is None


def _fitting(words: tuple[Word, ...], max_seconds: float) -> Iterator[tuple[Word, ...]]:
    """Cut a stretch that is too long at the widest gap in the later half of what fits."""
    while words:
        length = _longest_fit(words, max_seconds)
        if length < len(words):
            length = _widest_gap(words, length, words[0].start + max_seconds / 2)
        yield words[:length]
        words = words[length:]


def _longest_fit(words: tuple[Word, ...], max_seconds: float) -> int:
    for index, word in enumerate(words):
        if index and max(word.end, words[index - 1].end) - words[0].start > max_seconds:
            return index
    return len(words)


def _widest_gap(words: tuple[Word, ...], longest: int, earliest: float) -> int:
    cuts = [cut for cut in range(1, longest + 1) if words[cut].start >= earliest] or [longest]
    return max(cuts, key=lambda cut: (words[cut].start - words[cut - 1].end, cut))
