"""The documented result from scores that are given: pooling, joining, and what is said without scores."""

from datetime import date

import pandas as pd
import pytest

from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS
from emotion_pipeline.engine.stages.tone_sentiment import compare
from emotion_pipeline.engine.tone.labels import TONES

RECORDING = {"recording_date": date(2026, 11, 2), "recording_id": "call", "file": "call.wav"}


def _transcripts(*ids: str) -> pd.DataFrame:
    return pd.DataFrame([RECORDING | {"recording_id": name, "file": f"{name}.wav", "text": "said"} for name in ids])


def _segments(*, seconds: list[float], words: list[int]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            RECORDING
            | {"segment_id": f"s{n}", "start_seconds": 0.0, "end_seconds": length, "text": f"t{n}", "word_count": count}
            for n, (length, count) in enumerate(zip(seconds, words, strict=True))
        ]
    )


def _tones(*scores: dict[str, float]) -> pd.DataFrame:
    rows = [
        {f"probability_{tone}": score.get(tone) for tone in TONES}
        | {
            "segment_id": f"s{n}",
            "tone": max(score, key=score.__getitem__),
            "tone_probability": max(score.values()),
        }
        for n, score in enumerate(scores)
    ]
    return pd.DataFrame(rows)


def _sentiments(*scores: float) -> pd.DataFrame:
    return pd.DataFrame([{"segment_id": f"s{n}", "sentiment_score": score} for n, score in enumerate(scores)])


def _emotions(*scores: dict[str, float]) -> pd.DataFrame:
    rows = [
        {f"probability_{base.lower()}": score.get(base, 0.0) for base in BASE_EMOTIONS}
        | {"segment_id": f"s{n}", "base_emotion": max(score, key=score.__getitem__)}
        for n, score in enumerate(scores)
    ]
    return pd.DataFrame(rows)


ANGRY, HAPPY = {"angry": 0.9, "happy": 0.1}, {"angry": 0.2, "happy": 0.8}
CROSS, GLAD = {"Anger": 0.9, "Neutral": 0.1}, {"Happiness": 0.6, "Neutral": 0.4}


def test_a_recording_without_segments_has_no_scores_and_agrees_with_nothing() -> None:
    nothing = _segments(seconds=[1.0], words=[1]).iloc[:0]
    rows = compare(_transcripts("silent"), nothing, _tones(HAPPY), _sentiments(0.5), _emotions(GLAD)).rows
    assert rows["scope"].tolist() == ["recording"]
    scores = rows[["emotion", "emotion_score", "sentiment_score", "text_emotion"]]
    assert scores.isna().all(axis=None)
    assert rows["tone_sentiment_match"].tolist() == ["Unknown"]
    assert rows["transcript"].tolist() == ["said"]


def test_sentiment_of_a_recording_is_the_mean_by_words_and_tone_is_pooled_by_length() -> None:
    segments = _segments(seconds=[3.0, 1.0], words=[1, 9])
    rows = compare(
        _transcripts("call"), segments, _tones(ANGRY, HAPPY), _sentiments(-1.0, 0.5), _emotions(CROSS, GLAD)
    ).rows
    recording, first, second = rows.to_dict("records")
    assert recording["sentiment_score"] == pytest.approx((-1.0 + 9 * 0.5) / 10)
    assert recording["emotion"] == "angry"
    assert recording["tone_sentiment_match"] == "Do Not Match", "it sounds angry, and most of its words are kind"
    assert recording["text_emotion"] == "Happiness"
    assert (first["emotion"], first["tone_sentiment_match"]) == ("angry", "Match")
    assert (second["emotion"], second["tone_sentiment_match"]) == ("happy", "Match")


def test_how_neutral_it_sounds_says_nothing_about_how_neutral_the_words_are() -> None:
    segments = _segments(seconds=[1.0], words=[4])
    sounding = _tones({"neutral": 0.9, "sad": 0.1})
    rows = compare(_transcripts("call"), segments, sounding, _sentiments(0.0), _emotions(CROSS)).rows
    assert rows["emotion"].tolist() == ["neutral", "neutral"]
    assert rows["text_emotion"].tolist() == ["Anger", "Anger"]


