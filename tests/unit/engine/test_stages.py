"""The stages on real recordings with the real back ends: what each makes of its input, and what it takes over."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.clutter import clutter
from support.media import tone, wav
from support.pipeline import Pipeline

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.backends import BackendChoice, Backends
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.sentiment.registry import load_sentiment
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.local import found_recording, recordings_below
from emotion_pipeline.engine.sources.router import Sources
from emotion_pipeline.engine.stages.chain import Analysis, analyse
from emotion_pipeline.engine.stages.emotion_labels import label_emotions
from emotion_pipeline.engine.stages.linguistic_features import describe
from emotion_pipeline.engine.stages.raw_audio import take_in
from emotion_pipeline.engine.stages.report import report
from emotion_pipeline.engine.stages.reuse import StageResult
from emotion_pipeline.engine.stages.segments import segment
from emotion_pipeline.engine.stages.sentiment_scores import score_sentiment
from emotion_pipeline.engine.stages.tone_scores import score_tone
from emotion_pipeline.engine.stages.transcripts import transcribe
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES
from emotion_pipeline.engine.transcribe.registry import TranscriberOptions

DAY = "2026-11-02"
SOURCES = Sources(FetchLimits())


def _clip(sample: Path, target: Path, start: float, seconds: float) -> None:
    """Write a cut of a sample recording, with its channels, as FLAC."""
    waveform = decode(sample, keep_channels=True)
    encode_flac(waveform[:, int(start * SAMPLE_RATE) : int((start + seconds) * SAMPLE_RATE)], target)


def _fill(folder: Path, repository: Path) -> Path:
    """A day of one voice, a call between two, noise, and an upload that went wrong."""
    folder.mkdir(parents=True)
    samples = repository / "samples" / DAY
    _clip(samples / "team_meeting.flac", folder / "one_voice.flac", 0.0, 5.0)
    _clip(samples / "angry_customer_call.mp3", folder / "two_voices.flac", 0.0, 7.0)
    noise = np.random.default_rng(7).normal(0.0, 0.05, (1, 2 * SAMPLE_RATE))
    encode_flac(noise.astype(np.float32), folder / "noise.flac")
    (folder / "broken.wav").write_bytes(b"<html>502 Bad Gateway</html>")
    return folder


@pytest.fixture(scope="module")
def backends() -> Backends:
    return Backends(BackendChoice(transcriber_options=TranscriberOptions(threads=1)))


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _fill(tmp_path_factory.mktemp("stages") / DAY, Path(__file__).resolve().parents[3])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> FolderAudioStore:
    return FolderAudioStore(tmp_path_factory.mktemp("copies"))


@pytest.fixture(scope="module")
def analysis(day: Path, store: FolderAudioStore, backends: Backends) -> Analysis:
    return analyse(DAY, recordings_below(day), SOURCES, backends, store)


def _by_file(frame: pd.DataFrame, file: str) -> pd.DataFrame:
    return frame[frame["file"] == file]


class TestTakingIn:
    """``raw_audio``."""

    @staticmethod
    def _take_in(folder: Path, copies: Path, previous: pd.DataFrame | None = None) -> StageResult:
        copies.mkdir(exist_ok=True)
        return take_in(DAY, recordings_below(folder), previous, FolderAudioStore(copies), SOURCES)

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "recordings"
        folder.mkdir()
        for number, name in enumerate(("a.wav", "b.wav", "c.wav")):
            (folder / name).write_bytes(wav(tone(300.0 + 100.0 * number, seconds=0.5)))
        (folder / "d.wav").write_bytes(b"")
        return folder

    def test_a_file_that_vanished_after_it_was_listed_is_a_rejected_row(
        self, folder: Path, store: FolderAudioStore
    ) -> None:
        recording = found_recording(folder / "a.wav", folder)
        (folder / "a.wav").unlink()
        rows = take_in(DAY, [recording], None, store, SOURCES).rows
        assert rows[["file", "status", "reason"]].values.tolist() == [["a.wav", "rejected", "not_found"]]
        assert "put it back" in rows["detail"].item()

    def test_every_broken_file_is_rejected_with_a_named_reason_but_the_one_that_is_only_misnamed(
        self, shared_data: Path, tmp_path: Path
    ) -> None:
        rows = self._take_in(shared_data / "speech" / "broken", tmp_path / "copies").rows.set_index("file")
        misnamed = rows.loc["wrong_extension.aac"]
        rejected = rows.drop(index="wrong_extension.aac")
        assert len(rejected) == 7
        assert set(rejected["status"]) == {"rejected"}
        assert set(rejected["reason"]) <= set(RejectReason)
        assert rejected["detail"].str.len().gt(0).all()
        assert rejected["audio_uri"].isna().all()
        assert (misnamed["status"], misnamed["reason"]) == ("accepted", None)
        assert "extension_does_not_match_content" in misnamed["warnings"]

    def test_every_format_is_accepted_and_copied(self, shared_data: Path, tmp_path: Path) -> None:
        rows = self._take_in(shared_data / "speech" / "formats", tmp_path / "copies").rows
        assert len(rows) == 8
        assert set(rows["status"]) == {"accepted"}
        for row in rows.to_dict("records"):
            copy = decode(tmp_path / "copies" / row["audio_uri"], keep_channels=True)
            assert copy.shape == (row["speaker_channels"], round(row["seconds"] * SAMPLE_RATE)), (
                "one sound on two channels is kept once"
            )

    def test_a_bad_file_does_not_stop_the_others(self, folder: Path, tmp_path: Path) -> None:
        rows = self._take_in(folder, tmp_path / "copies").rows
        assert rows["status"].tolist() == ["accepted", "accepted", "accepted", "rejected"]
        assert rows["reason"].tolist() == [None, None, None, "empty_file"]
        assert not rows["detail"].dropna().str.contains(str(tmp_path), regex=False).any()

    def test_files_that_are_no_recordings_are_named_and_have_no_row(self, folder: Path, tmp_path: Path) -> None:
        files = clutter() | {"empty": b"", "call": wav(tone(seconds=0.5)), "page.mp3": b"<html>502</html>" * 40}
        for name, content in files.items():
            (folder / name).write_bytes(content)
        result = self._take_in(folder, tmp_path / "copies")
        assert result.no_recordings == tuple(sorted({*clutter(), "empty"}))
        rows = result.rows.set_index("file")["status"]
        assert rows.drop(["a.wav", "b.wav", "c.wav", "d.wav"]).to_dict() == {"call": "accepted", "page.mp3": "rejected"}
        again = self._take_in(folder, tmp_path / "copies", result.rows)
        assert (again.no_recordings, again.computed) == (result.no_recordings, 0)

    def test_a_file_that_a_list_names_is_a_recording_whatever_its_name(self, tmp_path: Path) -> None:
        day = tmp_path / "recordings" / DAY
        day.mkdir(parents=True)
        (day / "offer.pdf").write_bytes(clutter()["photo.pdf"])
        (day / "manifest.csv").write_text("uri\noffer.pdf\n", encoding="utf-8")
        recordings = SOURCES.recordings(str(day.parent), DAY)
        result = take_in(DAY, recordings, None, FolderAudioStore(tmp_path), SOURCES)
        assert (result.rows["reason"].tolist(), result.no_recordings) == (["unreadable"], ())

    def test_a_link_that_leads_nowhere_is_a_row_with_a_reason(self, folder: Path, tmp_path: Path) -> None:
        (folder / "e.wav").symlink_to(folder / "gone.wav")
        (folder / "f.wav").symlink_to(folder / "f.wav")
        taken_in = self._take_in(folder, tmp_path / "copies").rows
        rows = {row["file"]: row for row in taken_in.to_dict("records")}
        assert (rows["e.wav"]["status"], rows["e.wav"]["reason"]) == ("rejected", "not_found")
        assert "a link to a file that is not there" in rows["e.wav"]["detail"]
        assert rows["f.wav"]["status"] == "rejected"

    def test_of_files_with_the_same_bytes_the_first_by_name_is_the_recording(
        self, folder: Path, tmp_path: Path
    ) -> None:
        shutil.copy(folder / "c.wav", folder / "copy of c.wav")
        rows = self._take_in(folder, tmp_path / "copies").rows.set_index("file")
        original, copy = (rows.loc[name].to_dict() for name in ("c.wav", "copy of c.wav"))
        assert (original["status"], copy["status"]) == ("accepted", "duplicate")
        assert "c.wav" in copy["detail"]
        assert original["recording_id"] == copy["recording_id"]

    def test_a_duplicate_takes_the_place_of_an_original_that_is_gone(self, folder: Path, tmp_path: Path) -> None:
        shutil.copy(folder / "c.wav", folder / "copy of c.wav")
        first = self._take_in(folder, tmp_path / "copies")
        (folder / "c.wav").unlink()
        second = self._take_in(folder, tmp_path / "copies", first.rows)
        copy = _by_file(second.rows, "copy of c.wav")
        assert (copy["status"].item(), copy["detail"].item()) == ("accepted", None)
        assert second.computed == 0

    def test_two_empty_files_are_both_rejected_and_neither_is_a_duplicate(self, folder: Path, tmp_path: Path) -> None:
        (folder / "e.wav").write_bytes(b"")
        rows = self._take_in(folder, tmp_path / "copies").rows.set_index("file")
        assert rows.loc[["d.wav", "e.wav"], "status"].tolist() == ["rejected", "rejected"]

    def test_unchanged_files_are_taken_over(self, folder: Path, tmp_path: Path) -> None:
        first = self._take_in(folder, tmp_path / "copies")
        second = self._take_in(folder, tmp_path / "copies", first.rows)
        assert (first.computed, first.reused) == (4, 0)
        assert (second.computed, second.reused, second.seconds_of_audio) == (0, 4, 0.0)
        pd.testing.assert_frame_equal(second.rows, first.rows)

    def test_only_a_changed_file_is_inspected_again(self, folder: Path, tmp_path: Path) -> None:
        first = self._take_in(folder, tmp_path / "copies")
        (folder / "b.wav").write_bytes(wav(tone(900.0, seconds=0.75)))
        second = self._take_in(folder, tmp_path / "copies", first.rows)
        assert (second.computed, second.reused) == (1, 3)
        assert second.rows["seconds"].tolist()[:3] == [0.5, 0.75, 0.5]

    def test_a_lost_copy_is_made_again(self, folder: Path, tmp_path: Path) -> None:
        first = self._take_in(folder, tmp_path / "copies")
        lost = tmp_path / "copies" / str(first.rows["audio_uri"].iloc[0])
        lost.unlink()
        second = self._take_in(folder, tmp_path / "copies", first.rows)
        assert (second.computed, second.reused) == (1, 3)
        assert lost.is_file()

    def test_other_rules_of_inspection_make_every_row_stale(self, folder: Path, tmp_path: Path) -> None:
        first = self._take_in(folder, tmp_path / "copies")
        before = first.rows.assign(model_fingerprint="av:1:rules:0")
        assert self._take_in(folder, tmp_path / "copies", before).computed == 4

    def test_a_day_without_recordings_has_no_rows_but_all_columns(self, tmp_path: Path) -> None:
        empty = tmp_path / "empty"
        empty.mkdir()
        filled = self._take_in(_one_tone(tmp_path / "filled"), tmp_path / "copies").rows
        rows = self._take_in(empty, tmp_path / "copies").rows
        assert rows.empty
        assert rows.columns.tolist() == filled.columns.tolist()


def _one_tone(folder: Path) -> Path:
    folder.mkdir()
    (folder / "a.wav").write_bytes(wav(tone(seconds=0.5)))
    return folder


class TestWords:
    """``transcripts`` and ``segments``."""

    def test_one_channel_is_one_speaker_and_two_channels_are_two(self, analysis: Analysis) -> None:
        spoken = analysis.segments.groupby("file")["speaker"].agg(set).to_dict()
        assert spoken == {"one_voice.flac": {"speaker_1"}, "two_voices.flac": {"speaker_1", "speaker_2"}}

    def test_a_recording_that_was_rejected_has_no_transcript(self, analysis: Analysis) -> None:
        assert set(analysis.transcripts["file"]) == {"one_voice.flac", "two_voices.flac", "noise.flac"}

    def test_noise_has_a_transcript_that_says_that_nobody_spoke(self, analysis: Analysis) -> None:
        noise = _by_file(analysis.transcripts, "noise.flac").iloc[0]
        assert (noise["status"], noise["text"], noise["word_count"]) == ("no_speech", "", 0)
        assert (noise["speech_seconds"], noise["words"], noise["speech"]) == (0, [], [])
        assert pd.isna(noise["mean_word_probability"])

    def test_a_transcript_agrees_with_its_words(self, analysis: Analysis) -> None:
        spoken = analysis.transcripts[analysis.transcripts["status"] == "transcribed"]
        assert len(spoken) == 2
        for row in spoken.to_dict("records"):
            assert row["text"] == " ".join(word["text"] for word in row["words"])
            assert row["word_count"] == len(row["words"]) > 0
            assert all(0 <= word["start"] <= word["end"] <= row["recording_seconds"] for word in row["words"])
            assert (
                0 < row["speech_seconds"] == pytest.approx(sum(span["end"] - span["start"] for span in row["speech"]))
            )

    def test_every_word_is_in_exactly_one_segment(self, analysis: Analysis) -> None:
        for transcript in analysis.transcripts.to_dict("records"):
            own = analysis.segments[analysis.segments["recording_id"] == transcript["recording_id"]]
            transcribed_words = sorted(word["text"] for word in transcript["words"])
            assert sorted(" ".join(own["text"]).split()) == transcribed_words
            assert own["word_count"].sum() == transcript["word_count"]
            assert own["segment_index"].tolist() == list(range(len(own)))
            assert own["start_seconds"].is_monotonic_increasing

    def test_a_segment_that_says_something_else_has_another_id_and_only_that_one(self, analysis: Analysis) -> None:
        transcripts = analysis.transcripts.to_dict("records")
        call = next(transcript for transcript in transcripts if transcript["file"] == "two_voices.flac")
        call["words"] = [call["words"][0] | {"text": "corrected"}, *call["words"][1:]]
        corrected = pd.DataFrame(transcripts)
        before, after = analysis.segments, segment(corrected).rows
        changed = before["segment_id"] != after["segment_id"]
        assert after.loc[changed, "text"].str.contains("corrected").tolist() == [True]

    def test_the_same_words_in_a_renamed_file_on_another_day_have_the_same_ids(self, analysis: Analysis) -> None:
        moved = analysis.transcripts.assign(recording_date=pd.Timestamp("2026-11-09").date(), file="renamed.flac")
        moved["words"] = [[word | {"probability": 0.5} for word in words] for words in moved["words"]]
        assert segment(moved).rows["segment_id"].tolist() == analysis.segments["segment_id"].tolist()
        assert analysis.segments["segment_id"].is_unique

    def test_a_transcript_of_the_same_transcriber_is_taken_over_and_a_new_recording_is_not(
        self, analysis: Analysis, backends: Backends, store: FolderAudioStore
    ) -> None:
        is_noise = analysis.transcripts["file"] == "noise.flac"
        previous = analysis.transcripts[~is_noise]
        result = transcribe(analysis.raw_audio, previous, backends.transcript_maker, store)
        assert (result.computed, result.reused, result.seconds_of_audio) == (1, 2, 2.0)
        pd.testing.assert_frame_equal(result.rows, analysis.transcripts, check_dtype=False)


class TestTone:
    """``tone_scores``."""

    def test_every_segment_has_a_tone_with_probabilities_that_sum_to_one(self, analysis: Analysis) -> None:
        scores = analysis.tone_scores
        assert scores["segment_id"].tolist() == analysis.segments["segment_id"].tolist()
        probabilities = scores.filter(like="probability_").astype(float)
        assert probabilities.sum(axis=1).to_numpy() == pytest.approx(1.0)
        assert probabilities.max(axis=1).tolist() == scores["tone_probability"].tolist()

    def test_a_recording_with_one_new_segment_is_scored_whole_and_another_is_taken_over(
        self, analysis: Analysis, backends: Backends, store: FolderAudioStore
    ) -> None:
        call = _by_file(analysis.segments, "two_voices.flac")
        assert len(call) >= 2
        previous = analysis.tone_scores[analysis.tone_scores["segment_id"] != call["segment_id"].iloc[0]]
        result = score_tone(analysis.segments, previous, backends.tone, store)
        assert (result.computed, result.reused) == (len(call), len(analysis.segments) - len(call))
        assert result.seconds_of_audio == pytest.approx((call["end_seconds"] - call["start_seconds"]).sum())
        pd.testing.assert_frame_equal(result.rows, analysis.tone_scores)

    def test_scores_of_unchanged_recordings_are_taken_over_without_listening(
        self, analysis: Analysis, backends: Backends, tmp_path: Path
    ) -> None:
        nothing_to_hear = FolderAudioStore(tmp_path)
        result = score_tone(analysis.segments, analysis.tone_scores, backends.tone, nothing_to_hear)
        assert (result.computed, result.reused, result.seconds_of_audio) == (0, len(analysis.segments), 0.0)
        pd.testing.assert_frame_equal(result.rows, analysis.tone_scores)


class TestJudgements:
    """``linguistic_features``, ``sentiment_scores`` and ``emotion_labels``."""

    def test_features_are_42_columns_that_the_extractor_gives(self, analysis: Analysis, backends: Backends) -> None:
        columns = ["recording_date", "recording_id", "segment_id", *FEATURE_NAMES, "model_fingerprint"]
        assert len(FEATURE_NAMES) == 42
        assert analysis.linguistic_features.columns.tolist() == columns
        expected = backends.features.extract(analysis.segments["text"].tolist())
        assert analysis.linguistic_features[list(FEATURE_NAMES)].to_numpy(float) == pytest.approx(expected)

    def test_labels_are_what_the_predictor_says_of_the_texts(self, analysis: Analysis) -> None:
        labels = analysis.emotion_labels
        results = EmotionPredictor().predict(analysis.segments["text"].tolist())
        assert labels["base_emotion"].tolist() == [result.base for result in results]
        assert labels["base_probability"].tolist() == [result.base_probability for result in results]
        assert [tuple(result) for result in labels["labels"]] == [result.labels for result in results]
        assert labels["uncertain"].tolist() == [result.uncertain for result in results]
        stored = [{entry["label"]: entry["probability"] for entry in scores} for scores in labels["label_scores"]]
        assert stored == [result.label_scores for result in results]

    def test_labels_are_made_from_the_features_that_are_given(self, analysis: Analysis, backends: Backends) -> None:
        shifted = analysis.linguistic_features.copy()
        shifted[list(FEATURE_NAMES)] = 1.0
        rows = label_emotions(analysis.segments, shifted, None, backends.emotion).rows
        ones = np.ones((len(rows), 42), dtype=np.float32)
        expected = backends.emotion.predict(analysis.segments["text"].tolist(), features=ones)
        assert rows["base_probability"].tolist() == [result.base_probability for result in expected]
        assert rows["base_probability"].tolist() != analysis.emotion_labels["base_probability"].tolist()

    def test_a_segment_without_features_is_not_labelled(self, analysis: Analysis, backends: Backends) -> None:
        rows = label_emotions(analysis.segments, analysis.linguistic_features.iloc[1:], None, backends.emotion).rows
        assert rows["segment_id"].tolist() == analysis.segments["segment_id"].tolist()[1:]

    def test_only_a_new_segment_is_judged(self, analysis: Analysis, backends: Backends) -> None:
        segments, features = analysis.segments, analysis.linguistic_features
        reused = len(segments) - 1
        for result in (
            describe(segments, features.iloc[1:], backends.features),
            score_sentiment(segments, analysis.sentiment_scores.iloc[1:], backends.sentiment),
            label_emotions(segments, features, analysis.emotion_labels.iloc[1:], backends.emotion),
        ):
            assert (result.computed, result.reused) == (1, reused)
            assert result.rows["segment_id"].tolist() == segments["segment_id"].tolist()

    def test_sentiment_that_follows_from_the_labels_is_the_same_as_sentiment_that_is_asked_for(
        self, analysis: Analysis, backends: Backends
    ) -> None:
        asked = score_sentiment(analysis.segments, None, backends.sentiment).rows
        pd.testing.assert_frame_equal(analysis.sentiment_scores, asked, check_exact=True)
        for backend in (backends.sentiment, load_sentiment("vader")):
            given = score_sentiment(analysis.segments, None, backend, analysis.emotion_labels).rows
            assert given["sentiment_score"].tolist() == backend.score(analysis.segments["text"].tolist())

    def test_another_confidence_threshold_judges_all_segments_again(
        self, analysis: Analysis, backends: Backends
    ) -> None:
        careful = EmotionPredictor(confidence_threshold=1.0, extractor=backends.features)
        result = label_emotions(analysis.segments, analysis.linguistic_features, analysis.emotion_labels, careful)
        assert result.computed == len(analysis.segments)
        assert result.rows["uncertain"].all()


class TestChain:
    """All stages in memory, and what is reported of them."""

    def test_there_is_a_report_per_file_in_order_with_its_status_and_reasons(self, analysis: Analysis) -> None:
        reports = {recording.file: recording for recording in report(analysis)}
        assert list(reports) == ["broken.wav", "noise.flac", "one_voice.flac", "two_voices.flac"]
        broken, noise, call = reports["broken.wav"], reports["noise.flac"], reports["two_voices.flac"]
        assert (broken.status, broken.reasons, broken.transcript) == ("rejected", ("unreadable",), None)
        assert (noise.status, noise.reasons, noise.transcript) == ("accepted", ("shorter_than_30_s",), "")
        assert (noise.emotion, noise.sentiment_score, noise.tone_sentiment_match) == (None, None, "Unknown")
        assert noise.segments == ()
        whole = analysis.tone_sentiment[analysis.tone_sentiment["scope"] == "recording"].set_index("file")
        assert call.emotion_score == whole.loc["two_voices.flac", "emotion_score"]
        assert call.to_dict()["segments"][0]["speaker"] == call.segments[0].speaker

    def test_the_segments_of_a_report_are_those_of_the_tables(self, analysis: Analysis) -> None:
        reported = [segment for recording in report(analysis) for segment in recording.segments]
        assert [segment.transcript for segment in reported] == analysis.segments["text"].tolist()
        assert [segment.emotion for segment in reported] == analysis.tone_scores["tone"].tolist()
        assert [segment.text_emotion for segment in reported] == analysis.emotion_labels["base_emotion"].tolist()
        assert [segment.sentiment_score for segment in reported] == analysis.sentiment_scores[
            "sentiment_score"
        ].tolist()

    def test_files_that_cannot_be_read_are_reported_even_when_there_is_no_other(
        self, tmp_path: Path, backends: Backends
    ) -> None:
        (tmp_path / "broken.wav").write_bytes(b"RIFF")
        reports = report(analyse(DAY, recordings_below(tmp_path), SOURCES, backends, FolderAudioStore(tmp_path)))
        assert [(recording.file, recording.status, recording.segments) for recording in reports] == [
            ("broken.wav", "rejected", ())
        ]

    def test_the_pipeline_gives_the_same_rows(self, analysis: Analysis, day: Path, tmp_path: Path) -> None:
        pipeline = Pipeline(tmp_path)
        shutil.copytree(day, tmp_path / "recordings" / DAY)
        run = pipeline.run(DAY)
        assert run.success
        for table in ("raw_audio", "tone_sentiment"):
            stored = pipeline.rows(table, DAY)
            in_memory = getattr(analysis, table)[stored.columns]
            places = ["source_uri", "source_version", "audio_uri", "warnings"] if table == "raw_audio" else []
            pd.testing.assert_frame_equal(
                stored.drop(columns=places), in_memory.drop(columns=places), check_dtype=False
            )
