"""``transcripts`` when things go wrong or are private: failures, unfinished work, personal data."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span, SpeakersBy
from emotion_pipeline.engine.diarize.base import Turn
from emotion_pipeline.engine.redact.redactor import Redactor
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.local import recordings_below
from emotion_pipeline.engine.sources.router import Sources
from emotion_pipeline.engine.stages.raw_audio import take_in
from emotion_pipeline.engine.stages.segments import segment
from emotion_pipeline.engine.stages.transcripts import transcribe
from emotion_pipeline.engine.transcribe.base import (
    DecodedWord,
    Decoding,
    GuardRules,
    SpokenLanguage,
    TranscriptionFailedError,
)
from emotion_pipeline.engine.transcribe.checkpoints import FolderCheckpoints
from emotion_pipeline.engine.transcribe.recording import LocalTranscriber
from emotion_pipeline.engine.transcribe.transcript_maker import TranscriptMaker

DAY = "2026-11-02"
NUMBER = "call me at five five five two three six eight one nine one please"


class Says:
    """A recogniser that hears the same words in every item, evenly spread; raises where it is told to."""

    rules = GuardRules(most_words_per_second=100.0)
    temperatures = (0.0,)
    longest_s = 5.0  # too short for two of the phrases below
    pad_s = 0.0

    def __init__(self, text: str, error: Exception | None = None) -> None:
        self._text = text
        self._error = error
        self.fingerprint = f"says:{len(text)} letters"

    def language_of(self, items: Sequence[Channel]) -> SpokenLanguage:
        return SpokenLanguage("en", 0.9)

    def decode(self, items: Sequence[Channel], language: str, temperature: float) -> list[Decoding]:
        if self._error is not None:
            raise self._error
        return [self._said(len(item) / SAMPLE_RATE) for item in items]

    def _said(self, seconds: float) -> Decoding:
        texts = self._text.split()
        step = seconds / len(texts)
        words = (DecodedWord(text, at * step, (at + 1) * step, 0.9) for at, text in enumerate(texts))
        return Decoding(tuple(words), -0.1, 0.0)


class TwoHalves:
    """A diarizer for which the second half of every recording is somebody else's."""

    fingerprint = "two halves"
    speakers_by: SpeakersBy = "diarizer"
    shortest_s = 0.0

    def turns(self, channel: Channel) -> tuple[Turn, ...]:
        length = len(channel) / SAMPLE_RATE
        return Turn(Span(0.0, length / 2), "speaker_1"), Turn(Span(length / 2, length), "speaker_2")


class OneVoice(TwoHalves):
    """A diarizer that hears one person in the whole of every recording."""

    fingerprint = "one voice"

    def turns(self, channel: Channel) -> tuple[Turn, ...]:
        return (Turn(Span(0.0, len(channel) / SAMPLE_RATE), "speaker_1"),)


@pytest.fixture
def store(tmp_path: Path) -> FolderAudioStore:
    (tmp_path / "copies").mkdir()
    return FolderAudioStore(tmp_path / "copies")


@pytest.fixture
def raw_audio(tmp_path: Path, repository: Path, store: FolderAudioStore) -> pd.DataFrame:
    """Two recordings of one phrase each."""
    return taken_in(tmp_path / DAY, repository, store, seconds=4.0)


def taken_in(folder: Path, repository: Path, store: FolderAudioStore, seconds: float) -> pd.DataFrame:
    meeting = decode(repository / "samples" / DAY / "team_meeting.flac")
    folder.mkdir()
    for number, name in enumerate(("a.flac", "b.flac")):
        start = number * 100
        encode_flac(meeting[:, start : start + round(seconds * SAMPLE_RATE)], folder / name)
    return take_in(DAY, recordings_below(folder), None, store, Sources(FetchLimits())).rows


def transcript_maker(text: str, error: Exception | None = None, **parts: object) -> TranscriptMaker:
    return TranscriptMaker(LocalTranscriber(Says(text, error)), **parts)  # pyright: ignore[reportArgumentType]


