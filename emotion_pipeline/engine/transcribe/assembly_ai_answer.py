"""What AssemblyAI's transcript says, in the engine's terms, and how much of it is believed.

Times become seconds, speakers get their names in order of appearance or by channel. Words outside of all speech, and
stretches that the guard does not believe, are dropped with a reason. Asking for the transcript is not done here.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from emotion_pipeline.engine.transcribe.base import Decoding, GuardRules, HeardWord
from emotion_pipeline.engine.transcribe.guard import compression_ratio, judge
from emotion_pipeline.engine.transcribe.reasons import DropReason
from emotion_pipeline.engine.types import (
    DroppedSpan,
    Passage,
    RedactedSpan,
    Span,
    SpeakersBy,
    SpokenSentiment,
    Transcript,
    Word,
)

if TYPE_CHECKING:
    from assemblyai import types

FINGERPRINT: Final = "answer=1"
"""How an answer is read; raise the number when the rules below change."""

_FAR_FROM_SPEECH_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 3.0
_LONGEST_STRETCH_S: Final = 30.0
"""As much as Whisper decodes at once, for which the guard's rules were made: in longer texts words do come again."""
_LONG_STRETCH_S: Final = 15.0
"""From here on the end of a sentence ends a stretch."""
_ENDS_SENTENCE: Final = (".", "?", "!", "\u3002", "\uff1f", "\uff01", "\u061f", "\u0964")
"""Also as Chinese, Japanese, Arabic and Hindi write them."""
_LEAST_PROBABILITY: Final = 0.01
"""Confidences are rounded: 0 does not mean that a word is impossible."""
_BRACKETED: Final = re.compile(r"\[([A-Z][A-Z0-9_]*)\]")
_MS: Final = 1_000


class UnusableAnswerError(ValueError):
    """A transcript in which something is missing or does not fit together; the message does not quote it."""


def transcript_of(
    answer: "types.TranscriptResponse", speech: Mapping[str, Sequence[Span]], redacted_kinds: Collection[str] = ()
) -> Transcript:
    """Return a completed transcript in the engine's terms.

    :param speech: for each speaker of the recording where they speak; two of them are the two channels
    :param redacted_kinds: which personal data the service was told to take out
    :raises UnusableAnswerError: a field is missing, or the personal data are still in it
    """
    heard = _words_of(answer, redacted_kinds)
    names = _ChannelNames(speech) if len(speech) > 1 else _LabelNames(heard)
    words = [_word(one, names.of(one)) for one in heard]
    kept, dropped = _near_speech(words, speech)
    passages: list[Passage] = []
    believed: list[Word] = []
    for stretch in kept:
        decoding, span = _decoding(stretch, redacted_kinds), _span(stretch)
        reason = judge(decoding, span.seconds, GuardRules())
        if reason is None:
            believed += stretch
            passages.append(_passage(stretch, decoding))
        else:
            dropped.append(DroppedSpan(span, stretch[0].speaker, reason))
    believed.sort(key=_by_time)
    return Transcript(
        words=tuple(believed),
        speech=tuple(sorted((span for spans in speech.values() for span in spans), key=lambda span: span.start)),
        language=_language(answer.language_code),
        language_probability=answer.language_confidence if answer.language_detection else None,
        speakers_by=names.told_by,
        passages=tuple(sorted(passages, key=lambda passage: passage.span.start)),
        dropped=tuple(sorted(dropped, key=lambda one: one.span.start)),
        redacted=tuple(_redacted(believed, redacted_kinds)),
        sentiments=tuple(_sentiments(answer.sentiment_analysis_results or (), believed, names)),
    )


class _ChannelNames:
    """Speakers by the channel on which they are heard."""

    told_by: SpeakersBy = "channel"

    def __init__(self, speakers: Iterable[str]) -> None:
        self._names = {str(number): speaker for number, speaker in enumerate(speakers, start=1)}

    def of(self, word: "types.Word") -> str:
        label = word.channel or word.speaker
        if label not in self._names:
            raise UnusableAnswerError("a word of a recording with two channels is on none of them")
        return self._names[label]


class _LabelNames:
    """Speakers as the service tells them apart, named in order of appearance; a word without one is the first's."""

    def __init__(self, heard: Iterable["types.Word"]) -> None:
        labels = dict.fromkeys(word.speaker for word in sorted(heard, key=lambda word: word.start) if word.speaker)
        self._names = {label: f"speaker_{number}" for number, label in enumerate(labels, start=1)}
        self.told_by: SpeakersBy = "service" if labels else "assumed_one"

    def of(self, word: "types.Word") -> str:
        return self._names.get(word.speaker or "", "speaker_1")


