"""What a transcriber is. What all of them share, such as which channel belongs to whom, lives in ``recording``."""

from collections.abc import Sequence
from typing import Protocol

from emotion_pipeline.engine.types import Channel, Span, Word


class Transcriber(Protocol):
    """Anything that turns speech into words."""

    @property
    def fingerprint(self) -> str:
        """``backend:model:version:parameters``; known without loading the model."""
        ...

    @property
    def language(self) -> str:
        """ISO 639-1 code of the language that it writes."""
        ...

    def transcribe(self, channel: Channel, speech: Sequence[Span], speaker: str) -> tuple[Word, ...]:
        """Return the words in order of time, all of them said by ``speaker``.

        :param channel: float32, shape (n_samples,), 16 kHz
        :param speech: where somebody speaks, in order, not overlapping; nothing is recognised elsewhere
        """
        ...
