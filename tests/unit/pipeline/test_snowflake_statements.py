"""The SQL that is made of the contract, and which failures are worth another attempt."""

import pyarrow as pa
import pytest
import sqlglot
from snowflake.connector import errors
from sqlglot import exp

from emotion_pipeline.engine.snowflake.failures import may_pass
from emotion_pipeline.engine.stages.tables import TABLES, Table
from emotion_pipeline.warehouse.snowflake.statements import (
    Schema,
    create_published,
    create_stage,
    create_staging,
    create_table,
    type_name,
)

SCHEMA = Schema("CALLS", "PROD")


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_has_the_contract_columns_with_their_types_comments_and_nulls(table: Table) -> None:
    parsed = sqlglot.parse_one(create_table(SCHEMA, table), read="snowflake")
    assert isinstance(parsed, exp.Create)
    columns = list(parsed.find_all(exp.ColumnDef))
    assert [column.name for column in columns] == [name.upper() for name in table.column_names]
    for definition, column in zip(columns, table.columns, strict=True):
        kinds = [constraint.kind for constraint in definition.constraints]
        forbids = any(isinstance(kind, exp.NotNullColumnConstraint) for kind in kinds)
        comment = next(kind.this.this for kind in kinds if isinstance(kind, exp.CommentColumnConstraint))
        assert forbids is not column.nullable
        assert comment.startswith(column.meaning)
        cast = sqlglot.parse_one(f"SELECT x::{type_name(column.type)}", read="snowflake").find(exp.Cast)
        assert cast is not None
        assert definition.kind == cast.to
    assert 'CLUSTER BY ("RECORDING_DATE")' in create_table(SCHEMA, table)


def test_lists_and_structs_are_variants_and_staging_tables_have_no_time_travel() -> None:
    assert type_name(TABLES["transcripts"].column("words").type) == "VARIANT"
    assert create_staging(SCHEMA, "S", TABLES["transcripts"]).startswith("CREATE TRANSIENT TABLE")
    assert create_stage(SCHEMA, "S").startswith("CREATE TEMPORARY STAGE")
    assert '"WORDS" VARCHAR' in create_staging(SCHEMA, "S", TABLES["transcripts"])
    assert sqlglot.parse_one(create_published(SCHEMA), read="snowflake").find(exp.ColumnDef)


def test_a_type_that_snowflake_has_no_place_for_is_refused() -> None:
    with pytest.raises(TypeError, match="no column of a contract may be a timestamp"):
        type_name(pa.timestamp("us"))


PASSING = [
    errors.OperationalError("no route to host", errno=250001),
    errors.OperationalError("failed to execute request", errno=250003),
    errors.OperationalError("upload failed", errno=253003),
    errors.ServiceUnavailableError(),
    errors.TooManyRequests(),
    errors.ProgrammingError("has locked table", errno=625),
    errors.ProgrammingError("Session no longer exists", errno=390111),
]
LASTING = [
    errors.DatabaseError("Incorrect username or password", errno=250001),
    errors.ProgrammingError("does not exist or not authorized", errno=2003),
    errors.ProgrammingError("syntax error", errno=1003),
    errors.ForbiddenError(),
    errors.NonRetryableTlsError("certificate verify failed", errno=250001),
    errors.IntegrityError("NULL result in a non-nullable column", errno=100072),
    ValueError("a mistake of ours"),
]


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert may_pass(error)


@pytest.mark.parametrize("error", LASTING, ids=str)
def test_what_lasts_is_not(error: Exception) -> None:
    assert not may_pass(error)
