"""A recogniser of English alone and speech in other languages: noticed, flagged and not read for emotions."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest

from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.backends import BackendChoice, Backends
from emotion_pipeline.engine.common.types import UNDETERMINED, Word
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.local import found_recording
from emotion_pipeline.engine.sources.router import Sources
from emotion_pipeline.engine.stages.chain import Analysis, analyse
from emotion_pipeline.engine.stages.report import report
from emotion_pipeline.engine.transcribe.recording import LocalTranscriber
from emotion_pipeline.engine.transcribe.registry import TranscriberOptions
from emotion_pipeline.engine.transcribe.spoken_language import english_or_not
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper

# Rows of EmoDB's manifest.
GERMAN = range(0, 32, 4)


def words(probability: float, count: int = 5) -> list[Word]:
    return [Word("word", float(at), at + 0.5, probability, "speaker_1") for at in range(count)]


def test_probable_words_are_english() -> None:
    language = english_or_not(words(0.9))
    assert language.code == "en"
    assert language.probability is not None and language.probability > 0.9


def test_improbable_words_are_in_no_language_that_is_known() -> None:
    language = english_or_not(words(0.2))
    assert language.code == UNDETERMINED
    assert language.probability is not None and language.probability > 0.9


def test_speech_without_a_word_is_in_no_language_that_is_known() -> None:
    assert english_or_not([]).code == UNDETERMINED


def languages(files: Sequence[Path]) -> Iterator[str | None]:
    """Return the language of each clip by itself, as the pipeline finds it."""
    transcriber = LocalTranscriber(faster_whisper("tiny.en", threads=1))
    return (transcriber.transcribe(file, speakers=("speaker_1",)).language for file in files)


def test_english_is_believed(shared_data: Path) -> None:
    files = sorted((shared_data / "speech" / "read").glob("*.flac"))
    assert set(languages(files[:6])) == {"en"}


@pytest.fixture(scope="module")
def german(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """Two German sentences, one of which tiny.en writes as English words, through the whole chain."""
    backends = Backends(BackendChoice(transcriber_options=TranscriberOptions(threads=1)))
    emodb = shared_data / "tone" / "emodb"
    with (emodb / "manifest.csv").open(encoding="utf-8", newline="") as file:
        files = [row["file"] for row in csv.DictReader(file)]
    recordings = [found_recording(emodb / files[index]) for index in GERMAN]
    store = FolderAudioStore(tmp_path_factory.mktemp("german"))
    return analyse("2026-11-02", recordings, Sources(FetchLimits()), backends, store)


def _foreign(analysis: Analysis, rows: pd.DataFrame) -> pd.DataFrame:
    transcripts = analysis.transcripts
    ids = transcripts.loc[transcripts["language"] == UNDETERMINED, "recording_id"]
    return rows[rows["recording_id"].isin(ids)]


def test_words_in_another_language_are_not_read_for_emotions(german: Analysis) -> None:
    labels = _foreign(german, german.emotion_labels)
    assert len(labels) > 0
    assert set(labels["base_emotion"]) == {"Neutral"}
    assert labels["uncertain"].all()
    assert all("not_english" in notices for notices in labels["notices"])
    assert labels["labels"].map(len).sum() == 0


def test_words_in_another_language_have_a_tone_and_no_sentiment(german: Analysis) -> None:
    scores = _foreign(german, german.sentiment_scores)
    assert scores["sentiment_score"].isna().all()
    texts = german.segments.set_index("segment_id")["text"]
    expected = ["language_not_supported" if texts[key] else "no_words" for key in scores["segment_id"]]
    assert scores["reason"].tolist() == expected
    results = _foreign(german, german.tone_sentiment[german.tone_sentiment["scope"] == "segment"])
    assert results["emotion"].notna().all()
    assert set(results["tone_sentiment_match"]) == {"Unknown"}


def test_a_recording_in_another_language_is_reported_with_its_segments(german: Analysis) -> None:
    results = report(german)
    unread = [segment for result in results for segment in result.segments if not segment.transcript]
    assert unread, "all words of all clips were believed"
    assert all(segment.words == () and segment.sentiment_score is None for segment in unread)
    assert all(sum(segment.tone_probabilities.values()) == pytest.approx(1.0, abs=1e-6) for segment in unread)