class FailsOn:
    """A transcriber that cannot do one of the recordings."""

    fingerprint = "fails on one"

    def __init__(self, share: str) -> None:
        self._transcriber = LocalTranscriber(Says("hello there"))
        self._share = share

    def transcribe(self, recording: Path, checkpoints: object = None, speakers: tuple[str, ...] | None = None):
        if recording.name.startswith(self._share):
            raise TranscriptionFailedError("refused", "the service says: audio duration is too short")
        return self._transcriber.transcribe(recording)


def test_a_recording_that_fails_is_a_row_that_says_why_and_the_others_go_on(
    raw_audio: pd.DataFrame, store: FolderAudioStore
) -> None:
    bad = raw_audio["recording_id"].iloc[1]
    rows = transcribe(raw_audio, None, TranscriptMaker(FailsOn(bad)), store).rows.set_index("recording_id")
    assert (rows.loc[bad, "status"], rows.loc[bad, "reason"]) == ("failed", "refused")
    assert "audio duration is too short" in rows.loc[bad, "detail"]
    assert (rows.loc[bad, "text"], rows.loc[bad, "word_count"], rows.loc[bad, "speakers_by"]) == ("", 0, None)
    assert rows.drop(index=bad)["status"].tolist() == ["transcribed"]


def test_what_failed_is_tried_again_and_what_was_done_is_taken_over(
    raw_audio: pd.DataFrame, store: FolderAudioStore
) -> None:
    bad = raw_audio["recording_id"].iloc[1]
    first = transcribe(raw_audio, None, TranscriptMaker(FailsOn(bad)), store).rows
    second = transcribe(raw_audio, first, TranscriptMaker(FailsOn("nothing")), store)
    assert (second.computed, second.reused) == (1, 1)
    assert set(second.rows["status"]) == {"transcribed"}


def test_a_copy_that_is_gone_is_a_failure_of_its_recording_only(
    raw_audio: pd.DataFrame, store: FolderAudioStore, tmp_path: Path
) -> None:
    (tmp_path / "copies" / raw_audio["audio_uri"].iloc[0]).unlink()
    rows = transcribe(raw_audio, None, transcript_maker("hello there"), store).rows
    assert rows["status"].tolist() == ["failed", "transcribed"]
    assert rows["reason"].tolist() == ["audio_lost", None]


def test_what_stops_every_recording_stops_the_stage(raw_audio: pd.DataFrame, store: FolderAudioStore) -> None:
    with pytest.raises(BackendUnavailableError, match="check ASSEMBLYAI_API_KEY"):
        transcribe(raw_audio, None, transcript_maker("x", BackendUnavailableError("check ASSEMBLYAI_API_KEY")), store)


def test_unfinished_work_is_kept_by_recording_and_removed_when_done(
    repository: Path, store: FolderAudioStore, tmp_path: Path
) -> None:
    raw_audio = taken_in(tmp_path / DAY, repository, store, seconds=35.0)
    asked: list[str] = []

    def checkpoints(recording_id: str) -> FolderCheckpoints:
        asked.append(recording_id)
        return FolderCheckpoints(tmp_path / "unfinished" / recording_id)

    transcribe(raw_audio, None, transcript_maker("hello there"), store, checkpoints)
    assert asked == raw_audio["recording_id"].tolist()
    assert list((tmp_path / "unfinished").iterdir()) == []


def test_personal_data_reach_no_column(raw_audio: pd.DataFrame, store: FolderAudioStore) -> None:
    rows = transcribe(raw_audio, None, transcript_maker(NUMBER, redactor=Redactor()), store).rows
    row = rows.iloc[0]
    assert row["text"].startswith("call me at [PHONE_NUMBER]")
    assert "five" not in str(row.to_dict())
    assert len(row["words"]) == len(NUMBER.split()) * len(row["passages"])
    assert {span["kind"] for span in row["redacted"]} == {"phone_number"}
    assert all(span["start"] < span["end"] for span in row["redacted"])
    assert "five" not in " ".join(segment(rows).rows["text"])