@pytest.mark.parametrize("missing", ["tone", "sentiment", "emotion"])
def test_a_segment_that_lacks_a_score_is_left_out_of_rows_and_means(missing: str) -> None:
    tones, sentiments, emotions = _tones(ANGRY, HAPPY), _sentiments(-1.0, 0.5), _emotions(CROSS, GLAD)
    scores = {"tone": tones, "sentiment": sentiments, "emotion": emotions}
    scores[missing] = scores[missing].iloc[1:]
    segments = _segments(seconds=[3.0, 1.0], words=[1, 9])
    rows = compare(_transcripts("call"), segments, scores["tone"], scores["sentiment"], scores["emotion"]).rows
    assert rows["subject_id"].tolist() == ["call", "s1"]
    assert rows.loc[0, "sentiment_score"] == pytest.approx(0.5)
    assert rows.loc[0, "emotion"] == "happy"


def test_a_segment_without_a_sentiment_counts_in_all_but_the_mean_of_sentiments() -> None:
    segments = _segments(seconds=[3.0, 1.0], words=[1, 9])
    rows = compare(
        _transcripts("call"), segments, _tones(ANGRY, HAPPY), _sentiments(-0.5, float("nan")), _emotions(CROSS, GLAD)
    ).rows
    recording, _, second = rows.to_dict("records")
    assert recording["sentiment_score"] == -0.5
    assert recording["text_emotion"] == "Happiness"
    assert second["tone_sentiment_match"] == "Unknown"
    assert pd.isna(second["sentiment_score"])
    assert second["agreement_score"] > 0, "its emotions speak for its words"


def test_each_recording_is_followed_by_its_own_segments() -> None:
    segments = _segments(seconds=[1.0, 1.0], words=[1, 1])
    segments["recording_id"] = ["b", "a"]
    rows = compare(
        _transcripts("a", "b"), segments, _tones(ANGRY, HAPPY), _sentiments(-1.0, 0.5), _emotions(CROSS, GLAD)
    ).rows
    assert rows["subject_id"].tolist() == ["a", "s1", "b", "s0"]
    assert rows["scope"].tolist() == ["recording", "segment", "recording", "segment"]


def test_agreement_and_flags_are_those_of_segments_and_their_means_by_length_those_of_the_recording() -> None:
    segments = _segments(seconds=[3.0, 1.0], words=[1, 9])
    rows = compare(_transcripts("call"), segments, _tones(ANGRY, HAPPY), _sentiments(0.9, 0.9), _emotions(GLAD, GLAD))
    recording, first, second = rows.rows.to_dict("records")
    assert (first["masked"], first["leaking"], second["masked"], second["leaking"]) == (True, False, False, False)
    assert first["agreement_score"] < 0 < second["agreement_score"]
    mean = (3.0 * first["agreement_score"] + second["agreement_score"]) / 4.0
    assert recording["agreement_score"] == pytest.approx(mean)
    assert (recording["masked_share"], recording["leaking_share"]) == (0.75, 0.0)
    assert recording["masked"] is None
    assert pd.isna(first["masked_share"])


def test_a_recording_without_segments_has_no_agreement_and_no_shares() -> None:
    nothing = _segments(seconds=[1.0], words=[1]).iloc[:0]
    rows = compare(_transcripts("silent"), nothing, _tones(HAPPY), _sentiments(0.5), _emotions(GLAD)).rows
    assert rows[["agreement_score", "masked", "leaking", "masked_share", "leaking_share"]].isna().all(axis=None)


def test_a_segment_whose_sentiment_contradicts_its_emotion_is_marked() -> None:
    segments = _segments(seconds=[3.0, 1.0], words=[1, 9])
    rows = compare(_transcripts("call"), segments, _tones(ANGRY, HAPPY), _sentiments(0.9, 0.9), _emotions(CROSS, GLAD))
    assert rows.rows["contradictory"].tolist() == [False, True, False]
