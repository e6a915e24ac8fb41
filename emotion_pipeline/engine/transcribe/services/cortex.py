"""AI_TRANSCRIBE: a recording to its transcript inside Snowflake, by way of a temporary stage.

Audio leaves this machine for the user's own Snowflake account; of a recording in which nobody speaks nothing does. What
is known of the function (read, not run: https://docs.snowflake.com/en/sql-reference/functions/ai_transcribe): it takes
a FILE on a stage with server-side encryption, FLAC among others, of up to 700 MB and, where times are wanted, up to 60
minutes; hears all channels as one; finds the language out by itself and does not tell it; tells no probabilities. How
its answer is read is the business of ``cortex_answer``.
"""

import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from emotion_pipeline.engine.audio.channels import voices_of
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.encode import write_flac
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Span, Transcript
from emotion_pipeline.engine.snowflake.session import (
    Connect,
    NoAnswerError,
    OutOfTimeError,
    RowsRefusedError,
    Session,
    session,
)
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints
from emotion_pipeline.engine.transcribe.guard import FINGERPRINT as GUARD
from emotion_pipeline.engine.transcribe.services.accepted_words import UnusableAnswerError
from emotion_pipeline.engine.transcribe.services.cortex_answer import FINGERPRINT as ANSWER
from emotion_pipeline.engine.transcribe.services.cortex_answer import transcript_of
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason
from emotion_pipeline.engine.transcribe.windows import speech_spans_of

Times = Literal["word", "speaker"]

# Of a file whose words or turns shall have times; as mono FLAC of 16 kHz it stays far below 700 MB.
LONGEST_S: Final = 3_600

_STAGE: Final = "CORTEX_AUDIO"
_CREATE_STAGE: Final = f"CREATE OR REPLACE TEMPORARY STAGE \"{_STAGE}\" ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE')"
_REMOVE: Final = f'REMOVE @"{_STAGE}"'


