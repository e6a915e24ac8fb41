"""Which of the words that a service recognised by itself are believed: those near speech, in stretches that the guard
passes.

A service hands over words with their times for a whole recording; what a recogniser that runs here is asked item by
item is judged afterwards. What a service's answer looks like is known to its own module.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from emotion_pipeline.engine.common.types import DroppedSpan, Passage, Span, Word
from emotion_pipeline.engine.transcribe.base import DecodedWord, Decoding, GuardRules
from emotion_pipeline.engine.transcribe.guard import compression_ratio, reason_to_drop
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason

_FAR_FROM_SPEECH_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 3.0
# As much as Whisper decodes at once, for which the guard's rules were made: in longer texts words do come again.
_LONGEST_STRETCH_S: Final = 30.0
# From here on the end of a sentence ends a stretch.
_LONG_STRETCH_S: Final = 15.0
# Also as Chinese, Japanese, Arabic and Hindi write them.
_ENDS_SENTENCE: Final = (".", "?", "!", "\u3002", "\uff1f", "\uff01", "\u061f", "\u0964")
# Confidences are rounded: 0 does not mean that a word is impossible.
_LEAST_PROBABILITY: Final = 0.01


class UnusableAnswerError(ValueError):
    """A transcript in which something is missing or does not fit together; the message does not quote it."""


@dataclass(frozen=True, slots=True)
class Believed:
    """Words in order of time, the stretches that they were judged in, and where others were dropped."""

    words: tuple[Word, ...]
    passages: tuple[Passage, ...]
    dropped: tuple[DroppedSpan, ...]


def _nothing(word: str) -> None:
    del word


def believe(
    words: Sequence[Word],
    speech: Mapping[str, Sequence[Span]],
    *,
    kind_of: Callable[[str], str | None] = _nothing,
    has_probabilities: bool = True,
) -> Believed:
    """Return which words are believed.

    :param speech: for each speaker of the recording where they speak; two of them are the two channels
    :param kind_of: which personal data a word stands for that the service took out, or None
    :param has_probabilities: whether the service says how sure it is of a word
    """
    kept, dropped = _near_speech(words, speech)
    passages: list[Passage] = []
    believed: list[Word] = []
    for stretch in kept:
        decoding, span = _decoding(stretch, kind_of, has_probabilities), span_of(stretch)
        reason = reason_to_drop(decoding, span.seconds, GuardRules())
        if reason is None:
            believed += stretch
            passages.append(_passage(stretch, decoding))
        else:
            dropped.append(DroppedSpan(span, stretch[0].speaker, reason))
    return Believed(
        tuple(sorted(believed, key=_by_time)),
        tuple(sorted(passages, key=lambda passage: passage.span.start)),
        tuple(sorted(dropped, key=lambda drop: drop.span.start)),
    )


def span_of(words: Sequence[Word]) -> Span:
    """Return from when to when words are said, at least one, in order of their starts."""
    return Span(words[0].start, max(word.end for word in words))


def _near_speech(
    words: Sequence[Word], speech: Mapping[str, Sequence[Span]]
) -> tuple[list[list[Word]], list[DroppedSpan]]:
    """Return the words that lie where somebody speaks, in stretches, and where the others are."""
    by_channel = len(speech) > 1
    only = next(iter(speech.values()), ())
    # Voices on one channel take turns; on two channels each has its own course.
    ordered = sorted(words, key=lambda word: (word.speaker, *_by_time(word)) if by_channel else _by_time(word))
    kept: list[list[Word]] = []
    dropped: list[DroppedSpan] = []
    for is_near, group in groupby(
        ordered, key=lambda word: _is_near(word, speech[word.speaker] if by_channel else only)
    ):
        stretches = _stretches(group)
        if is_near:
            kept += stretches
        else:
            dropped += [
                DroppedSpan(span_of(stretch), stretch[0].speaker, DropReason.OUTSIDE_SPEECH) for stretch in stretches
            ]
    return kept, dropped


def _is_near(word: Word, speech: Sequence[Span]) -> bool:
    before = bisect_right(speech, word.end + _FAR_FROM_SPEECH_S, key=lambda span: span.start)
    return before > 0 and speech[before - 1].end >= word.start - _FAR_FROM_SPEECH_S


def _stretches(words: Iterable[Word]) -> Iterator[list[Word]]:
    """Yield words in stretches of one speaker, without long pauses, short enough to be judged."""
    stretch: list[Word] = []
    for word in words:
        if stretch and _ends_before(word, stretch):
            yield stretch
            stretch = []
        stretch.append(word)
    if stretch:
        yield stretch


def _ends_before(word: Word, stretch: Sequence[Word]) -> bool:
    last = stretch[-1]
    seconds = word.end - stretch[0].start
    return (
        word.speaker != last.speaker
        or word.start - last.end > _LONGEST_PAUSE_S
        or seconds > _LONGEST_STRETCH_S
        or (seconds > _LONG_STRETCH_S and last.text.endswith(_ENDS_SENTENCE))
    )


def _decoding(stretch: Sequence[Word], kind_of: Callable[[str], str | None], has_probabilities: bool) -> Decoding:
    """Return a stretch as the guard judges it; a number that was taken out word by word is no loop."""
    heard: list[DecodedWord] = []
    before = None
    for word in stretch:
        kind = kind_of(word.text)
        if kind is None or kind != before:
            heard.append(DecodedWord(word.text, word.start, word.end, word.probability))
        before = kind
    logs = [math.log(max(word.probability, _LEAST_PROBABILITY)) for word in heard]
    return Decoding(tuple(heard), sum(logs) / len(logs) if has_probabilities else None, None)


def _passage(stretch: Sequence[Word], decoding: Decoding) -> Passage:
    return Passage(
        span_of(stretch),
        stretch[0].speaker,
        decoding.average_log_probability,
        compression_ratio(decoding.text),
        no_speech_probability=None,
        temperature=0.0,
    )


def _by_time(word: Word) -> tuple[float, float]:
    return word.start, word.end
