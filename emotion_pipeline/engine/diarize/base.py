"""What a diarizer is, and what it returns: who speaks when on one channel.

Which words belong to whom follows from that in ``assign``. Two people on a channel each need no diarizer.
"""

from collections.abc import Iterable
from typing import Protocol

from emotion_pipeline.engine.common.types import Channel, Span, SpeakersBy, Turn


class Diarizer(Protocol):
    """Anything that tells the voices of one channel apart."""

    @property
    def speakers_by(self) -> SpeakersBy:
        """How tables name what it does."""
        ...

    @property
    def shortest_s(self) -> float:
        """Seconds of speech below which it finds one speaker without looking."""
        ...

    @property
    def fingerprint(self) -> str:
        """``backend:version:models:parameters``; known without loading a model.

        :raises BackendUnavailableError: a package or model file is missing
        """
        ...

    def turns(self, channel: Channel) -> tuple[Turn, ...]:
        """Return who speaks when, in order of start time; empty where nobody does.

        :param channel: float32, shape (n_samples,), 16 kHz, [-1, 1], the whole recording: 3.8 MB a minute
        :raises BackendUnavailableError: a package is missing, or a model file is missing, broken or of another kind
        """
        ...


def turns_of(stretches: Iterable[tuple[Span, int, float | None]]) -> tuple[Turn, ...]:
    """Return stretches, each with any number for its speaker and a confidence, as turns in order with names."""
    ordered = sorted(stretches, key=lambda stretch: (stretch[0].start, stretch[0].end, stretch[1]))
    names: dict[int, str] = {}
    for _, speaker, _ in ordered:
        names.setdefault(speaker, f"speaker_{len(names) + 1}")
    return tuple(Turn(span, names[speaker], confidence) for span, speaker, confidence in ordered)
