"""What dbt-snowflake asks and fakesnow 0.12.1 cannot do, put into words that it can; importing this is enough.

Only SQL that Snowflake documents belongs here, with the result that it documents. What else fails in fakesnow fails at
once, because the connector would ask again for ever where its server breaks down (HTTP 500).
"""

import re
from typing import Any, Final

import duckdb
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.dialect import parse_one
from snowflake.connector.errors import ProgrammingError
from sqlglot import Expr, exp

_COLUMN_COMMENTS: Final = re.compile(r"\s*table\s+(\S+)\s+alter\s+(\".*)", re.IGNORECASE | re.DOTALL)
_COLUMN_COMMENT: Final = re.compile(r"(\"[^\"]+\")\s+comment\s+(\$\$.*?\$\$)", re.IGNORECASE | re.DOTALL)
_KEYS: Final = (exp.PrimaryKey, exp.UniqueColumnConstraint, exp.ForeignKey)

_execute: Final = FakeSnowflakeCursor.execute
_explode: Final = FakeSnowflakeCursor._transform_explode


def _executed(
    self: FakeSnowflakeCursor, command: str, params: Any = None, *args: Any, **kwargs: Any
) -> FakeSnowflakeCursor:
    try:
        return _execute(self, command, params, *args, **kwargs)
    except (duckdb.TransactionException, duckdb.ConstraintException):
        raise  # two writers in each other's way, in a table or in fakesnow's own notes of tables: asking again is right
    except duckdb.Error as error:
        raise ProgrammingError(msg=f"fakesnow cannot: {error}", errno=9999, sqlstate="99999") from error


def _rewritten(self: FakeSnowflakeCursor, expression: Expr) -> list[Expr]:
    for mended in (_joined_array, _counted_array, _quoted_comment, _lasting_table):
        expression = expression.transform(mended)
    rewritten = _one_comment_each(expression) or _table_then_rows(expression) or [expression]
    return [part for statement in rewritten for part in _explode(self, statement)]


def _joined_array(node: Expr) -> Expr:
    """``array_to_string(array, …)``: fakesnow keeps arrays as JSON, DuckDB joins lists."""
    if isinstance(node, exp.ArrayToString):
        texts = exp.Literal.string('["VARCHAR"]')
        return exp.Anonymous(
            this="array_to_string", expressions=[exp.func("from_json", node.this, texts), node.expression]
        )
    return node


def _counted_array(node: Expr) -> Expr:
    """``array_size(array)``: a NUMBER, where fakesnow tells of a type that Snowflake has not."""
    return exp.cast(node, exp.DataType.Type.BIGINT) if isinstance(node, exp.ArraySize) else node


def _lasting_table(node: Expr) -> Expr:
    """``create temporary table d.s.t``: DuckDB has a database of its own for them, so it becomes one that stays."""
    created = node.find_ancestor(exp.Create) if isinstance(node, exp.TemporaryProperty) else None
    table = created.find(exp.Table) if created else None
    return exp.TransientProperty() if table and table.catalog else node


def _quoted_comment(node: Expr) -> Expr:
    """``comment on table t is 'it''s'``: fakesnow puts the text between quotes as it is."""
    if isinstance(node, exp.Comment):
        node.set("expression", exp.Literal.string(node.expression.name.replace("'", "''")))
    return node


def _one_comment_each(statement: Expr) -> list[Expr]:
    """``alter table t alter a comment …, b comment …``: a statement for each column."""
    many = isinstance(statement, exp.Command) and _COLUMN_COMMENTS.fullmatch(str(statement.expression))
    if not many:
        return []
    return [
        parse_one(f"alter table {many[1]} alter column {column} comment {text}")
        for column, text in _COLUMN_COMMENT.findall(many[2])
    ]


def _table_then_rows(statement: Expr) -> list[Expr]:
    """``create table t (columns, keys) as select …``: DuckDB takes no columns there.

    Keys are left out: Snowflake takes note of them and holds nobody to them.
    """
    columns, query = statement.this, statement.args.get("expression")
    if not isinstance(statement, exp.Create) or not isinstance(columns, exp.Schema) or query is None:
        return []
    table = statement.copy()
    table.set("expression", None)
    table.this.set("expressions", [column.copy() for column in columns.expressions if not isinstance(column, _KEYS)])
    return [table, exp.insert(query.copy().unnest(), columns.this.copy())]


FakeSnowflakeCursor.execute = _executed
FakeSnowflakeCursor._transform_explode = _rewritten