def test_without_redaction_words_stay_as_they_were_said(raw_audio: pd.DataFrame, store: FolderAudioStore) -> None:
    rows = transcribe(raw_audio, None, transcript_maker(NUMBER), store).rows
    assert "five five five two" in rows["text"].iloc[0]
    assert rows["redacted"].map(len).tolist() == [0, 0]


def test_redacted_words_are_silent_in_a_copy_of_its_own(
    raw_audio: pd.DataFrame, store: FolderAudioStore, tmp_path: Path
) -> None:
    copies = [tmp_path / "copies" / uri for uri in raw_audio["audio_uri"]]
    before = decode(copies[0])[0]
    rows = transcribe(raw_audio, None, transcript_maker(NUMBER, redactor=Redactor(), silences_audio=True), store).rows
    silenced = tmp_path / "copies" / rows["audio_uri"].iloc[0]
    assert silenced != copies[0]
    assert np.array_equal(decode(copies[0])[0], before), "the file that raw_audio owns stays as it was"
    after = decode(silenced)[0]
    for span in rows["redacted"].iloc[0]:
        spoken = slice(int(span["start"] * SAMPLE_RATE), int(span["end"] * SAMPLE_RATE))
        assert before[spoken].any()
        assert not after[spoken].any()
    assert len(after) == len(before)
    assert np.array_equal(after[: SAMPLE_RATE // 10], before[: SAMPLE_RATE // 10])


def test_a_diarizer_gives_the_words_of_one_channel_to_several_speakers(
    raw_audio: pd.DataFrame, store: FolderAudioStore
) -> None:
    rows = transcribe(raw_audio, None, transcript_maker(NUMBER, diarizer=TwoHalves(), redactor=Redactor()), store).rows
    row = rows.iloc[0]
    assert row["speakers_by"] == "diarizer"
    assert {word["speaker"] for word in row["words"]} == {"speaker_1", "speaker_2"}
    assert [turn["speaker"] for turn in row["turns"]] == ["speaker_1", "speaker_2"]
    alone = transcribe(raw_audio, None, transcript_maker(NUMBER), store).rows.iloc[0]
    assert alone["speakers_by"] == "assumed_one"
    assert {word["speaker"] for word in alone["words"]} == {"speaker_1"}


def test_where_a_diarizer_hears_one_voice_one_speaker_is_assumed(
    raw_audio: pd.DataFrame, store: FolderAudioStore
) -> None:
    row = transcribe(raw_audio, None, transcript_maker(NUMBER, diarizer=OneVoice()), store).rows.iloc[0]
    assert row["speakers_by"] == "assumed_one"
    assert {word["speaker"] for word in row["words"]} == {"speaker_1"}


def test_another_redaction_or_diarizer_makes_transcripts_stale() -> None:
    fingerprints = {
        transcript_maker(NUMBER).fingerprint,
        transcript_maker(NUMBER, redactor=Redactor()).fingerprint,
        transcript_maker(NUMBER, redactor=Redactor(["phone_number"])).fingerprint,
        transcript_maker(NUMBER, diarizer=TwoHalves()).fingerprint,
        transcript_maker(NUMBER, redactor=Redactor(), silences_audio=True).fingerprint,
    }
    assert len(fingerprints) == 5


def test_a_day_from_before_speaker_channels_were_stored_is_transcribed_alike(
    raw_audio: pd.DataFrame, store: FolderAudioStore
) -> None:
    now = transcribe(raw_audio, None, transcript_maker(NUMBER), store).rows
    before = transcribe(raw_audio.assign(speaker_channels=float("nan")), None, transcript_maker(NUMBER), store).rows
    assert before["status"].tolist() == now["status"].tolist() == ["transcribed", "transcribed"]
    assert before["speakers_by"].tolist() == now["speakers_by"].tolist()
