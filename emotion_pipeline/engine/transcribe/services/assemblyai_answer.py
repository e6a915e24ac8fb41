"""What AssemblyAI's transcript says, in the engine's terms, and how much of it is believed.

Times become seconds, speakers get their names in order of appearance or by channel. Which words are believed is the
business of ``services.words``; asking for the transcript is not done here, either.
"""

import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from emotion_pipeline.engine.common.types import RedactedSpan, Span, SpeakersBy, SpokenSentiment, Transcript, Word
from emotion_pipeline.engine.transcribe.services.words import UnusableAnswerError, believe, span_of

if TYPE_CHECKING:
    from assemblyai import types

# How an answer is read; raise the number when the rules below change.
FINGERPRINT: Final = "answer=1"

_BRACKETED: Final = re.compile(r"\[([A-Z][A-Z0-9_]*)\]")
_MS: Final = 1_000


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
    words = [_word(word, names.of(word)) for word in heard]
    believed = believe(words, speech, kind_of=lambda word: _kind_of(word, redacted_kinds))
    return Transcript(
        words=believed.words,
        speech=tuple(sorted((span for spans in speech.values() for span in spans), key=lambda span: span.start)),
        language=_language(answer.language_code),
        language_probability=answer.language_confidence if answer.language_detection else None,
        speakers_by=names.told_by,
        passages=believed.passages,
        dropped=believed.dropped,
        redacted=tuple(_redacted(believed.words, redacted_kinds)),
        sentiments=tuple(_sentiments(answer.sentiment_analysis_results or (), believed.words, names)),
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


def _redacted(words: Sequence[Word], redacted_kinds: Collection[str]) -> Iterator[RedactedSpan]:
    """Yield where personal data were said: a run of words of one kind is one of them."""
    for (speaker, kind), run in groupby(words, key=lambda word: (word.speaker, _kind_of(word.text, redacted_kinds))):
        if kind is not None:
            yield RedactedSpan(span_of(list(run)), speaker, kind)


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
