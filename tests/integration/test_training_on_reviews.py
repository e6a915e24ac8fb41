"""What people said of segments is learnt from, beside the corpora, and measured on recordings that are held out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.corpora import FRAMES, write_corpora
from support.filling import filled, frames
from support.tone_corpus import MANNERS, make_corpus, spoken
from typer.testing import CliRunner

from emotion_pipeline.cli.app import app
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import BASE_OF, LABELS
from emotion_pipeline.engine.stages.tables import SEGMENTS
from emotion_pipeline.engine.tone.registry import load_tone_model
from emotion_pipeline.training.reviews import (
    ReviewCounts,
    is_held_out,
    reviewed_clips,
    reviewed_texts,
    text_agreement,
    tone_agreement,
)
from emotion_pipeline.warehouse.files import Files
from emotion_pipeline.warehouse.lake import Lake
from emotion_pipeline.warehouse.reviews import Label, add_review, read_reviews, segments_of

DAY = "2026-11-02"
RECORDINGS, SPOKEN = 6, 4  # the last digits of the ids are 0 to 5: those of 0 and 5 are held out


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    lake = Lake(str(tmp_path / "lake"))
    filled(lake, DAY, RECORDINGS, SPOKEN + 1)
    monkeypatch.setenv("EMOTION_STORAGE__ROOT", lake.root)
    return lake


def _segments(lake: Lake, **columns: Any) -> pd.DataFrame:
    """Write the day's segments with other columns, and return them in order."""
    segments = frames(DAY, RECORDINGS, SPOKEN + 1)["segments"].assign(**columns)
    lake.write(SEGMENTS, DAY, segments)
    return segments


def _trained(*command: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, ["train", *command, "--reviews"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_words_that_people_judged_are_learnt_from(lake: Lake, tmp_path: Path) -> None:
    corpora = write_corpora(tmp_path)
    texts = [FRAMES[n % len(FRAMES)].format("zorblax") for n in range(RECORDINGS * (SPOKEN + 1))]
    segments = _segments(lake, text=texts)
    for row in segments.to_dict("records"):
        add_review(lake, row["segment_id"], Label("ada", emotion="Happiness"), DAY)
        add_review(lake, row["segment_id"], Label("ada", emotion="Anger"), DAY)
    disputed = segments[~segments["recording_id"].map(is_held_out)]["segment_id"].iloc[0]
    add_review(lake, disputed, Label("bob", emotion="Sadness"), DAY)
    paths = zip(("--train", "--dev", "--labels", "--intensity"), map(str, corpora.paths), strict=True)
    figures = _trained("text", *(part for pair in paths for part in pair), "--output", str(tmp_path / "model"))
    assert (figures["train_rows"], figures["review_rows"]) == (392, 4 * (SPOKEN + 1) - 1)
    assert figures["reviews"]["learnt"] == figures["review_rows"]
    assert (figures["reviews"]["held_out"], figures["reviews"]["disagreed"]) == (2 * (SPOKEN + 1), 1)
    assert figures["reviews"]["agreement"] == 1.0 > figures["reviews"]["agreement_before"]
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert card["metrics"]["review_rows"] == figures["review_rows"]
    assert card["made_with"].endswith("--reviews")
    assert EmotionPredictor(tmp_path / "model").predict("zorblax once more")[0].base == "Anger"


def test_the_present_model_says_which_label_of_the_group_people_meant(lake: Lake) -> None:
    segments = _segments(lake, text="hm")
    learnt = segments[~segments["recording_id"].map(is_held_out)]["segment_id"].tolist()
    labels = [{"emotion": "Anger"}, {"sentiment": "negative"}, {"emotion": "Happiness", "sentiment": "negative"}]
    labels.append({"emotion": "Other", "sentiment": "negative"})
    for segment, label in zip(learnt, labels, strict=False):
        add_review(lake, segment, Label("ada", **label), DAY)
    likeliest = ["joy", "disapproval", "gratitude", "fear"]  # from the least likely to the likeliest

    def probabilities(texts: Any) -> np.ndarray:
        row = [likeliest.index(label) + 1 if label in likeliest else 0 for label in LABELS]
        return np.tile(np.array(row, np.float32), (len(texts), 1)) / 10

    rows = reviewed_texts(read_reviews(lake), probabilities).learnt
    named = {segment: LABELS[row.argmax()] for segment, row in zip(sorted(learnt[:4]), rows.labels, strict=True)}
    assert rows.labels.sum(axis=1).tolist() == [1] * 4
    assert [named[segment] for segment in learnt[:4]] == ["disapproval", "fear", "gratitude", "fear"]
    assert BASE_OF["gratitude"] == "Happiness", "where emotion and sentiment exclude each other, the emotion counts"


def test_sounds_that_people_judged_are_cut_out_and_learnt_from(lake: Lake, tmp_path: Path) -> None:
    files, rng = Files(lake.root), np.random.default_rng(7)
    starts = np.tile(0.8 * np.arange(SPOKEN + 1), RECORDINGS)
    uris = [files.audio_uri(recording) for recording in frames(DAY, RECORDINGS, SPOKEN + 1)["segments"]["recording_id"]]
    segments = _segments(lake, channel=1, start_seconds=starts, end_seconds=starts + 0.8, audio_uri=uris)
    for uri in set(uris):
        voice = np.concatenate([*(spoken(manner, rng) for manner in MANNERS), np.zeros(12_800, np.float32)])
        with files.audio_draft(uri) as draft:
            encode_flac(np.stack([0.1 * rng.standard_normal(len(voice)).astype(np.float32), voice]), draft)
    for number, row in enumerate(segments.to_dict("records")):
        tone = [*MANNERS, "calm"][number % (SPOKEN + 1)]
        add_review(lake, row["segment_id"], Label("ada", tone=tone, note="as it sounds"), DAY)
    manifest = make_corpus(tmp_path / "corpus")
    figures = _trained("tone", "--manifest", str(manifest), "--output", str(tmp_path / "model"))
    assert figures["clips"] == {"corpus": 40}, "figures are of the corpora"
    assert figures["review_clips"] == figures["reviews"]["learnt"] == 4 * SPOKEN
    assert figures["reviews"]["held_out"] == 2 * SPOKEN
    assert figures["reviews"]["without_data"] == RECORDINGS, "nobody speaks in the last segment of a recording"
    assert figures["reviews"]["agreement"] > 0.8 > figures["reviews"]["agreement_before"]
    card = json.loads((tmp_path / "model" / "card.json").read_text())
    assert (card["metrics"]["review_clips"], card["made_with"].split()[-1]) == (4 * SPOKEN, "--reviews")


def test_without_reviews_there_is_nothing_more_to_learn(lake: Lake, tmp_path: Path) -> None:
    reviews, nothing = read_reviews(lake), ReviewCounts(0, 0, 0, 0)
    texts = reviewed_texts(reviews, EmotionPredictor().label_probabilities)
    assert (texts.learnt.texts, texts.learnt.labels.shape, texts.counts) == ((), (0, len(LABELS)), nothing)
    clips = reviewed_clips(reviews, segments_of(lake, reviews), Files(lake.root), tmp_path / "clips")
    assert (clips.learnt, clips.held_out, clips.counts) == ([], [], nothing)
    assert text_agreement(texts, EmotionPredictor()) == tone_agreement(clips, load_tone_model()) == nothing
