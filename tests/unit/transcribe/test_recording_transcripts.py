"""One recording to one transcript: with the real recogniser, and with ones that count, dawdle or make things up."""

import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.audio.voice_activity import speech_spans
from emotion_pipeline.engine.common.errors import BackendUnavailableError, MediaError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Waveform
from emotion_pipeline.engine.transcribe.base import (
    DecodedWord,
    Decoding,
    GuardRules,
    SpokenLanguage,
    TranscriptionFailedError,
)
from emotion_pipeline.engine.transcribe.checkpoints import FolderCheckpoints
from emotion_pipeline.engine.transcribe.recording import LocalTranscriber
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper

READER = LocalTranscriber(faster_whisper())


class Counting:
    """A recogniser that says of each item how long it is, in words of a second each; it counts its calls."""

    fingerprint = "counting:1"
    rules = GuardRules()
    temperatures = (0.0, 0.5)
    longest_s = 10.0
    pad_s = 0.25

    def __init__(
        self, languages: Sequence[str] = ("en",), fails_after: int | None = None, takes_s: float = 0.0
    ) -> None:
        self._languages = itertools.cycle(languages)
        self._fails_after = fails_after
        self._takes_s = takes_s
        self.calls = 0
        self.asked_for_language = 0
        self.longest_item_s = 0.0

    def language_of(self, items: Sequence[Channel]) -> SpokenLanguage:
        self.asked_for_language += 1
        assert items
        return SpokenLanguage(next(self._languages), 0.75)

    def decode(self, items: Sequence[Channel], language: str, temperature: float) -> list[Decoding]:
        self.calls += 1
        if self._fails_after is not None and self.calls > self._fails_after:
            raise KeyboardInterrupt  # as a killed run ends
        time.sleep(self._takes_s)
        lengths = [len(item) / SAMPLE_RATE for item in items]
        self.longest_item_s = max([self.longest_item_s, *lengths])
        return [self._said(seconds, language) for seconds in lengths]

    @staticmethod
    def _said(seconds: float, language: str) -> Decoding:
        words = [DecodedWord(f"{language}{number}", number, number + 1.0, 0.9) for number in range(int(seconds) + 1)]
        return Decoding(tuple(words), -0.25, 0.01)


@pytest.fixture(scope="module")
def two_readers(shared_data: Path) -> Path:
    return shared_data / "speech" / "stereo" / "stereo_diarization.wav"


@pytest.fixture(scope="module")
def meeting(repository: Path) -> Waveform:
    return decode(repository / "samples" / "2026-11-02" / "team_meeting.flac")


