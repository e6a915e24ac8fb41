"""Frames are held to their table's contract by name and type, and errors name table, column and row."""

from datetime import date

import pandas as pd
import pyarrow as pa
import pytest

from emotion_pipeline.engine.common.errors import ContractError
from emotion_pipeline.engine.stages.tables import SENTIMENT_SCORES, TABLES, Table
from emotion_pipeline.schema.conform import conform, empty


def _scores(count: int = 3) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "recording_date": [date(2026, 11, 2)] * count,
            "recording_id": ["a" * 64] * count,
            "segment_id": [f"segment-{index}" for index in range(count)],
            "sentiment_score": [0.5] * count,
            "reason": [None] * count,
            "model_fingerprint": ["test:1"] * count,
        }
    )


def test_columns_are_matched_by_name_never_by_position() -> None:
    reordered = _scores()[list(reversed(SENTIMENT_SCORES.column_names))]
    stored = conform(reordered, SENTIMENT_SCORES)
    assert stored.column_names == list(SENTIMENT_SCORES.column_names)
    assert stored.column("segment_id").to_pylist() == ["segment-0", "segment-1", "segment-2"]


def test_an_unknown_column_is_named_with_the_nearest_valid_one() -> None:
    with pytest.raises(ContractError, match=r"sentiment_scores has no column 'sentiment_scor'.*'sentiment_score'"):
        conform(_scores().rename(columns={"sentiment_score": "sentiment_scor"}), SENTIMENT_SCORES)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ContractError, match=r"sentiment_scores: columns \['segment_id'\] are missing"):
        conform(_scores().drop(columns="segment_id"), SENTIMENT_SCORES)


def test_a_repeated_column_is_refused() -> None:
    frame = pd.concat([_scores(), _scores()[["segment_id"]]], axis=1)
    with pytest.raises(ContractError, match=r"segment_id.*more than once"):
        conform(frame, SENTIMENT_SCORES)


def test_a_value_of_the_wrong_type_is_named_with_its_row() -> None:
    frame = _scores().astype({"sentiment_score": object})
    frame.loc[2, "sentiment_score"] = "very happy"
    with pytest.raises(ContractError, match="column sentiment_score, row 2: 'very happy'"):
        conform(frame, SENTIMENT_SCORES)


def test_a_null_is_refused_where_the_contract_forbids_it() -> None:
    frame = _scores()
    frame.loc[1, "recording_id"] = None
    with pytest.raises(ContractError, match="column recording_id, row 1: null"):
        conform(frame, SENTIMENT_SCORES)


def test_whole_numbers_that_pandas_holds_as_floats_because_of_nulls_stay_whole_numbers() -> None:
    table = Table("numbers", "One row.", ("a",), (TABLES["raw_audio"].column("sample_rate_hz"),))
    stored = conform(pd.DataFrame({"sample_rate_hz": [16_000.0, float("nan")]}), table)
    assert stored.schema.field("sample_rate_hz").type == pa.int64()
    assert stored.column(0).to_pylist() == [16_000, None]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_an_empty_frame_has_the_full_schema_and_survives_storage(table: Table) -> None:
    stored = conform(empty(table), table)
    assert stored.num_rows == 0
    assert stored.schema == table.schema
