"""AI_TRANSCRIBE by way of a temporary stage, through the real connector: what is sent, read, and left behind.

The model is a stand-in, and so is REMOVE, which fakesnow does not know; PUT and the statement are really executed.
"""

import json
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.cortex_server import CortexServer, answers, connect_to_nobody, transcribed

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Span
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.registry import TRANSCRIBERS, TranscriberOptions
from emotion_pipeline.engine.transcribe.services.cortex import CortexTranscriber
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason, FailureReason
from emotion_pipeline.engine.transcribe.windows import speech_spans_of

SENTENCE = ["Nothing", "in", "the", "world", "will", "ever", "bring", "them", "back", "again."]


@pytest.fixture(scope="module")
def running() -> Iterator[CortexServer]:
    with CortexServer() as server:
        yield server


@pytest.fixture
def schema(running: CortexServer) -> str:
    made = running.create_schema()
    running.forget()
    return made


@pytest.fixture(scope="module")
def message(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shortened(repository, "sad_voice_message.ogg", 6.0, tmp_path_factory.mktemp("mono") / "it's a call?.flac")


@pytest.fixture(scope="module")
def call(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shortened(repository, "angry_customer_call.mp3", 14.0, tmp_path_factory.mktemp("stereo") / "call.flac")


def shortened(repository: Path, sample: str, seconds: float, path: Path) -> Path:
    samples = decode(repository / "samples" / "2026-11-02" / sample, keep_channels=True)
    encode_flac(samples[:, : round(seconds * SAMPLE_RATE)], path)
    return path


@cache
def speech_of(recording: Path) -> dict[str, tuple[Span, ...]]:
    return speech_spans_of(recording)


def answer(*segments: tuple[float, float, str, str | None]) -> str:
    """Return an answer as documented."""
    named = [{"start": start, "end": end, "text": text} | ({"speaker_label": speaker} if speaker else {})
             for start, end, text, speaker in segments]  # fmt: skip
    return json.dumps({"audio_duration": 6.0, "segments": named, "text": "unused"})


def spoken(recording: Path, speaker: str = "speaker_1", words: list[str] = SENTENCE) -> str:
    first = speech_of(recording)[speaker][0].start
    return answer(*((first + n * 0.25, first + n * 0.25 + 0.2, word, None) for n, word in enumerate(words)))


def transcriber(server: CortexServer, schema: str, **options: Any) -> CortexTranscriber:
    return CortexTranscriber(partial(server.connect_in, schema), **options)


def failure(server: CortexServer, schema: str, recording: Path) -> TranscriptionFailedError:
    with pytest.raises(TranscriptionFailedError) as caught:
        transcriber(server, schema).transcribe(recording)
    assert recording.name in str(caught.value)
    return caught.value


def test_a_recording_becomes_words_with_their_times(running: CortexServer, schema: str, message: Path) -> None:
    answers["speaker_1.flac"] = spoken(message)
    transcript = transcriber(running, schema, language="en").transcribe(message)
    assert [word.text for word in transcript.words] == SENTENCE
    first = speech_of(message)["speaker_1"][0].start
    assert [word.start for word in transcript.words] == pytest.approx([first + n * 0.25 for n in range(len(SENTENCE))])
    assert {word.speaker for word in transcript.words} == {"speaker_1"}
    assert (transcript.speakers_by, transcript.language) == ("assumed_one", "en")
    assert transcript.passages[0].average_log_probability is None


def test_what_is_sent_is_the_audio_and_nothing_stays_there(
    running: CortexServer, schema: str, message: Path, tmp_path: Path
) -> None:
    answers["speaker_1.flac"] = spoken(message)
    transcriber(running, schema).transcribe(message)
    [(name, content, options)] = transcribed
    assert (name, options) == ("speaker_1.flac", {"timestamp_granularity": "word"})
    (tmp_path / name).write_bytes(content)
    assert np.abs(decode(tmp_path / name) - decode(message)).max() < 1e-3
    verbs = [statement.split(" ")[0] for statement in running.executed]
    assert verbs == ["CREATE", "PUT", "SELECT", "REMOVE"]
    assert "TEMPORARY STAGE" in running.executed[0]
    assert running.stored(schema, "CORTEX_AUDIO") == []


def test_each_channel_of_a_call_is_a_file_and_both_are_heard_by_one_statement(
    running: CortexServer, schema: str, call: Path
) -> None:
    answers["speaker_1.flac"] = spoken(call, "speaker_1", ["Good", "morning."])
    answers["speaker_2.flac"] = spoken(call, "speaker_2", ["Go", "away."])
    transcript = transcriber(running, schema, times="speaker").transcribe(call)
    by_speaker = {name: [word.text for word in transcript.words if word.speaker == name] for name in speech_of(call)}
    assert by_speaker == {"speaker_1": ["Good", "morning."], "speaker_2": ["Go", "away."]}
    assert transcript.speakers_by == "channel"
    assert [options for _, _, options in transcribed] == [{"timestamp_granularity": "word"}] * 2
    assert sum(statement.startswith("SELECT") for statement in running.executed) == 1


def test_turns_name_their_speakers_and_words_share_their_time(
    running: CortexServer, schema: str, message: Path
) -> None:
    start = speech_of(message)["speaker_1"][0].start
    turns = [(start, start + 1.0, "Nothing in it.", "SPEAKER_01"), (start + 1.5, start + 2.5, "Yes", "SPEAKER_00")]
    answers["speaker_1.flac"] = answer(*turns)
    transcript = transcriber(running, schema, times="speaker").transcribe(message)
    assert transcribed[0][2] == {"timestamp_granularity": "speaker"}
    assert [(word.text, word.speaker) for word in transcript.words] == [
        ("Nothing", "speaker_1"),
        ("in", "speaker_1"),
        ("it.", "speaker_1"),
        ("Yes", "speaker_2"),
    ]
    ends = [word.end - start for word in transcript.words]
    assert ends == pytest.approx([7 / 12, 9 / 12, 1.0, 2.5])
    assert transcript.speakers_by == "service"


def test_words_outside_of_speech_and_loops_are_dropped(running: CortexServer, schema: str, message: Path) -> None:
    answers["speaker_1.flac"] = answer((100.0, 100.5, "Thank you.", None))
    far = transcriber(running, schema).transcribe(message)
    assert (far.words, far.dropped[0].reason) == ((), DropReason.OUTSIDE_SPEECH)
    answers["speaker_1.flac"] = spoken(message, words=["again", "and"] * 8)
    looping = transcriber(running, schema).transcribe(message)
    assert (looping.words, looping.dropped[0].reason) == ((), DropReason.REPEATS_ITSELF)


def test_a_recording_in_which_nobody_speaks_is_not_sent(running: CortexServer, schema: str, tmp_path: Path) -> None:
    encode_flac(np.zeros((1, 3 * SAMPLE_RATE), dtype=np.float32), tmp_path / "silence.flac")
    transcript = transcriber(running, schema).transcribe(tmp_path / "silence.flac")
    assert (transcript.words, transcript.speech) == ((), ())
    assert running.executed == []


def test_a_recording_that_is_too_long_is_not_sent(running: CortexServer, schema: str, message: Path) -> None:
    with pytest.raises(TranscriptionFailedError, match=r"has 6 s, AI_TRANSCRIBE takes 5") as caught:
        transcriber(running, schema, longest_s=5).transcribe(message)
    assert caught.value.code == FailureReason.TOO_LONG
    assert running.executed == []


def test_a_file_that_the_function_fails_on_is_refused_and_taken_away(
    running: CortexServer, schema: str, message: Path
) -> None:
    assert failure(running, schema, message).code == FailureReason.REFUSED
    assert running.executed[-1].startswith("REMOVE")
    assert running.stored(schema, "CORTEX_AUDIO") == []


@pytest.mark.parametrize(
    "text", ["", "no JSON", "{}", '{"segments": [{"start": 0}]}', '{"segments": [{"start": 0, "end": 1, "text": 5}]}']
)
def test_an_answer_that_is_none_is_malformed(running: CortexServer, schema: str, message: Path, text: str) -> None:
    answers["speaker_1.flac"] = text
    assert failure(running, schema, message).code == FailureReason.MALFORMED_ANSWER


def test_a_server_that_is_gone_fails_the_recording_and_a_login_that_fails_all_of_them(
    running: CortexServer, schema: str, message: Path
) -> None:
    with pytest.raises(TranscriptionFailedError) as caught:
        CortexTranscriber(connect_to_nobody).transcribe(message)
    assert caught.value.code == FailureReason.SERVICE_ERROR
    running.refuses_logins = True
    try:
        with pytest.raises(BackendUnavailableError, match="SNOWFLAKE_"):
            transcriber(running, schema).transcribe(message)
    finally:
        running.refuses_logins = False


def test_the_back_end_is_chosen_by_name_and_its_fingerprint_is_known_without_a_connection() -> None:
    with pytest.raises(BackendUnavailableError, match="SNOWFLAKE_ACCOUNT"):
        TRANSCRIBERS.load("cortex", options=TranscriberOptions())
    options = TranscriberOptions(connect=lambda: pytest.fail("nobody asked"), times="speaker", language="de")
    fingerprint = TRANSCRIBERS.load("cortex", options=options).fingerprint
    assert fingerprint.startswith("cortex:AI_TRANSCRIBE:unversioned:times=speaker,language=de,")
