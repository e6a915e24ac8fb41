"""Recordings in Python: one chain for one file or many, results that are tables, and work that is not done twice."""

import json
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import NoReturn

import pytest
from support.media import tone, wav
from typer.testing import CliRunner

from emotion_clf import AudioAnalyzer, RecordingResult
from emotion_pipeline import analyzer as module
from emotion_pipeline.cli.app import app
from emotion_pipeline.config.settings import Classification, Settings, Transcription
from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.sources.fetch_errors import FetchError
from emotion_pipeline.engine.sources.local import found_recording
from emotion_pipeline.engine.stages.report import RecordingResults

SETTINGS = Settings(transcription=Transcription(threads=1))


@pytest.fixture(scope="module")
def folder(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short call, a copy of it, and an upload that went wrong."""
    folder = tmp_path_factory.mktemp("analyzer")
    waveform = decode(repository / "samples" / "2026-11-02" / "angry_customer_call.mp3", keep_channels=True)
    encode_flac(waveform[:, : 4 * SAMPLE_RATE], folder / "call.flac")
    (folder / "copy.flac").write_bytes((folder / "call.flac").read_bytes())
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


@pytest.fixture(scope="module")
def analyzer() -> AudioAnalyzer:
    return AudioAnalyzer(SETTINGS)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def results(analyzer: AudioAnalyzer, folder: Path, work: Path) -> RecordingResults:
    paths = [folder / name for name in ("call.flac", "broken.wav", "copy.flac")]
    return RecordingResults(analyzer.stream(paths, work=work))


def test_a_segment_says_who_spoke_when_which_words_in_what_tone_and_with_what_feeling(
    results: RecordingResults,
) -> None:
    call = results[0]
    assert call.segments
    for segment in call.segments:
        assert segment.transcript == " ".join(word.text for word in segment.words)
        assert {word.speaker for word in segment.words} == {segment.speaker}
        assert segment.start == segment.words[0].start
        assert segment.end <= 4.0
        assert sum(segment.tone_probabilities.values()) == pytest.approx(1.0)
        assert segment.emotion_score == max(segment.tone_probabilities.values())
        assert segment.text_emotion_score == segment.text_emotion_probabilities[segment.text_emotion]
        assert segment.sentiment_score is not None
        assert -1 <= segment.sentiment_score <= 1
        assert -1 <= segment.agreement_score <= 1


def test_a_result_cannot_be_changed(results: RecordingResults) -> None:
    with pytest.raises(FrozenInstanceError):
        results[0].emotion = "happy"  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(FrozenInstanceError):
        results[0].segments[0].emotion = "happy"  # pyright: ignore[reportAttributeAccessIssue]


def test_the_command_line_prints_what_python_returns(
    analyzer: AudioAnalyzer, folder: Path, results: RecordingResults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("EMOTION_TRANSCRIPTION__THREADS", "1")
    printed = CliRunner().invoke(app, ["predict", "--file", str(folder / "call.flac"), "--json"])
    assert json.loads(printed.stdout) == json.loads(json.dumps(results[0].to_dict()))


def test_a_frame_has_the_documented_columns_and_a_row_per_recording(results: RecordingResults) -> None:
    frame = results.to_frame()
    documented = ["File", "Emotion", "Emotion_Score", "Transcript", "Sentiment_Score", "Tone_Sentiment_Match"]
    assert frame.columns.tolist() == [*documented, "Status", "Reasons"]
    assert frame["Status"].tolist() == ["accepted", "rejected", "duplicate"]
    assert results[1].to_frame()["Reasons"].tolist() == [("unreadable",)]


def test_a_frame_of_segments_has_a_column_per_probability(results: RecordingResults) -> None:
    frame, segments = results.segments_frame(), results[0].segments
    assert frame["file"].tolist() == [results[0].file] * len(segments) + [results[2].file] * len(segments)
    happy = [segment.tone_probabilities["happy"] for segment in segments]
    assert frame["tone_happy"].tolist()[: len(segments)] == happy
    assert results[0].segments_frame().to_dict("list") == frame.iloc[: len(segments), 1:].to_dict("list")


def test_a_notebook_shows_the_recording_and_its_segments(results: RecordingResults) -> None:
    html = results[0]._repr_html_()
    assert html.count("<table") == 2
    assert "Tone_Sentiment_Match" in html
    assert html.count("<tr") == 2 + 1 + len(results[0].segments)
    assert results[1]._repr_html_().count("<table") == 1
    assert results._repr_html_().count("<tr") == 1 + 3


def test_the_same_bytes_are_a_duplicate_with_the_same_result(results: RecordingResults) -> None:
    call, _broken, copy = results
    assert (call.status, copy.status) == ("accepted", "duplicate")
    assert copy.recording_id == call.recording_id
    assert (copy.segments, copy.emotion_score, copy.reasons) == (call.segments, call.emotion_score, call.reasons)


def test_each_result_comes_before_the_next_recording_is_asked_for(analyzer: AudioAnalyzer, tmp_path: Path) -> None:
    asked: list[Path] = []

    def recordings() -> Iterator[Path]:
        for number in range(2):
            asked.append(tmp_path / f"{number}.wav")
            asked[-1].write_bytes(wav(tone(300.0 + number, seconds=0.5)))
            yield asked[-1]

    stream = analyzer.stream(recordings())
    assert (next(stream).file, asked) == (str(tmp_path / "0.wav"), [tmp_path / "0.wav"])
    assert [result.file for result in stream] == [str(tmp_path / "1.wav")]


def test_a_path_that_is_no_file_is_an_error_that_names_it(analyzer: AudioAnalyzer) -> None:
    with pytest.raises(FetchError, match=r"nowhere\.wav"):
        analyzer.analyze("nowhere.wav")


class TestGoingOn:
    """What an interrupted analysis left in ``work``."""

    @pytest.fixture(autouse=True)
    def nothing_is_analysed(self, results: RecordingResults, monkeypatch: pytest.MonkeyPatch) -> None:
        """Any analysis from here on is an error that says so."""
        del results  # which fills the folder

        def analyse(*_arguments: object, **_options: object) -> NoReturn:
            raise AssertionError("analysed again")

        monkeypatch.setattr(module, "analyse", analyse)

    @staticmethod
    def _again(folder: Path, work: Path, settings: Settings = SETTINGS) -> Iterator[RecordingResult]:
        return AudioAnalyzer(settings).stream([folder / "call.flac", folder / "copy.flac"], work=work)

    def test_what_is_finished_is_taken_over_and_the_same(
        self, folder: Path, work: Path, results: RecordingResults
    ) -> None:
        assert list(self._again(folder, work)) == [results[0], results[2]]

    def test_a_recording_that_was_rejected_is_tried_again(
        self, analyzer: AudioAnalyzer, folder: Path, work: Path
    ) -> None:
        with pytest.raises(AssertionError, match="analysed again"):
            next(analyzer.stream([folder / "broken.wav"], work=work))

    def test_other_bytes_under_the_same_name_are_analysed(
        self, analyzer: AudioAnalyzer, folder: Path, work: Path, tmp_path: Path
    ) -> None:
        changed = tmp_path / "call.flac"
        changed.write_bytes((folder / "call.flac").read_bytes() + b" ")
        with pytest.raises(AssertionError, match="analysed again"):
            next(analyzer.stream([replace(found_recording(changed), file=str(folder / "call.flac"))], work=work))

    def test_what_another_model_or_threshold_made_is_not_taken_over(self, folder: Path, work: Path) -> None:
        other = SETTINGS.model_copy(update={"classification": Classification(confidence_threshold=0.9)})
        with pytest.raises(AssertionError, match="analysed again"):
            next(self._again(folder, work, other))
