"""The table contracts are whole: keys exist, origins exist, the documented columns are there."""

import pytest

from emotion_pipeline.engine.stages.tables import PARTITION_COLUMN, TABLES, Table


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_table_is_partitioned_keyed_and_says_what_made_its_rows(table: Table) -> None:
    assert table.column_names[0] == PARTITION_COLUMN
    assert {*table.key, "recording_id", "model_fingerprint"} <= set(table.column_names)
    assert len(set(table.column_names)) == len(table.columns)
    assert table.grain.startswith("One row per ")
    assert all(column.meaning for column in table.columns)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_origin_of_a_column_is_a_column_of_a_table_before_it(table: Table) -> None:
    for column in table.columns:
        for source in column.sources:
            parent, _, name = source.partition(".")
            assert parent in table.upstream
            assert TABLES[parent].column(name)


def test_the_documented_result_columns_are_in_the_result_table() -> None:
    documented = {"file", "emotion", "emotion_score", "transcript", "sentiment_score", "tone_sentiment_match"}
    assert documented <= set(TABLES["tone_sentiment"].column_names)


def test_linguistic_features_has_exactly_42_features() -> None:
    table = TABLES["linguistic_features"]
    carried = {PARTITION_COLUMN, "recording_id", "segment_id", "model_fingerprint"}
    assert len(set(table.column_names) - carried) == 42


def test_an_unknown_column_is_named_with_its_table() -> None:
    with pytest.raises(KeyError, match="raw_audio has no column loudness"):
        TABLES["raw_audio"].column("loudness")
