"""AssemblyAI through its official SDK, against a stand-in for the service that speaks its protocol on 127.0.0.1."""

import logging
import re
import socket
import time
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.assembly_server import (
    DELETE,
    KEY,
    POLL,
    SUBMIT,
    UPLOAD,
    AssemblyServer,
    Fault,
    SpokenWord,
    assembly_server,
)

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.errors import BackendUnavailableError, EmotionPipelineError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Span, Waveform
from emotion_pipeline.engine.transcribe.base import TranscriptionFailedError
from emotion_pipeline.engine.transcribe.checkpoints import FolderCheckpoints
from emotion_pipeline.engine.transcribe.services.assemblyai import AssemblyAITranscriber
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason, FailureReason
from emotion_pipeline.engine.transcribe.windows import speech_spans_of

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20")

# So much silence follows the speech in every recording here.
SILENCE_S = 4.0
TEXT = "Nothing in the world will ever bring them back again and that is what I cannot get over."
SENTENCE = TEXT.split()


def recording_of(sample: Path, seconds: float, path: Path) -> Path:
    speech = decode(sample, keep_channels=True)[:, : round(seconds * SAMPLE_RATE)]
    silence = np.zeros((len(speech), round(SILENCE_S * SAMPLE_RATE)), dtype=np.float32)
    encode_flac(np.concatenate([speech, silence], axis=1), path)
    return path