def _words_of(answer: "types.TranscriptResponse", redacted_kinds: Collection[str]) -> list["types.Word"]:
    if answer.words is None or answer.text is None:
        raise UnusableAnswerError("it is completed and has no words")
    if answer.text.strip() and not answer.words:
        raise UnusableAnswerError("it has a text and no words")
    in_text, in_words = (
        any(_kind_of(text, redacted_kinds) for text in texts)
        for texts in (answer.text.split(), (word.text for word in answer.words))
    )
    if redacted_kinds and (not answer.redact_pii or in_text != in_words):
        raise UnusableAnswerError("personal data were to be taken out and were not")
    return [word for word in answer.words if word.text.strip() and not _is_remark(word.text, redacted_kinds)]


def _is_remark(text: str, redacted_kinds: Collection[str]) -> bool:
    """Tell whether a word is what some models write about a sound, as in ``[MUSIC]``."""
    return _BRACKETED.fullmatch(text.strip()) is not None and _kind_of(text, redacted_kinds) is None


def _kind_of(text: str, redacted_kinds: Collection[str]) -> str | None:
    """Return which personal data a word stands for, as in ``[PHONE_NUMBER].``, or None."""
    kinds = (found[1].lower() for found in _BRACKETED.finditer(text))
    return next((kind for kind in kinds if kind in redacted_kinds), None)


def _word(heard: "types.Word", speaker: str) -> Word:
    start = max(0, heard.start) / _MS
    return Word(heard.text.strip(), start, max(start, heard.end / _MS), min(max(heard.confidence, 0.0), 1.0), speaker)


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
            dropped += [DroppedSpan(_span(one), one[0].speaker, DropReason.OUTSIDE_SPEECH) for one in stretches]
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


def _decoding(stretch: Sequence[Word], redacted_kinds: Collection[str]) -> Decoding:
    """Return a stretch as the guard judges it; a number that was taken out word by word is no loop."""
    heard: list[HeardWord] = []
    before = None
    for word in stretch:
        kind = _kind_of(word.text, redacted_kinds)
        if kind is None or kind != before:
            heard.append(HeardWord(word.text, word.start, word.end, word.probability))
        before = kind
    logs = [math.log(max(word.probability, _LEAST_PROBABILITY)) for word in heard]
    return Decoding(tuple(heard), sum(logs) / len(logs), None)


def _passage(stretch: Sequence[Word], decoding: Decoding) -> Passage:
    return Passage(
        _span(stretch),
        stretch[0].speaker,
        decoding.average_log_probability,
        compression_ratio(decoding.text),
        no_speech_probability=None,
        temperature=0.0,
    )


def _redacted(words: Sequence[Word], redacted_kinds: Collection[str]) -> Iterator[RedactedSpan]:
    """Yield where personal data were said: a run of words of one kind is one of them."""
    for (speaker, kind), run in groupby(words, key=lambda word: (word.speaker, _kind_of(word.text, redacted_kinds))):
        if kind is not None:
            yield RedactedSpan(_span(list(run)), speaker, kind)


def _sentiments(
    sentences: Iterable["types.Sentiment"], words: Sequence[Word], names: _ChannelNames | _LabelNames
) -> Iterator[SpokenSentiment]:
    """Yield the sentiments of sentences of which at least one word is believed."""
    for sentence in sentences:
        span = Span(sentence.start / _MS, max(sentence.start, sentence.end) / _MS)
        first, end = (bisect_left(words, time, key=lambda word: word.start) for time in (span.start, span.end))
        speaker = names.of(sentence) if sentence.speaker or sentence.channel else None
        said_by = {word.speaker for word in words[first:end] if speaker in (None, word.speaker)}
        if said_by:
            yield SpokenSentiment(span, min(said_by), sentence.sentiment.value, sentence.confidence)


def _language(code: str | None) -> str | None:
    """Return an ISO 639-1 code: the service has dialects, as in ``en_us``."""
    return code.partition("_")[0].lower() if code else None


def _span(words: Sequence[Word]) -> Span:
    return Span(words[0].start, max(word.end for word in words))


def _by_time(word: Word) -> tuple[float, float]:
    return word.start, word.end
