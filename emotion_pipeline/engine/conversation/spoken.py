"""What a conversation is made of: stretches of one speaker with what is known of them, and the turns that they make.

All functions take the stretches of one recording in the order of ``in_order``.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Final

from emotion_pipeline.engine.common.types import Span, ToneScore
from emotion_pipeline.engine.text.lexicons import QUESTION_OPENING
from emotion_pipeline.engine.text.tokens import canonical, words

_SENTENCE_END: Final = re.compile(r"[.!?…。？！][\"'”’)\]]*$")


@dataclass(frozen=True)
class Spoken:
    """One segment: times in seconds, its words, and their sentiment and tone where they are known."""

    speaker: str
    start: float
    end: float
    text: str
    word_count: int
    sentiment: float | None = None
    tone: ToneScore | None = None

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def middle(self) -> float:
        return (self.start + self.end) / 2

    @cached_property
    def plain(self) -> str:
        """The words in lower case without marks, a blank around each, so that a phrase is found as whole words."""
        return f" {' '.join(canonical(word) for word in words(self.text))} "

    @property
    def is_question(self) -> bool:
        """Whether it asks, by its mark or, where a transcript has none, by how it opens."""
        return "?" in self.text or QUESTION_OPENING.match(self.plain.strip()) is not None

    @property
    def is_finished(self) -> bool:
        """Whether it ends as a sentence does."""
        return _SENTENCE_END.search(self.text) is not None


def in_order(spoken: Iterable[Spoken]) -> list[Spoken]:
    """Return the stretches as segments are numbered: by start, then speaker."""
    return sorted(spoken, key=lambda stretch: (stretch.start, stretch.speaker))


def turns(spoken: Sequence[Spoken]) -> list[list[Spoken]]:
    """Return the turns: stretches of one speaker that follow each other, with none of anybody else's between."""
    return [list(run) for _, run in groupby(spoken, key=lambda stretch: stretch.speaker)]


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the time that is covered by any of the spans, as spans that do not touch, in order."""
    union: list[Span] = []
    for span in sorted(spans, key=lambda stretch: stretch.start):
        if union and span.start <= union[-1].end:
            union[-1] = Span(union[-1].start, max(union[-1].end, span.end))
        else:
            union.append(span)
    return union
