"""AI_TRANSCRIBE: transcription inside Snowflake, by way of a temporary stage.

A recording with speech in it leaves this machine for the user's own Snowflake account; one without is not sent. The
function (read, not run: https://docs.snowflake.com/en/sql-reference/functions/ai_transcribe) takes a FILE on a stage
with server-side encryption, FLAC among others, of up to 700 MB and, with times, 60 minutes. It mixes all channels,
detects the language without returning it, and returns no probabilities.

Its answer (read, not run, too) is JSON with ``segments``, each with ``start`` and ``end`` in seconds, ``text``, and
``speaker_label`` where turns were asked for; a segment is then a turn or part of one, else a word. Which words are
accepted is decided in ``accepted_words``.
"""

import itertools
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from emotion_pipeline.engine.audio.channels import voices_of
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.encode import write_flac
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Span, SpeakersBy, Transcript, Word
from emotion_pipeline.engine.snowflake.session import (
    Connect,
    NoAnswerError,
    OutOfTimeError,
    RowsRefusedError,
    session,
)
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints
from emotion_pipeline.engine.transcribe.guard import FINGERPRINT as GUARD
from emotion_pipeline.engine.transcribe.services.accepted_words import UnusableAnswerError, accepted_transcript
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason
from emotion_pipeline.engine.transcribe.windows import speech_spans_of

Times = Literal["word", "speaker"]

# Longest recording with times; as mono FLAC of 16 kHz it stays far below 700 MB.
LONGEST_S: Final = 3_600

_STAGE: Final = "CORTEX_AUDIO"
_CREATE_STAGE: Final = f"CREATE OR REPLACE TEMPORARY STAGE \"{_STAGE}\" ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
_REMOVE: Final = f'REMOVE @"{_STAGE}"'

_FAILURES: Final[Mapping[type[Exception], tuple[FailureReason, str]]] = {
    UnusableAnswerError: (FailureReason.MALFORMED_ANSWER, "AI_TRANSCRIBE's answer cannot be used: {}; run it again"),
    OutOfTimeError: (FailureReason.TIMEOUT, "{}; raise transcription.timeout"),
    NoAnswerError: (FailureReason.SERVICE_ERROR, "{}"),
    RowsRefusedError: (FailureReason.REFUSED, "{}; is it in a language that AI_TRANSCRIBE supports?"),
}

# How an answer is read; raise the number when the rules below change.
_READING: Final = "answer=1"

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


class CortexTranscriber:
    """A ``Transcriber`` around AI_TRANSCRIBE. Two-sided calls are transcribed channel by channel, in one statement.

    :param connect: opens a connection; its role needs the database role SNOWFLAKE.CORTEX_USER, and CREATE STAGE in the
        schema
    :param schema: of the temporary stage, as SQL names it; None is the connection's own
    :param times: of a recording on one channel: ``word``, exact times of each word, or ``speaker``, times of turns with
        their speakers, in which words share the time by their length
    :param language: ISO 639-1 code of what is spoken, if the user knows it; it is not passed to the function
    :param timeout_s: longest that one statement may take; None is without limit
    :param longest_s: longest recording that is sent
    :raises BackendUnavailableError: there is no way to connect
    """

    def __init__(
        self,
        connect: Connect | None,
        *,
        schema: str | None = None,
        times: Times = "word",
        language: str | None = None,
        timeout_s: float | None = 3600.0,
        longest_s: float = LONGEST_S,
    ) -> None:
        if connect is None:
            raise BackendUnavailableError("AI_TRANSCRIBE needs a Snowflake account; set SNOWFLAKE_ACCOUNT and others")
        self._connect, self._schema = connect, schema
        self._times: Times = times
        self._language, self._timeout_s, self._longest_s = language, timeout_s, longest_s

    @property
    def fingerprint(self) -> str:
        rules = f"times={self._times},language={self._language or 'unknown'},{_READING},{GUARD.replace(':', '=')}"
        return f"cortex:AI_TRANSCRIBE:unversioned:{rules}"

    def transcribe(
        self, recording: Path, checkpoints: Checkpoints | None = None, speakers: tuple[str, ...] | None = None
    ) -> Transcript:
        """Return what was said; see ``Transcriber``. Nothing can be resumed: a recording is one statement."""
        del checkpoints
        seconds = sum(block.shape[1] for block in stream(recording)) / SAMPLE_RATE
        if seconds > self._longest_s:
            what = f"it has {seconds:,.0f} s, AI_TRANSCRIBE takes {self._longest_s:,}; use another transcription.method"
            raise TranscriptionFailedError(FailureReason.TOO_LONG, f"{recording.name}: {what}")
        speech = speech_spans_of(recording, speakers)
        try:
            answers = self._answers(recording, speech) if any(speech.values()) else {}
            return _transcript(answers, speech, self._language)
        except tuple(_FAILURES) as error:
            reason, message = _FAILURES[type(error)]
            raise TranscriptionFailedError(reason, f"{recording.name}: {message.format(error)}") from error

    def _answers(self, recording: Path, speech: Mapping[str, Sequence[Span]]) -> dict[str, str]:
        """Return the answer for each speaker's channel. Raises the errors of ``Session.execute``."""
        timeout_s = None if self._timeout_s is None else max(1, math.ceil(self._timeout_s))
        with tempfile.TemporaryDirectory(prefix="cortex-") as folder:
            files = _channels(recording, tuple(speech), Path(folder))
            with session(self._connect, self._schema) as opened:
                opened.execute(_CREATE_STAGE)
                try:
                    for file in files:
                        opened.execute(f"PUT 'file://{file}' @\"{_STAGE}\" AUTO_COMPRESS = FALSE")
                    [row] = opened.execute(_statement(files, self._times if len(files) == 1 else "word"), timeout_s)
                finally:
                    # A dropped stage can be restored for a while, with its files.
                    opened.execute(_REMOVE)
        if None in row:
            raise RowsRefusedError("AI_TRANSCRIBE gives no answer")
        return {speaker: str(answer) for speaker, answer in zip(speech, row, strict=True)}


def _channels(recording: Path, speakers: tuple[str, ...], folder: Path) -> list[Path]:
    """Write each speaker's channel to a file of its own, whose name needs no escaping."""
    files = [folder / f"{speaker}.flac" for speaker in speakers]
    for index, file in enumerate(files):
        voices = (voices_of(block, speakers) for block in stream(recording, keep_channels=True))
        write_flac((voice[index : index + 1] for voice in voices), file)
    return files


def _statement(files: Sequence[Path], times: Times) -> str:
    """Return the statement for all files of a recording: one row with an answer for each."""
    calls = (
        f"AI_TRANSCRIBE(TO_FILE('@\"{_STAGE}\"', '{file.name}'), OBJECT_CONSTRUCT('timestamp_granularity', '{times}'))"
        for file in files
    )
    return f"SELECT {', '.join(calls)}"


def _transcript(answers: Mapping[str, str], speech: Mapping[str, Sequence[Span]], language: str | None) -> Transcript:
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
