"""Only rows whose key or fingerprint is new are computed."""

import pandas as pd

from emotion_pipeline.engine.stages.reuse import StageResult, complete
from emotion_pipeline.engine.stages.tables import FINGERPRINT, TEXT, Column, Table

SHOUTS = Table(
    "shouts",
    "One row per text: the text in capitals.",
    ("id",),
    (Column("id", TEXT, "Names the text."), Column("loud", TEXT, "In capitals."), FINGERPRINT),
)


class _Model:
    """Upper-cases text, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, missing: pd.DataFrame) -> pd.DataFrame:
        self.asked.extend(missing["id"])
        return pd.DataFrame({"id": missing["id"], "loud": missing["text"].str.upper()})


def _run(
    inputs: pd.DataFrame, previous: pd.DataFrame | None, fingerprint: str = "model:1"
) -> tuple[StageResult, list[str]]:
    model = _Model()
    result = complete(inputs, previous, SHOUTS, fingerprint, model, key="id", audio_seconds="seconds")
    return result, model.asked


def _inputs(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"id": list(ids), "text": [f"text {name}" for name in ids], "seconds": 2.0})


def test_without_a_last_output_everything_is_computed() -> None:
    result, asked = _run(_inputs("a", "b"), None)
    assert asked == ["a", "b"]
    assert (result.computed, result.reused, result.seconds_of_audio) == (2, 0, 4.0)
    assert result.rows["loud"].tolist() == ["TEXT A", "TEXT B"]


def test_with_everything_done_nothing_is_computed() -> None:
    first, _ = _run(_inputs("a", "b"), None)
    second, asked = _run(_inputs("a", "b"), first.rows)
    assert asked == []
    assert (second.computed, second.reused, second.seconds_of_audio) == (0, 2, 0.0)
    pd.testing.assert_frame_equal(second.rows, first.rows)


def test_one_new_row_is_computed_alone_and_the_order_is_that_of_the_inputs() -> None:
    first, _ = _run(_inputs("a", "c"), None)
    second, asked = _run(_inputs("a", "b", "c"), first.rows)
    assert asked == ["b"]
    assert second.rows["id"].tolist() == ["a", "b", "c"]
    assert second.rows["loud"].tolist() == ["TEXT A", "TEXT B", "TEXT C"]


def test_another_fingerprint_computes_everything_anew() -> None:
    first, _ = _run(_inputs("a", "b"), None)
    second, asked = _run(_inputs("a", "b"), first.rows, fingerprint="model:2")
    assert asked == ["a", "b"]
    assert set(second.rows["model_fingerprint"]) == {"model:2"}


def test_rows_that_are_no_longer_requested_are_dropped() -> None:
    first, _ = _run(_inputs("a", "b"), None)
    second, asked = _run(_inputs("b"), first.rows)
    assert asked == []
    assert second.rows["id"].tolist() == ["b"]


def test_no_inputs_give_no_rows_with_all_columns() -> None:
    result, asked = _run(_inputs(), None)
    assert asked == []
    assert list(result.rows.columns) == ["id", "loud", "model_fingerprint"]
