"""Reads the answer of AI_TRANSCRIBE.

It is JSON with ``segments``, each with ``start`` and ``end`` in seconds, ``text``, and ``speaker_label`` where turns
were asked for; a segment is then a turn or part of one, else a word (read, not run, see ``cortex``). Which words are
accepted is decided in ``accepted_words``.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from emotion_pipeline.engine.common.types import Span, SpeakersBy, Transcript, Word
from emotion_pipeline.engine.transcribe.services.accepted_words import UnusableAnswerError, accepted_transcript

# How an answer is read; raise the number when the rules below change.
FINGERPRINT: Final = "answer=1"

# The function gives no probabilities; a word that passed the guard counts as certain.
_CERTAIN: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Segment:
    start: float
    end: float
    text: str
    speaker_label: str | None = None


@dataclass(frozen=True, slots=True)
class _Answer:
    segments: list[_Segment]


_ANSWER: Final = TypeAdapter(_Answer)


def transcript_of(answers: Mapping[str, str], speech: Mapping[str, Sequence[Span]], language: str | None) -> Transcript:
    """Return the transcript of a recording.

    :param answers: the JSON for each speaker whose channel was sent
    :param speech: for each speaker of the recording where they speak; two of them are the two channels
    :raises UnusableAnswerError: an answer is not such JSON; the message does not quote it
    """
    by_channel = len(speech) > 1
    words: list[Word] = []
    speakers_by: SpeakersBy | None = None
    for speaker, text in answers.items():
        segments = _read(text)
        labels = dict.fromkeys(segment.speaker_label for segment in segments if segment.speaker_label)
        names = {label: f"speaker_{number}" for number, label in enumerate(labels, start=1)}
        if names and not by_channel:
            speakers_by = "service"
        for segment in segments:
            words += _words(segment, speaker if by_channel else names.get(segment.speaker_label or "", speaker))
    return accepted_transcript(words, speech, language=language, speakers_by=speakers_by, has_probabilities=False)


def _read(text: str) -> list[_Segment]:
    try:
        segments = _ANSWER.validate_json(text).segments
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "answer"
        raise UnusableAnswerError(f"{where}: {first['msg']}") from None
    return sorted(segments, key=lambda segment: (segment.start, segment.end))


def _words(segment: _Segment, speaker: str) -> Iterator[Word]:
    """Yield the words of a segment; several share its time in proportion to their lengths."""
    texts = segment.text.split()
    start = max(0.0, segment.start)
    seconds = max(0.0, segment.end - start)
    ends = list(itertools.accumulate(len(text) for text in texts))
    for text, end in zip(texts, ends, strict=True):
        share = seconds / ends[-1]
        yield Word(text, start + (end - len(text)) * share, start + end * share, _CERTAIN, speaker)
