"""How each speaker sounded over time, from segments and their tones."""

import pandas as pd
import pytest

from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.timeline import tone_timeline


def _tables(*rows: tuple[str, str, float, float, dict[str, float]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Segments and scores of rows of recording, speaker, start, end and the probabilities that the model gave."""
    segments, scores = [], []
    for number, (recording, speaker, start, end, given) in enumerate(rows):
        key = {"segment_id": f"segment {number}"}
        place = {"recording_id": recording, "file": f"{recording}.wav", "speaker": speaker}
        segments.append(key | place | {"start_seconds": start, "end_seconds": end})
        scores.append(key | {f"probability_{tone}": given.get(tone) for tone in TONES})
    return pd.DataFrame(segments), pd.DataFrame(scores)


def test_a_segment_counts_in_each_step_by_its_seconds_there() -> None:
    angry, sad = {"angry": 0.9, "sad": 0.1}, {"angry": 0.3, "sad": 0.7}
    rows = tone_timeline(*_tables(("r", "one", 0.0, 10.0, angry), ("r", "one", 55.0, 75.0, sad)))
    assert rows[["step", "start_seconds", "spoken_seconds", "tone"]].values.tolist() == [
        [0, 0.0, 15.0, "angry"], [1, 60.0, 15.0, "sad"],
    ]  # fmt: skip
    assert rows["probability_angry"].tolist() == pytest.approx([0.7, 0.3])
    assert rows["probability_calm"].isna().all()


def test_recordings_and_speakers_are_apart_and_in_order() -> None:
    happy, sad = {"happy": 1.0, "sad": 0.0}, {"happy": 0.0, "sad": 1.0}
    rows = tone_timeline(
        *_tables(("b", "one", 0.0, 1.0, sad), ("a", "two", 0.0, 2.0, sad), ("a", "one", 1.0, 2.0, happy))
    )
    assert rows[["recording_id", "speaker", "tone"]].values.tolist() == [
        ["a", "one", "happy"], ["a", "two", "sad"], ["b", "one", "sad"],
    ]  # fmt: skip


def test_steps_may_have_any_length_and_no_second_is_lost() -> None:
    tables = _tables(*[("r", "one", 7.0 * n, 7.0 * n + 6.5, {"neutral": 1.0}) for n in range(40)])
    for step in (2.5, 10.0, 60.0, 3600.0):
        rows = tone_timeline(*tables, step_seconds=step)
        assert rows["spoken_seconds"].sum() == pytest.approx(40 * 6.5)
        assert rows["spoken_seconds"].max() <= step + 1e-9
        assert rows["step"].is_unique
        assert (rows["start_seconds"] == rows["step"] * step).all()


def test_a_segment_that_ends_with_a_step_is_not_in_the_next() -> None:
    assert len(tone_timeline(*_tables(("r", "one", 30.0, 60.0, {"neutral": 1.0})))) == 1


def test_equally_likely_tones_are_the_first_in_the_alphabet() -> None:
    rows = tone_timeline(*_tables(("r", "one", 0.0, 1.0, {"sad": 0.5, "happy": 0.5})))
    assert rows["tone"].tolist() == ["happy"]


def test_a_segment_without_a_tone_takes_no_part() -> None:
    segments, scores = _tables(("r", "one", 0.0, 1.0, {"sad": 1.0}), ("r", "two", 0.0, 1.0, {"sad": 1.0}))
    assert tone_timeline(segments, scores.iloc[:1])["speaker"].tolist() == ["one"]
    empty = tone_timeline(segments, scores.iloc[:0])
    assert len(empty) == 0
    assert "tone" in empty


def test_a_step_of_no_length_is_an_error() -> None:
    with pytest.raises(ValueError, match="longer than 0 s"):
        tone_timeline(*_tables(("r", "one", 0.0, 1.0, {"sad": 1.0})), step_seconds=0.0)