@pytest.fixture(scope="module")
def long_meeting(tmp_path_factory: pytest.TempPathFactory, meeting: Waveform) -> Path:
    """A recording of more than two windows."""
    path = tmp_path_factory.mktemp("long") / "meeting.flac"
    encode_flac(np.tile(meeting, (1, -(-700 * SAMPLE_RATE // meeting.shape[1]))), path)
    return path


def test_each_channel_of_a_two_sided_call_has_its_own_words(two_readers: Path) -> None:
    transcript = READER.transcribe(two_readers)
    said = {
        speaker: {word.text.strip(".,").lower() for word in transcript.words if word.speaker == speaker}
        for speaker in ("speaker_1", "speaker_2")
    }
    assert {word.speaker for word in transcript.words} == set(said)
    assert {"began", "confused", "complaint", "wizard", "curtain"} <= said["speaker_1"]
    assert "extremely" in said["speaker_2"] - said["speaker_1"]
    assert [word.start for word in transcript.words] == sorted(word.start for word in transcript.words)
    assert [span.start for span in transcript.speech] == sorted(span.start for span in transcript.speech)
    assert transcript.language == "en"
    assert transcript.language_probability is not None and transcript.language_probability > 0.9
    assert transcript.speakers_by == "channel"


def test_one_voice_on_both_channels_is_one_speaker(two_readers: Path, tmp_path: Path) -> None:
    left = decode(two_readers, keep_channels=True)[:1]
    encode_flac(left, tmp_path / "once.flac")
    encode_flac(np.concatenate([left, left]), tmp_path / "twice.flac")
    transcript = READER.transcribe(tmp_path / "twice.flac")
    assert transcript.words
    assert {word.speaker for word in transcript.words} == {"speaker_1"}
    assert transcript.speakers_by == "assumed_one"
    assert transcript == READER.transcribe(tmp_path / "once.flac")


@pytest.mark.parametrize("name", ["dualmono", "inv_same", "echo_120ms_-20dB"])
def test_a_copy_on_the_second_channel_says_nothing_twice(shared_data: Path, name: str) -> None:
    transcript = READER.transcribe(shared_data / "faults" / "stereo" / f"{name}.flac")
    assert transcript.text.lower().split().count("wonderful") == 1
    assert {word.speaker for word in transcript.words} == {"speaker_1"}


def test_a_leak_3_db_below_its_source_is_not_said_twice(shared_data: Path) -> None:
    transcript = READER.transcribe(shared_data / "faults" / "stereo" / "call_bleed3ms_-3.2dB.flac")
    said = {
        speaker: [word.text.strip(".,").lower() for word in transcript.words if word.speaker == speaker]
        for speaker in ("speaker_1", "speaker_2")
    }
    assert [said[speaker].count("wonderful") for speaker in said] == [1, 0]
    assert [said[speaker].count("grandmother") for speaker in said] == [0, 1]


def test_a_recording_without_speech_has_an_empty_transcript_and_no_language(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    encode_flac(rng.normal(0, 0.1, (1, 2 * SAMPLE_RATE)).astype(np.float32), tmp_path / "noise.flac")
    recogniser = Counting()
    transcript = LocalTranscriber(recogniser).transcribe(tmp_path / "noise.flac")
    assert (transcript.words, transcript.speech, transcript.text, transcript.language) == ((), (), "", None)
    assert recogniser.asked_for_language == 0


def test_words_stay_inside_the_speech_that_they_were_heard_in(tmp_path: Path, meeting: Waveform) -> None:
    encode_flac(meeting, tmp_path / "meeting.flac")
    transcript = LocalTranscriber(Counting()).transcribe(tmp_path / "meeting.flac")
    spans = speech_spans(meeting[0])
    assert transcript.words
    for word in transcript.words:
        assert spans[0].start - 0.05 <= word.start <= word.end <= spans[-1].end + 0.05


def test_every_passage_says_how_sure_the_recogniser_was(tmp_path: Path, meeting: Waveform) -> None:
    encode_flac(meeting, tmp_path / "meeting.flac")
    transcript = LocalTranscriber(Counting()).transcribe(tmp_path / "meeting.flac")
    assert transcript.passages
    for passage in transcript.passages:
        assert (passage.average_log_probability, passage.no_speech_probability, passage.temperature) == (-0.25, 0.01, 0)
        assert passage.compression_ratio > 0
        assert passage.span.seconds <= Counting.longest_s - 2 * Counting.pad_s


def test_items_are_never_longer_than_the_recogniser_takes(long_meeting: Path) -> None:
    recogniser = Counting()
    LocalTranscriber(recogniser).transcribe(long_meeting)
    assert 0 < recogniser.longest_item_s <= recogniser.longest_s + 1e-3


def test_the_language_is_found_out_once_per_recording(long_meeting: Path) -> None:
    recogniser = Counting(languages=("de", "fr"))
    transcript = LocalTranscriber(recogniser).transcribe(long_meeting)
    assert recogniser.asked_for_language == 1
    assert (transcript.language, transcript.language_probability) == ("de", 0.75)
    assert {word.text[:2] for word in transcript.words} == {"de"}


def test_a_language_that_is_known_is_not_asked_for(tmp_path: Path, meeting: Waveform) -> None:
    encode_flac(meeting, tmp_path / "meeting.flac")
    recogniser = Counting()
    transcript = LocalTranscriber(recogniser, language="nl").transcribe(tmp_path / "meeting.flac")
    assert recogniser.asked_for_language == 0
    assert (transcript.language, transcript.language_probability) == ("nl", None)


def test_a_language_that_a_recogniser_does_not_know_is_an_error_that_says_so(two_readers: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="knows English only, not 'de'"):
        LocalTranscriber(faster_whisper(), language="de").transcribe(two_readers)


def test_a_killed_transcription_goes_on_after_its_last_window(long_meeting: Path, tmp_path: Path) -> None:
    whole = Counting()
    expected = LocalTranscriber(whole).transcribe(long_meeting)
    assert whole.calls >= 3
    checkpoints = FolderCheckpoints(tmp_path / "unfinished")
    with pytest.raises(KeyboardInterrupt):
        LocalTranscriber(Counting(fails_after=2)).transcribe(long_meeting, checkpoints)
    again = Counting()
    assert LocalTranscriber(again).transcribe(long_meeting, checkpoints) == expected
    assert again.calls == whole.calls - 2
    assert again.asked_for_language == 0
    assert not (tmp_path / "unfinished").exists()


def test_windows_that_something_else_made_are_not_taken_over(long_meeting: Path, tmp_path: Path) -> None:
    checkpoints = FolderCheckpoints(tmp_path / "unfinished")
    with pytest.raises(KeyboardInterrupt):
        LocalTranscriber(Counting(fails_after=2)).transcribe(long_meeting, checkpoints)
    other = Counting()
    transcript = LocalTranscriber(other, language="sv").transcribe(long_meeting, checkpoints)
    assert {word.text[:2] for word in transcript.words} == {"sv"}


def test_a_recording_that_takes_too_long_fails_and_can_go_on(long_meeting: Path, tmp_path: Path) -> None:
    checkpoints = FolderCheckpoints(tmp_path / "unfinished")
    with pytest.raises(
        TranscriptionFailedError, match=r"meeting\.flac: after 0\.5 s.*transcription\.timeout"
    ) as caught:
        LocalTranscriber(Counting(takes_s=1.0), timeout_s=0.5).transcribe(long_meeting, checkpoints)
    assert caught.value.code == "timeout"
    again = Counting()
    assert LocalTranscriber(again).transcribe(long_meeting, checkpoints).words
    assert again.calls == 2


def test_a_text_that_never_passes_leaves_its_span_and_reason_and_no_word(tmp_path: Path, meeting: Waveform) -> None:
    class Looping(Counting):
        @staticmethod
        def _said(seconds: float, language: str) -> Decoding:
            words = tuple(DecodedWord(text, 0.0, 0.1, 1.0) for text in ("thank", "you") * 10)
            return Decoding(words, 0.0, 0.0)

    encode_flac(meeting, tmp_path / "meeting.flac")
    transcript = LocalTranscriber(Looping()).transcribe(tmp_path / "meeting.flac")
    assert transcript.words == transcript.passages == ()
    assert transcript.speech
    assert {dropped.reason for dropped in transcript.dropped} == {DropReason.REPEATS_ITSELF}
    assert sum(dropped.span.seconds for dropped in transcript.dropped) >= sum(
        span.seconds for span in transcript.speech
    )


def test_a_recording_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no audio")
    with pytest.raises(MediaError, match=r"broken\.wav"):
        READER.transcribe(tmp_path / "broken.wav")


def test_the_fingerprint_names_all_that_makes_a_transcript() -> None:
    plain, told = LocalTranscriber(Counting()), LocalTranscriber(Counting(), language="de")
    assert plain.fingerprint.startswith("counting:1|windows:")
    assert "guard:" in plain.fingerprint
    assert plain.fingerprint != told.fingerprint