class CortexTranscriber:
    """A ``Transcriber`` around AI_TRANSCRIBE. Two-sided calls are transcribed channel by channel, in one statement.

    :param connect: opens a connection; its role needs the database role SNOWFLAKE.CORTEX_USER, and CREATE STAGE in the
        schema
    :param schema: in which the temporary stage is made, as SQL names it; None is the one that the connection is in
    :param times: of a recording on one channel: ``word``, exact ones of each word, or ``speaker``, of turns together
        with who speaks, in which words get their share by their length
    :param language: ISO 639-1 code of what is spoken, as far as the user knows; the function is not told
    :param timeout_s: longest that one statement may take
    :param longest_s: longest recording that is sent
    """

    def __init__(
        self,
        connect: Connect,
        *,
        schema: str | None = None,
        times: Times = "word",
        language: str | None = None,
        timeout_s: float = 3600.0,
        longest_s: float = LONGEST_S,
    ) -> None:
        self._connect = connect
        self._schema = schema
        self._times: Times = times
        self._language = language
        self._timeout_s = timeout_s
        self._longest_s = longest_s

    @property
    def fingerprint(self) -> str:
        rules = f"times={self._times},language={self._language or 'unknown'},{ANSWER},{GUARD.replace(':', '=')}"
        return f"cortex:AI_TRANSCRIBE:unversioned:{rules}"

    def transcribe(
        self, recording: Path, checkpoints: Checkpoints | None = None, speakers: tuple[str, ...] | None = None
    ) -> Transcript:
        """Return what was said; see ``Transcriber``. There is nothing to go on from: a recording is one statement."""
        del checkpoints
        self._refuse_long(recording)
        speech = speech_spans_of(recording, speakers)
        answers = self._answers(recording, speech) if any(speech.values()) else {}
        try:
            return transcript_of(answers, speech, self._language)
        except UnusableAnswerError as error:
            what = f"{recording.name}: the answer of AI_TRANSCRIBE cannot be used: {error}; run it again"
            raise TranscriptionFailedError(FailureReason.MALFORMED_ANSWER, what) from error

    def _refuse_long(self, recording: Path) -> None:
        seconds = sum(block.shape[1] for block in stream(recording)) / SAMPLE_RATE
        if seconds > self._longest_s:
            what = f"it has {seconds:,.0f} s, AI_TRANSCRIBE takes {self._longest_s:,}; use another transcription.method"
            raise TranscriptionFailedError(FailureReason.TOO_LONG, f"{recording.name}: {what}")

    def _answers(self, recording: Path, speech: Mapping[str, Sequence[Span]]) -> dict[str, str]:
        """Return the answer for each speaker's channel. Raises TranscriptionFailedError, BackendUnavailableError."""
        try:
            with tempfile.TemporaryDirectory(prefix="cortex-") as folder:
                files = _channels(recording, tuple(speech), Path(folder))
                with session(self._connect, self._schema) as opened:
                    return dict(zip(speech, self._asked(opened, files), strict=True))
        except (RowsRefusedError, OutOfTimeError, NoAnswerError) as error:
            raise self._failure(recording, error) from error

    def _asked(self, opened: Session, files: Sequence[Path]) -> list[str]:
        times = self._times if len(files) == 1 else "word"
        opened.execute(_CREATE_STAGE)
        try:
            for file in files:
                opened.execute(f"PUT 'file://{file}' @\"{_STAGE}\" AUTO_COMPRESS = FALSE")
            [row] = opened.execute(_transcribe(files, times), self._timeout())
        finally:
            # A stage that is dropped may be brought back for a while, with its files.
            opened.execute(_REMOVE)
        if None in row:
            raise RowsRefusedError("AI_TRANSCRIBE gives no answer")
        return [str(answer) for answer in row]

    def _timeout(self) -> int | None:
        return max(1, math.ceil(self._timeout_s)) if math.isfinite(self._timeout_s) else None

    def _failure(self, recording: Path, error: Exception) -> TranscriptionFailedError:
        if isinstance(error, OutOfTimeError):
            what = f"not done after {self._timeout_s:g} s; raise transcription.timeout"
            return TranscriptionFailedError(FailureReason.TIMEOUT, f"{recording.name}: {what}")
        if isinstance(error, NoAnswerError):
            return TranscriptionFailedError(FailureReason.SERVICE_ERROR, f"{recording.name}: {error}")
        what = f"{error}; is it in a language that AI_TRANSCRIBE knows?"
        return TranscriptionFailedError(FailureReason.REFUSED, f"{recording.name}: {what}")


def cortex_transcriber(
    connect: Connect | None, schema: str | None, times: Times, language: str | None, timeout_s: float | None
) -> CortexTranscriber:
    """Return the back end.

    :raises BackendUnavailableError: nothing says how Snowflake is reached
    """
    if connect is None:
        raise BackendUnavailableError("AI_TRANSCRIBE needs a Snowflake account; set SNOWFLAKE_ACCOUNT and others")
    longest = math.inf if timeout_s is None else timeout_s
    return CortexTranscriber(connect, schema=schema, times=times, language=language, timeout_s=longest)


def _channels(recording: Path, speakers: tuple[str, ...], folder: Path) -> list[Path]:
    """Write what each speaker's voice is heard on to a file of its own, under a name that needs no escaping."""
    files = [folder / f"{speaker}.flac" for speaker in speakers]
    for index, file in enumerate(files):
        voices = (voices_of(block, speakers) for block in stream(recording, keep_channels=True))
        write_flac((voice[index : index + 1] for voice in voices), file)
    return files


def _transcribe(files: Sequence[Path], times: Times) -> str:
    """Ask for all files of a recording in one statement: one row with one answer each."""
    calls = (
        f"AI_TRANSCRIBE(TO_FILE('@\"{_STAGE}\"', '{file.name}'), OBJECT_CONSTRUCT('timestamp_granularity', '{times}'))"
        for file in files
    )
    return f"SELECT {', '.join(calls)}"
