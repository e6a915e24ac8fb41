"""Accepts words that a service recognised by itself: those near speech, in stretches that the guard passes.

A service returns the words of a whole recording at once; recognisers on this machine are checked item by item in
``recording``. How a service's answer looks is known to the service's own module.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

from emotion_pipeline.engine.common.types import DroppedSpan, Passage, Span, SpeakersBy, Transcript, Word
from emotion_pipeline.engine.transcribe.base import DecodedWord, Decoding, GuardRules
from emotion_pipeline.engine.transcribe.guard import compression_ratio, reason_to_drop
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason

_FAR_FROM_SPEECH_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 3.0
# As much as Whisper decodes at once, for which the guard's rules were made: longer texts repeat words anyway.
_LONGEST_STRETCH_S: Final = 30.0
# From here on the end of a sentence ends a stretch.
_LONG_STRETCH_S: Final = 15.0
# Also as Chinese, Japanese, Arabic and Hindi write them.
_SENTENCE_ENDS: Final = (".", "?", "!", "\u3002", "\uff1f", "\uff01", "\u061f", "\u0964")
# Confidences are rounded: 0 does not mean that a word is impossible.
_LEAST_PROBABILITY: Final = 0.01


class UnusableAnswerError(ValueError):
    """A transcript in which something is missing or inconsistent; the message does not quote it."""


def accepted_transcript(
    words: Sequence[Word],
    speech: Mapping[str, Sequence[Span]],
    *,
    language: str | None,
    speakers_by: SpeakersBy | None = None,
    language_probability: float | None = None,
    kind_of: Callable[[str], str | None] = lambda text: None,
    has_probabilities: bool = True,
) -> Transcript:
    """Return the transcript of the words that are accepted, and where others were dropped.

    :param speech: for each speaker of the recording where they speak; two of them are the two channels
    :param speakers_by: None is ``channel`` for two channels and ``assumed_one`` for one
    :param kind_of: returns which removed personal data a word's text stands for, or None
    :param has_probabilities: whether the service gives a probability for each word
    """
    near, dropped = _near_speech(words, speech)
    passages: list[Passage] = []
    accepted: list[Word] = []
    for stretch in near:
        decoding, span = _decoding(stretch, kind_of, has_probabilities), span_of(stretch)
        reason = reason_to_drop(decoding, span.seconds, GuardRules())
        if reason is None:
            accepted += stretch
            passages.append(_passage(stretch, decoding))
        else:
            dropped.append(DroppedSpan(span, stretch[0].speaker, reason))
    return Transcript(
        words=tuple(sorted(accepted, key=_time_of)),
        speech=tuple(sorted((span for spans in speech.values() for span in spans), key=lambda span: span.start)),
        language=language,
        language_probability=language_probability,
        speakers_by=speakers_by or ("channel" if len(speech) > 1 else "assumed_one"),
        passages=tuple(sorted(passages, key=lambda passage: passage.span.start)),
        dropped=tuple(sorted(dropped, key=lambda drop: drop.span.start)),
    )


def span_of(words: Sequence[Word]) -> Span:
    """Return the span of at least one word, in order of their starts."""
    return Span(words[0].start, max(word.end for word in words))


def _near_speech(
    words: Sequence[Word], speech: Mapping[str, Sequence[Span]]
) -> tuple[list[list[Word]], list[DroppedSpan]]:
    """Return stretches of the words that lie near speech, and the spans of the others."""
    by_channel = len(speech) > 1
    single = next(iter(speech.values()), ())
    # Voices on one channel take turns; two channels are cut independently.
    ordered = sorted(words, key=lambda word: (word.speaker if by_channel else "", *_time_of(word)))
    near: list[list[Word]] = []
    dropped: list[DroppedSpan] = []
    for is_near, group in groupby(ordered, lambda word: _is_near(word, speech[word.speaker] if by_channel else single)):
        if is_near:
            near += _stretches(group)
        else:
            outside = DropReason.OUTSIDE_SPEECH
            dropped += [DroppedSpan(span_of(stretch), stretch[0].speaker, outside) for stretch in _stretches(group)]
    return near, dropped


def _is_near(word: Word, speech: Sequence[Span]) -> bool:
    before = bisect_right(speech, word.end + _FAR_FROM_SPEECH_S, key=lambda span: span.start)
    return before > 0 and speech[before - 1].end >= word.start - _FAR_FROM_SPEECH_S


def _stretches(words: Iterable[Word]) -> Iterator[list[Word]]:
    """Yield words in stretches of one speaker, without long pauses, short enough for the guard."""
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
        or (seconds > _LONG_STRETCH_S and last.text.endswith(_SENTENCE_ENDS))
    )


def _decoding(stretch: Sequence[Word], kind_of: Callable[[str], str | None], has_probabilities: bool) -> Decoding:
    """Return a stretch as the guard reads it; a number that was removed word by word counts as one word, not a loop."""
    words: list[DecodedWord] = []
    previous_kind = None
    for word in stretch:
        kind = kind_of(word.text)
        if kind is None or kind != previous_kind:
            words.append(DecodedWord(word.text, word.start, word.end, word.probability))
        previous_kind = kind
    logs = [math.log(max(word.probability, _LEAST_PROBABILITY)) for word in words]
    return Decoding(tuple(words), sum(logs) / len(logs) if has_probabilities else None, None)


def _passage(stretch: Sequence[Word], decoding: Decoding) -> Passage:
    return Passage(
        span_of(stretch),
        stretch[0].speaker,
        decoding.average_log_probability,
        compression_ratio(decoding.text),
        no_speech_probability=None,
        temperature=0.0,
    )


def _time_of(word: Word) -> tuple[float, float]:
    return word.start, word.end
