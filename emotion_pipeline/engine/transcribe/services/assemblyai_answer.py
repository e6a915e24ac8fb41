"""Reads AssemblyAI's transcript: seconds instead of milliseconds, speakers by channel or in order of appearance.

Which words are accepted is decided in ``accepted_words``; the transcript is requested by ``assemblyai``.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from emotion_pipeline.engine.common.types import RedactedSpan, Span, SpeakersBy, SpokenSentiment, Transcript, Word
from emotion_pipeline.engine.transcribe.services.accepted_words import (
    UnusableAnswerError,
    accepted_transcript,
    span_of,
)

if TYPE_CHECKING:
    from assemblyai import types

# How an answer is read; raise the number when the rules below change.
FINGERPRINT: Final = "answer=1"

_BRACKETED: Final = re.compile(r"\[([A-Z][A-Z0-9_]*)\]")
_MS: Final = 1_000


def transcript_of(
    answer: "types.TranscriptResponse", speech: Mapping[str, Sequence[Span]], redacted_kinds: Collection[str] = ()
) -> Transcript:
    """Return a completed transcript in the engine's types.

    :param speech: for each speaker of the recording where they speak; two of them are the two channels
    :param redacted_kinds: which personal data the service was told to remove
    :raises UnusableAnswerError: a field is missing, or the personal data are still in it
    """
    service_words = _words_of(answer, redacted_kinds)
    names = _SpeakerNames(service_words, speech)
    transcript = accepted_transcript(
        [_word(word, names.of(word)) for word in service_words],
        speech,
        speakers_by=names.source,
        language=answer.language_code.partition("_")[0].lower() if answer.language_code else None,  # as in en_us
        language_probability=answer.language_confidence if answer.language_detection else None,
        kind_of=lambda text: _kind_of(text, redacted_kinds),
    )
    return replace(
        transcript,
        redacted=tuple(_redacted(transcript.words, redacted_kinds)),
        sentiments=tuple(_sentiments(answer.sentiment_analysis_results or (), transcript.words, names)),
    )


class _SpeakerNames:
    """Names by channel where there are two; else by the service's labels in order of appearance, if it gave any."""

    def __init__(self, words: Iterable["types.Word"], speech: Mapping[str, Sequence[Span]]) -> None:
        self._by_channel = len(speech) > 1
        if self._by_channel:
            self.source: SpeakersBy = "channel"
            self._names = {str(number): speaker for number, speaker in enumerate(speech, start=1)}
        else:
            labels = dict.fromkeys(word.speaker for word in sorted(words, key=lambda word: word.start) if word.speaker)
            self.source = "service" if labels else "assumed_one"
            self._names = {label: f"speaker_{number}" for number, label in enumerate(labels, start=1)}

    def of(self, item: "types.Word") -> str:
        """Return who says a word or a sentence. Raises UnusableAnswerError where it is on none of two channels."""
        if not self._by_channel:
            return self._names.get(item.speaker or "", "speaker_1")
        label = item.channel or item.speaker
        if label not in self._names:
            raise UnusableAnswerError("a word of a recording with two channels is on none of them")
        return self._names[label]


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
        raise UnusableAnswerError("personal data should have been removed and were not")
    return [word for word in answer.words if word.text.strip() and not _is_remark(word.text, redacted_kinds)]


def _is_remark(text: str, redacted_kinds: Collection[str]) -> bool:
    """Return whether a word is what some models write about a sound, as in ``[MUSIC]``."""
    return _BRACKETED.fullmatch(text.strip()) is not None and _kind_of(text, redacted_kinds) is None


def _kind_of(text: str, redacted_kinds: Collection[str]) -> str | None:
    """Return which personal data a word stands for, as in ``[PHONE_NUMBER].``, or None."""
    kinds = (match[1].lower() for match in _BRACKETED.finditer(text))
    return next((kind for kind in kinds if kind in redacted_kinds), None)


def _word(word: "types.Word", speaker: str) -> Word:
    start = max(0, word.start) / _MS
    return Word(word.text.strip(), start, max(start, word.end / _MS), min(max(word.confidence, 0.0), 1.0), speaker)


def _redacted(words: Sequence[Word], redacted_kinds: Collection[str]) -> Iterator[RedactedSpan]:
    """Yield where personal data were removed: a run of words of one kind is one span."""
    for (speaker, kind), run in groupby(words, key=lambda word: (word.speaker, _kind_of(word.text, redacted_kinds))):
        if kind is not None:
            yield RedactedSpan(span_of(list(run)), speaker, kind)


def _sentiments(
    sentences: Iterable["types.Sentiment"], words: Sequence[Word], names: _SpeakerNames
) -> Iterator[SpokenSentiment]:
    """Yield the sentiments of sentences of which at least one word was accepted."""
    for sentence in sentences:
        span = Span(sentence.start / _MS, max(sentence.start, sentence.end) / _MS)
        first, end = (bisect_left(words, time, key=lambda word: word.start) for time in (span.start, span.end))
        speaker = names.of(sentence) if sentence.speaker or sentence.channel else None
        speakers = {word.speaker for word in words[first:end] if speaker in (None, word.speaker)}
        if speakers:
            yield SpokenSentiment(span, min(speakers), sentence.sentiment.value, sentence.confidence)