@pytest.fixture(scope="module")
def recording(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sample = repository / "samples" / "2026-11-02" / "sad_voice_message.ogg"
    return recording_of(sample, 9.0, tmp_path_factory.mktemp("mono") / "message.flac")


@pytest.fixture(scope="module")
def call(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sample = repository / "samples" / "2026-11-02" / "angry_customer_call.mp3"
    return recording_of(sample, 14.0, tmp_path_factory.mktemp("stereo") / "call.flac")


@pytest.fixture
def service(recording: Path) -> Iterator[AssemblyServer]:
    with assembly_server() as server:
        server.speech.words = spoken_words(recording)
        server.speech.sentences = [(0, 5, "NEGATIVE")]
        yield server


@cache
def speech_of(recording: Path) -> dict[str, tuple[Span, ...]]:
    return speech_spans_of(recording)


def spoken_words(
    recording: Path, words: Sequence[str] = SENTENCE, voice: int = 0, confidence: float = 0.95
) -> list[SpokenWord]:
    """Words of 200 ms, four a second, where the speaker of that number speaks in the recording."""
    spans = list(speech_of(recording).values())[voice]
    starts = [int(1_000 * start) for span in spans for start in np.arange(span.start, span.end, 0.25)]
    assert len(words) <= len(starts)
    return [SpokenWord(text, start, start + 200, confidence, voice) for text, start in zip(words, starts, strict=False)]


def transcriber(service: AssemblyServer, **options: Any) -> AssemblyAITranscriber:
    options = {"poll_s": 0.01, "attempts": 3, "timeout_s": 30.0, **options}
    return AssemblyAITranscriber(options.pop("api_key", KEY), base_url=service.url, **options)


def failure(service: AssemblyServer, recording: Path, **options: Any) -> TranscriptionFailedError:
    with pytest.raises(TranscriptionFailedError) as raised:
        transcriber(service, **options).transcribe(recording)
    assert recording.name in str(raised.value)
    return raised.value


class Interrupted(FolderCheckpoints):
    """Checkpoints of a process that dies as soon as it has written one."""

    def write(self, name: str, text: str) -> None:
        super().write(name, text)
        raise KeyboardInterrupt


def test_words_have_times_probabilities_and_speakers_by_appearance(service: AssemblyServer, recording: Path) -> None:
    voices = [1] * 6 + [0] * 5 + [1] * 7
    service.speech.words = [
        SpokenWord(word.text, word.start, word.end, word.confidence, voice)
        for word, voice in zip(spoken_words(recording), voices, strict=True)
    ]
    transcript = transcriber(service).transcribe(recording)
    assert transcript.text == TEXT
    assert [word.speaker for word in transcript.words] == ["speaker_1" if voice else "speaker_2" for voice in voices]
    assert transcript.speakers_by == "service"
    first = service.speech.words[0]
    word = transcript.words[0]
    assert (word.start, word.end, word.probability) == (first.start / 1_000, first.end / 1_000, 0.95)
    assert [passage.speaker for passage in transcript.passages] == ["speaker_1", "speaker_2", "speaker_1"]
    assert all(before.span.end <= after.span.start for before, after in pairwise(transcript.passages))
    assert transcript.passages[0].average_log_probability == pytest.approx(np.log(0.95))
    assert transcript.dropped == ()
    assert transcript.speech == speech_of(recording)["speaker_1"]


def test_the_bytes_of_the_recording_are_sent_as_they_are(service: AssemblyServer, recording: Path) -> None:
    transcriber(service, delete_after=False).transcribe(recording)
    assert list(service.uploads.values()) == [recording.read_bytes()]
    assert service.submitted[0]["audio_url"] in service.uploads


def test_the_official_sdk_makes_the_requests(service: AssemblyServer, recording: Path) -> None:
    transcriber(service).transcribe(recording)
    assert len(service.user_agents) == 1
    assert f"AssemblyAI/1.0 (sdk=Python/{version('assemblyai')}" in service.user_agents.pop()


def test_each_channel_of_a_call_is_a_speaker(service: AssemblyServer, call: Path) -> None:
    agent = spoken_words(call, ["Thank", "you", "for", "calling", "how", "can", "I", "help"], voice=0)
    caller = spoken_words(call, ["I", "have", "waited", "three", "weeks"], voice=1)
    service.speech.words = sorted([*agent, *caller], key=lambda word: word.start)
    transcript = transcriber(service).transcribe(call)
    assert service.submitted[0]["multichannel"] is True
    assert "speaker_labels" not in service.submitted[0]
    assert transcript.speakers_by == "channel"
    by_speaker = {
        speaker: " ".join(word.text for word in transcript.words if word.speaker == speaker)
        for speaker in ("speaker_1", "speaker_2")
    }
    assert by_speaker == {"speaker_1": "Thank you for calling how can I help", "speaker_2": "I have waited three weeks"}
    assert [word.start for word in transcript.words] == sorted(word.start for word in transcript.words)


def test_cross_talk_keeps_each_voice_in_one_passage(service: AssemblyServer, call: Path) -> None:
    agent = spoken_words(call, ["one", "two", "three", "four"], voice=0)
    caller = spoken_words(call, ["five", "six", "seven", "eight"], voice=1)
    start = agent[0].start
    both = [
        SpokenWord(word.text, start + 250 * at, start + 250 * at + 200, word.confidence, word.voice)
        for voice in (agent, caller)
        for at, word in enumerate(voice)
    ]
    service.speech.words = sorted(both, key=lambda word: word.start)
    transcript = transcriber(service).transcribe(call)
    assert [passage.speaker for passage in transcript.passages if passage.speaker == "speaker_1"] == ["speaker_1"]
    assert all(word.speaker == "speaker_1" for word in transcript.words[:1])


def test_a_word_on_a_channel_that_does_not_exist_makes_the_answer_unusable(service: AssemblyServer, call: Path) -> None:
    service.speech.words = [SpokenWord("hello", 500, 700, voice=4)]
    assert failure(service, call).code == FailureReason.MALFORMED_ANSWER


def test_the_language_is_found_out_with_its_confidence(service: AssemblyServer, recording: Path) -> None:
    service.speech.language, service.speech.language_confidence = "en_us", 0.87
    transcript = transcriber(service).transcribe(recording)
    assert service.submitted[0]["language_detection"] is True
    assert (transcript.language, transcript.language_probability) == ("en", 0.87)


def test_a_language_that_was_set_is_not_doubted(service: AssemblyServer, recording: Path) -> None:
    transcript = transcriber(service, language="de").transcribe(recording)
    assert service.submitted[0]["language_code"] == "de"
    assert "language_detection" not in service.submitted[0]
    assert (transcript.language, transcript.language_probability) == ("de", None)


def test_models_are_asked_for_in_order_of_preference(service: AssemblyServer, recording: Path) -> None:
    transcriber(service, model="universal-3-pro, universal-2").transcribe(recording)
    assert service.submitted[0]["speech_models"] == ["universal-3-pro", "universal-2"]


def test_english_gets_the_sentiment_of_its_sentences(service: AssemblyServer, recording: Path) -> None:
    service.speech.sentences = [(0, 5, "NEGATIVE"), (5, 12, "NEUTRAL"), (12, 18, "POSITIVE")]
    transcript = transcriber(service).transcribe(recording)
    assert [sentiment.label for sentiment in transcript.sentiments] == ["NEGATIVE", "NEUTRAL", "POSITIVE"]
    first = transcript.sentiments[0]
    assert first.span == Span(transcript.words[0].start, transcript.words[4].end)
    assert (first.speaker, first.probability) == ("speaker_1", pytest.approx(0.95))


def test_other_languages_are_transcribed_without_sentiment(service: AssemblyServer, recording: Path) -> None:
    assert transcriber(service, language="fr").transcribe(recording).sentiments == ()
    assert "sentiment_analysis" not in service.submitted[0]


def test_features_lacking_in_the_detected_language_are_left_out(service: AssemblyServer, recording: Path) -> None:
    service.speech.language = "sw"
    transcript = transcriber(service).transcribe(recording)
    assert [asked.get("sentiment_analysis") for asked in service.submitted] == [True, None]
    assert (transcript.language, transcript.sentiments) == ("sw", ())
    assert transcript.text == TEXT
    assert service.count(UPLOAD) == 1
    assert service.count(DELETE) == 2


def test_speaker_labels_lacking_in_a_language_are_left_out(service: AssemblyServer, recording: Path) -> None:
    service.speech.english_only = ("sentiment_analysis", "speaker_labels")
    transcript = transcriber(service, language="sw").transcribe(recording)
    assert [asked.get("speaker_labels") for asked in service.submitted] == [True, None]
    assert transcript.speakers_by == "assumed_one"
    assert {word.speaker for word in transcript.words} == {"speaker_1"}


def test_requested_redaction_is_never_left_out(service: AssemblyServer, recording: Path) -> None:
    service.speech.english_only = ("redact_pii",)
    error = failure(service, recording, language="sw", redact_kinds=["phone_number"])
    assert error.code == FailureReason.REFUSED
    assert service.count(SUBMIT) == 1


def test_personal_data_are_taken_out_by_the_service_and_their_time_is_kept(
    service: AssemblyServer, recording: Path
) -> None:
    words = spoken_words(recording, ["call", "Mary", "at", "four", "two", "four", "two", "please", "thanks"])
    for at, kind in {
        1: "person_name",
        3: "phone_number",
        4: "phone_number",
        5: "phone_number",
        6: "phone_number",
    }.items():
        words[at] = SpokenWord(words[at].text, words[at].start, words[at].end, personal=kind)
    service.speech.words = words
    transcript = transcriber(service, redact_kinds=["phone_number", "person_name"]).transcribe(recording)
    assert transcript.text == (
        "call [PERSON_NAME] at [PHONE_NUMBER] [PHONE_NUMBER] [PHONE_NUMBER] [PHONE_NUMBER] please thanks"
    )
    assert [(span.kind, span.span) for span in transcript.redacted] == [
        ("person_name", Span(words[1].start / 1_000, words[1].end / 1_000)),
        ("phone_number", Span(words[3].start / 1_000, words[6].end / 1_000)),
    ]
    asked = service.submitted[0]
    assert asked["redact_pii"] is True
    assert asked["redact_pii_policies"] == ["person_name", "phone_number"]
    assert asked["redact_pii_sub"] == "entity_name"


def test_a_long_number_that_was_taken_out_is_no_loop(service: AssemblyServer, recording: Path) -> None:
    words = [
        SpokenWord(word.text, word.start, word.end, personal="credit_card_number") for word in spoken_words(recording)
    ]
    service.speech.words = words
    transcript = transcriber(service, redact_kinds=["credit_card_number"]).transcribe(recording)
    assert transcript.dropped == ()
    assert len(transcript.words) == len(words)
    assert len(transcript.redacted) == 1


@pytest.mark.parametrize(
    "override", [{"redact_pii": False}, {"text": "call [PHONE_NUMBER]", "words": [], "redact_pii": True}]
)
def test_an_answer_with_the_personal_data_in_it_is_refused(
    service: AssemblyServer, recording: Path, override: dict[str, Any]
) -> None:
    service.overrides = override
    error = failure(service, recording, redact_kinds=["phone_number"])
    assert error.code == FailureReason.MALFORMED_ANSWER
    assert service.count(DELETE) == 1


def test_unknown_kinds_of_personal_data_are_refused_by_name() -> None:
    with pytest.raises(BackendUnavailableError, match=r"'fone_number'; .* did you mean 'phone_number'"):
        AssemblyAITranscriber(KEY, redact_kinds=["person_name", "fone_number"])


def test_words_outside_of_all_speech_are_dropped(service: AssemblyServer, recording: Path) -> None:
    end = int(1_000 * speech_of(recording)["speaker_1"][-1].end)
    invented = [
        SpokenWord(text, end + at, end + at + 300)
        for text, at in (("Thanks", 2_000), ("for", 2_400), ("watching", 2_800))
    ]
    late = SpokenWord("indeed", end + 400, end + 600)
    service.speech.words = [*spoken_words(recording), late, *invented]
    service.speech.sentences = [(0, 5, "NEGATIVE"), (19, 22, "POSITIVE")]
    transcript = transcriber(service).transcribe(recording)
    assert transcript.words[-1].text == "indeed"
    assert [(drop.reason, drop.speaker) for drop in transcript.dropped] == [(DropReason.OUTSIDE_SPEECH, "speaker_1")]
    assert transcript.dropped[0].span == Span((end + 2_000) / 1_000, (end + 3_100) / 1_000)
    assert [sentiment.label for sentiment in transcript.sentiments] == ["NEGATIVE"]


def test_a_word_on_a_silent_channel_is_dropped_although_the_other_speaks(service: AssemblyServer, call: Path) -> None:
    agent = spoken_words(call, ["Thank", "you", "for", "calling"], voice=0)
    service.speech.words = [*agent, SpokenWord("ghost", agent[0].start, agent[0].end, voice=1)]
    transcript = transcriber(service).transcribe(call)
    assert transcript.text == "Thank you for calling"
    assert [(drop.reason, drop.speaker) for drop in transcript.dropped] == [(DropReason.OUTSIDE_SPEECH, "speaker_2")]


def test_a_stretch_that_loops_is_dropped(service: AssemblyServer, recording: Path) -> None:
    service.speech.words = spoken_words(recording, ["thank", "you"] * 9)
    transcript = transcriber(service).transcribe(recording)
    assert (transcript.words, transcript.passages, transcript.sentiments) == ((), (), ())
    assert [drop.reason for drop in transcript.dropped] == [DropReason.REPEATS_ITSELF]


def test_a_stretch_of_which_the_service_is_unsure_is_dropped(service: AssemblyServer, recording: Path) -> None:
    service.speech.words = spoken_words(recording, confidence=0.1)
    transcript = transcriber(service).transcribe(recording)
    assert transcript.words == ()
    assert [drop.reason for drop in transcript.dropped] == [DropReason.IMPROBABLE]


def test_remarks_about_sounds_are_no_words(service: AssemblyServer, recording: Path) -> None:
    service.speech.words = spoken_words(recording, ["[MUSIC]", *SENTENCE[:10]])
    assert transcriber(service).transcribe(recording).text == " ".join(SENTENCE[:10])


def test_a_long_speech_is_judged_piece_by_piece(service: AssemblyServer, tmp_path: Path, repository: Path) -> None:
    speech: Waveform = decode(repository / "samples" / "2026-11-02" / "sad_voice_message.ogg")
    path = tmp_path / "long.flac"
    encode_flac(np.tile(speech, (1, 3)), path)
    script = (repository / "samples" / "dialogues.yaml").read_text(encoding="utf-8")
    words = re.findall(r"[a-zA-Z']{2,}\.?", script)[:150]
    service.speech.words = spoken_words(path, words)
    transcript = transcriber(service).transcribe(path)
    assert len(transcript.words) == 150
    assert len(transcript.passages) > 1
    assert all(passage.span.seconds <= 30.0 for passage in transcript.passages)


def test_nothing_said_is_an_empty_transcript(service: AssemblyServer, recording: Path) -> None:
    service.speech.words, service.speech.sentences = (), ()
    transcript = transcriber(service).transcribe(recording)
    assert transcript.words == ()
    assert transcript.speech
    assert transcript.language == "en"


def test_speech_that_the_service_does_not_hear_is_an_empty_transcript(service: AssemblyServer, recording: Path) -> None:
    service.speech.error = "language_detection cannot be performed on files with no spoken audio."
    transcript = transcriber(service).transcribe(recording)
    assert (transcript.words, transcript.language) == ((), None)


def test_a_recording_in_which_nobody_speaks_is_not_sent(service: AssemblyServer, tmp_path: Path) -> None:
    encode_flac(np.zeros((1, 3 * SAMPLE_RATE), dtype=np.float32), tmp_path / "silence.flac")
    transcript = transcriber(service).transcribe(tmp_path / "silence.flac")
    assert (transcript.words, transcript.speech, transcript.speakers_by) == ((), (), "assumed_one")
    assert service.seen == []


@pytest.mark.parametrize("key", [None, "", "  "])
def test_a_missing_key_is_named_before_anything_is_done(key: str | None) -> None:
    with pytest.raises(BackendUnavailableError, match=r"check ASSEMBLYAI_API_KEY.*assemblyai\.com"):
        AssemblyAITranscriber(key)


def test_a_key_that_cannot_be_one_is_not_shown() -> None:
    key = "geheim\nschlüssel"
    with pytest.raises(BackendUnavailableError, match="check ASSEMBLYAI_API_KEY") as raised:
        AssemblyAITranscriber(key)
    assert "geheim" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    "url",
    ["api.assemblyai.com", "ftp://host", "https://", "https://me:secret@host", "http://:0", "https://host:port", "x:y"],
)
def test_a_base_url_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(BackendUnavailableError, match="base URL") as raised:
        AssemblyAITranscriber(KEY, base_url=url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(("route", "status"), [(UPLOAD, 401), (SUBMIT, 403), (POLL, 401)])
def test_a_key_that_the_service_refuses_stops_everything_at_once(
    service: AssemblyServer, recording: Path, route: str, status: int
) -> None:
    service.fail(route, Fault(status))
    with pytest.raises(BackendUnavailableError, match="check ASSEMBLYAI_API_KEY"):
        transcriber(service).transcribe(recording)
    assert service.count(route) == 1


def test_a_wrong_key_is_refused(service: AssemblyServer, recording: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="check ASSEMBLYAI_API_KEY"):
        transcriber(service, api_key="f" * 32).transcribe(recording)
    assert service.seen == [UPLOAD]


def test_too_many_requests_are_repeated_when_the_service_says(service: AssemblyServer, recording: Path) -> None:
    service.fail(SUBMIT, Fault(429, headers={"Retry-After": "1"}))
    started = time.monotonic()
    assert transcriber(service).transcribe(recording).text == TEXT
    assert time.monotonic() - started >= 1.0
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 2)


def test_a_date_to_come_back_at_is_obeyed(service: AssemblyServer, recording: Path) -> None:
    at = datetime.now(UTC) + timedelta(seconds=2)
    service.fail(UPLOAD, Fault(429, headers={"Retry-After": format_datetime(at, usegmt=True)}))
    assert transcriber(service).transcribe(recording).words
    assert datetime.now(UTC) >= at.replace(microsecond=0)


def test_too_many_requests_for_ever_are_a_named_failure(service: AssemblyServer, recording: Path) -> None:
    service.fail(SUBMIT, Fault(429, times=100))
    assert failure(service, recording).code == FailureReason.RATE_LIMITED
    assert service.count(SUBMIT) == 3


def test_a_wait_beyond_the_time_limit_is_not_begun(service: AssemblyServer, recording: Path) -> None:
    service.fail(UPLOAD, Fault(429, headers={"Retry-After": "3600"}))
    started = time.monotonic()
    assert failure(service, recording).code == FailureReason.RATE_LIMITED
    assert time.monotonic() - started < 10.0
    assert service.seen == [UPLOAD]


@pytest.mark.parametrize("route", [UPLOAD, SUBMIT, POLL])
@pytest.mark.parametrize(
    "fault", [Fault(500, times=2), Fault(429), Fault(503, body="<html>busy</html>", times=2), Fault(hang_up=True)]
)
def test_what_may_pass_is_tried_again(service: AssemblyServer, recording: Path, route: str, fault: Fault) -> None:
    service.fail(route, Fault(fault.status, fault.body, times=fault.times, hang_up=fault.hang_up))
    assert transcriber(service).transcribe(recording).text == TEXT


@pytest.mark.parametrize("route", [UPLOAD, SUBMIT, POLL])
def test_a_service_that_fails_for_ever_is_a_named_failure(service: AssemblyServer, recording: Path, route: str) -> None:
    service.fail(route, Fault(500, times=100))
    error = failure(service, recording)
    assert error.code == FailureReason.SERVICE_ERROR
    assert "500: Server error, developers have been alerted." in str(error)
    assert service.count(route) == 3


def test_a_refused_connection_is_a_named_failure(recording: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        refused = AssemblyAITranscriber(KEY, base_url=url, poll_s=0.01, attempts=2)
        with pytest.raises(TranscriptionFailedError, match=r"message\.flac: .* 127\.0\.0\.1 while uploading") as raised:
            refused.transcribe(recording)
    assert raised.value.code == FailureReason.SERVICE_ERROR


def test_a_job_that_takes_too_long_is_a_time_out(service: AssemblyServer, recording: Path) -> None:
    service.polls_needed = 1_000_000
    started = time.monotonic()
    error = failure(service, recording, timeout_s=0.6)
    assert error.code == FailureReason.TIMEOUT
    assert "transcription.timeout" in str(error)
    assert time.monotonic() - started < 10.0


@pytest.mark.parametrize("route", [UPLOAD, SUBMIT, POLL])
def test_a_stalled_connection_is_a_time_out(service: AssemblyServer, recording: Path, route: str) -> None:
    service.fail(route, Fault(stall_s=60.0, times=100))
    started = time.monotonic()
    assert failure(service, recording, timeout_s=0.5).code == FailureReason.TIMEOUT
    assert time.monotonic() - started < 10.0


def test_an_answer_that_trickles_is_a_time_out(service: AssemblyServer, recording: Path) -> None:
    service.fail(POLL, Fault(200, body="{" + " " * 1_000 + "}", trickle_s=0.05))
    started = time.monotonic()
    assert failure(service, recording, timeout_s=0.6).code == FailureReason.TIMEOUT
    assert time.monotonic() - started < 10.0


@pytest.mark.parametrize("route", [UPLOAD, SUBMIT, POLL])
@pytest.mark.parametrize("body", ["", "<html>hello</html>", "[]", '{"status": "completed"}'])
def test_an_answer_that_is_no_transcript_is_malformed(
    service: AssemblyServer, recording: Path, route: str, body: str
) -> None:
    service.fail(route, Fault(200, body=body))
    assert failure(service, recording).code == FailureReason.MALFORMED_ANSWER
    assert service.count(route) == 1


@pytest.mark.parametrize(
    "override",
    [
        {"words": None},
        {"words": ...},
        {"words": []},
        {"text": None},
        {"words": [{"text": "private words", "end": "later"}]},
        {"status": "lost"},
    ],
)
def test_a_transcript_without_its_words_is_malformed(
    service: AssemblyServer, recording: Path, override: dict[str, Any]
) -> None:
    service.overrides = override
    error = failure(service, recording)
    assert error.code == FailureReason.MALFORMED_ANSWER
    assert "private words" not in chain_of(error)


def test_a_failed_job_is_refused_in_the_services_own_words(service: AssemblyServer, recording: Path) -> None:
    service.speech.error = "Audio duration is too short."
    error = failure(service, recording)
    assert error.code == FailureReason.REFUSED
    assert "Audio duration is too short." in str(error)
    assert service.count(DELETE) == 1


def test_a_request_that_the_service_does_not_want_is_refused_in_its_words(
    service: AssemblyServer, recording: Path
) -> None:
    service.fail(SUBMIT, Fault(400, body='{"error": "Your current account balance is negative."}'))
    error = failure(service, recording)
    assert error.code == FailureReason.REFUSED
    assert "Your current account balance is negative." in str(error)
    assert service.count(SUBMIT) == 1


def test_a_redirect_is_not_followed_with_the_key(service: AssemblyServer, recording: Path) -> None:
    with assembly_server() as other:
        service.fail(UPLOAD, Fault(307, headers={"Location": f"{other.url}/v2/upload"}))
        assert failure(service, recording).code == FailureReason.SERVICE_ERROR
        assert other.seen == []


def test_a_job_survives_the_death_of_its_process(service: AssemblyServer, recording: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        transcriber(service).transcribe(recording, Interrupted(tmp_path / "parts"))
    transcript = transcriber(service).transcribe(recording, FolderCheckpoints(tmp_path / "parts"))
    assert transcript.text == TEXT
    assert (service.count(UPLOAD), service.count(SUBMIT)) == (1, 1)
    assert not (tmp_path / "parts").exists()


def test_a_job_survives_a_time_out(service: AssemblyServer, recording: Path, tmp_path: Path) -> None:
    service.polls_needed = 1_000_000
    checkpoints = FolderCheckpoints(tmp_path / "parts")
    with pytest.raises(TranscriptionFailedError):
        transcriber(service, timeout_s=1.0).transcribe(recording, checkpoints)
    assert service.count(DELETE) == 0
    service.polls_needed = 0
    assert transcriber(service).transcribe(recording, checkpoints).words
    assert service.count(SUBMIT) == 1


def test_a_job_that_the_service_does_not_know_any_more_starts_anew(
    service: AssemblyServer, recording: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        transcriber(service).transcribe(recording, Interrupted(tmp_path / "parts"))
    service.jobs.clear()
    assert transcriber(service).transcribe(recording, FolderCheckpoints(tmp_path / "parts")).words
    assert service.count(SUBMIT) == 2


def test_a_job_that_was_deleted_at_the_service_starts_anew(
    service: AssemblyServer, recording: Path, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        transcriber(service).transcribe(recording, Interrupted(tmp_path / "parts"))
    for job in service.jobs.values():
        job.update(status="completed", audio_url="http://deleted_by_user", text="Deleted by user.", words=None)
    assert transcriber(service).transcribe(recording, FolderCheckpoints(tmp_path / "parts")).text == TEXT
    assert service.count(SUBMIT) == 2


def test_a_job_that_failed_at_the_service_starts_anew(service: AssemblyServer, recording: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        transcriber(service).transcribe(recording, Interrupted(tmp_path / "parts"))
    for job in service.jobs.values():
        job.update(status="error", error="Internal error")
    assert transcriber(service).transcribe(recording, FolderCheckpoints(tmp_path / "parts")).words
    assert service.count(SUBMIT) == 2


@pytest.mark.parametrize("options", [{"redact_kinds": ["phone_number"]}, {"model": "slam-1"}, {"language": "en"}])
def test_a_job_that_was_asked_for_otherwise_is_not_taken_over(
    service: AssemblyServer, recording: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        transcriber(service).transcribe(recording, Interrupted(tmp_path / "parts"))
    assert transcriber(service, **options).transcribe(recording, FolderCheckpoints(tmp_path / "parts")).words
    assert service.count(SUBMIT) == 2


def test_a_damaged_checkpoint_starts_anew(service: AssemblyServer, recording: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        transcriber(service).transcribe(recording, Interrupted(tmp_path / "parts"))
    for part in (tmp_path / "parts").iterdir():
        part.write_text("../secrets?", encoding="utf-8")
    assert transcriber(service).transcribe(recording, FolderCheckpoints(tmp_path / "parts")).words
    assert service.count(SUBMIT) == 2


def test_nothing_stays_at_the_service(service: AssemblyServer, recording: Path) -> None:
    transcriber(service).transcribe(recording)
    assert [job["text"] for job in service.jobs.values()] == ["Deleted by user."]
    assert service.uploads == {}


def test_what_nobody_will_ask_for_again_is_deleted(service: AssemblyServer, recording: Path) -> None:
    service.polls_needed = 1_000_000
    assert failure(service, recording, timeout_s=1.0).code == FailureReason.TIMEOUT
    assert service.count(DELETE) == 1


def test_a_transcript_can_be_left_at_the_service(service: AssemblyServer, recording: Path) -> None:
    transcriber(service, delete_after=False).transcribe(recording)
    assert service.count(DELETE) == 0


def test_a_transcript_that_cannot_be_deleted_is_logged_and_used(
    service: AssemblyServer, recording: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service.fail(DELETE, Fault(500, times=100))
    assert transcriber(service).transcribe(recording).words
    assert f"AssemblyAI may still hold the transcript {next(iter(service.jobs))}" in caplog.text


def chain_of(error: BaseException) -> str:
    """Everything that can be shown of an exception and of those that it carries along, local variables included."""
    formatted = traceback.TracebackException.from_exception(error, capture_locals=True)
    linked = [cause for cause in (error.__cause__, error.__context__) if cause is not None]
    texts = [repr(error), repr(error.args), repr(vars(error)), *formatted.format(), *traceback.format_exception(error)]
    return "\n".join([*texts, *(chain_of(cause) for cause in linked)])


LEAKS = [
    Fault(400, body='{"error": "bad request, Authorization: {authorization}"}', times=100),
    Fault(401, body='{"error": "no such key: {authorization}"}', times=100),
    Fault(403, body='{"error": "{authorization}"}', times=100),
    Fault(429, body='{"error": "{authorization} asks too often"}', times=100),
    Fault(500, body='{"error": "{authorization}"}', times=100),
    Fault(500, body="<html>{authorization}</html>", times=100),
    Fault(200, body='{"status": "{authorization}"}', times=100),
    Fault(200, body="{authorization}", times=100),
    Fault(200, body='{"id": "x", "audio_url": "y", "status": "error", "error": "{authorization}"}', times=100),
    Fault(hang_up=True, times=100),
    Fault(stall_s=60.0, times=100),
]


@pytest.mark.parametrize("route", [UPLOAD, POLL])
@pytest.mark.parametrize("fault", LEAKS, ids=range(len(LEAKS)))
def test_the_key_is_never_shown(
    service: AssemblyServer,
    recording: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    route: str,
    fault: Fault,
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in logging.root.manager.loggerDict:
        caplog.set_level(logging.DEBUG, logger=name)
    service.fail(route, Fault(fault.status, fault.body, times=100, stall_s=fault.stall_s, hang_up=fault.hang_up))
    leaking = transcriber(service, timeout_s=1.5, attempts=2)
    with pytest.raises(EmotionPipelineError) as raised:
        leaking.transcribe(recording)
    assert KEY not in chain_of(raised.value)
    assert KEY not in repr(leaking) + repr(vars(leaking)) + leaking.fingerprint
    assert "httpcore" in caplog.text
    assert KEY not in caplog.text + repr([vars(record) for record in caplog.records])
    assert KEY not in "".join(capfd.readouterr())


def test_two_transcribers_do_not_disturb_each_other(
    service: AssemblyServer, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSEMBLYAI_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ASSEMBLYAI_POLLING_INTERVAL", "never")
    right, wrong = transcriber(service), transcriber(service, api_key="e" * 32)
    with pytest.raises(BackendUnavailableError):
        wrong.transcribe(recording)
    assert right.transcribe(recording).words


def test_the_fingerprint_names_model_version_and_parameters_and_no_key() -> None:
    plain = AssemblyAITranscriber(KEY)
    backend, model, release, parameters = plain.fingerprint.split(":")
    assert (backend, model, release) == ("assemblyai", "default", version("assemblyai"))
    assert "language=any" in parameters
    assert KEY not in plain.fingerprint
    others = [
        AssemblyAITranscriber(KEY, model="universal-2"),
        AssemblyAITranscriber(KEY, language="en"),
        AssemblyAITranscriber(KEY, redact_kinds=["phone_number"]),
        AssemblyAITranscriber(KEY, redact_kinds=["person_name", "phone_number"]),
    ]
    assert len({other.fingerprint for other in [plain, *others]}) == 5
    same = AssemblyAITranscriber("f" * 32, redact_kinds=["phone_number", "person_name"], poll_s=1.0, timeout_s=1.0)
    assert same.fingerprint == others[-1].fingerprint
