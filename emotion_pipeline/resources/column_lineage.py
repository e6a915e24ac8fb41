"""What every column is made from, and how that is told; of a dbt model it is read from the SQL that dbt has compiled.

dagster-dbt tells it, too, but asks the database for the columns of every model and rewrites each model's SQL first,
which takes as long as the build. Here a model is read once: its parents' columns are what their own SQL selects.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from sqlglot import MappingSchema, exp, parse_one, to_table
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

# Under which Dagster keeps lineage; its open-source UI shows nothing of it, hence the table beside it.
_LINEAGE = "dagster/column_lineage"
_AS_TABLE = "made_from"

# The part of a staging model that stands for its table, wherever that lies: files in DuckDB, a table in Snowflake.
_SOURCE = "source"


def as_metadata(lineage: dg.TableColumnLineage) -> dict[str, Any]:
    """Return the metadata of a materialisation that tell where columns come from, to machines and as a table."""
    lines = ["| column | made from |", "|---|---|"]
    for column, deps in lineage.deps_by_column.items():
        origins = ", ".join(f"{dep.asset_key.to_user_string()}.{dep.column_name}" for dep in deps)
        lines.append(f"| {column} | {origins or 'no column'} |")
    return {_LINEAGE: lineage, _AS_TABLE: dg.MetadataValue.md("\n".join(lines))}


class ColumnLineage:
    """Answers from where the columns of a project's models come.

    :param manifest: dbt's manifest of the project
    :param target: the folder into which dbt compiled the models; of those that it never did nothing is known
    """

    def __init__(self, manifest: Mapping[str, Any], target: Path) -> None:
        self._manifest = manifest
        self._compiled = target / "compiled"
        self._dialect = str(manifest["metadata"]["adapter_type"])
        self._read = cache(self._read_model)

    def of(self, model: str) -> dg.TableColumnLineage | None:
        """Return the direct parents of every column of the model with this unique id, None where its SQL is unread.

        What is counted or written into the SQL comes from no column.
        """
        try:
            selected, schema = self._read(model)
            scope = build_scope(selected)
            deps = {}
            for column in selected.named_selects:
                # Trimming would copy the whole model for each of its columns.
                origin = lineage(
                    column, selected, schema, scope=scope, dialect=self._dialect, copy=False, trim_selects=False
                )
                deps[column.lower()] = sorted(self._columns_at_the_end_of(origin))
        except (SqlglotError, FileNotFoundError) as error:
            dg.get_dagster_logger().warning(f"nothing is told of where the columns of {model} come from: {error}")
            return None
        return dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(dg.AssetKey(asset), name) for asset, name in origins]
                for column, origins in deps.items()
            }
        )

    def _read_model(self, model: str) -> tuple[exp.Query, MappingSchema]:
        """Return what a model selects, every column with its table, and the columns of the tables it selects from."""
        node = self._manifest["nodes"][model]
        path = self._compiled / node["package_name"] / node["original_file_path"]
        query = parse_one(path.read_text(encoding="utf-8"), dialect=self._dialect)
        schema = MappingSchema(dialect=self._dialect)
        for parent in node["depends_on"]["nodes"]:
            if parent in self._manifest["sources"]:
                source = self._manifest["sources"][parent]
                _replace_source(query, source["name"])
                schema.add_table(source["name"], dict.fromkeys(source["columns"], "text"))
            else:
                relation = to_table(self._manifest["nodes"][parent]["relation_name"], dialect=self._dialect)
                schema.add_table(relation, dict.fromkeys(self._columns_of(parent), "text"))
        qualified = qualify(query, schema=schema, dialect=self._dialect, validate_qualify_columns=False)
        assert isinstance(qualified, exp.Query)  # a model is a select
        return qualified, schema

    def _columns_of(self, model: str) -> list[str]:
        """Return the columns of a model: those of its contract, or what its SQL selects where it has none."""
        return list(self._manifest["nodes"][model]["columns"]) or self._read(model)[0].named_selects

    def _columns_at_the_end_of(self, origin: Node) -> set[tuple[str, str]]:
        """Return table and column of everything that a column is made from and that no query in between makes."""
        ends = (node for node in origin.walk() if not node.downstream)
        tables = ((node, node.expression.find(exp.Table)) for node in ends)
        return {(table.name.lower(), exp.to_column(node.name).name.lower()) for node, table in tables if table}


def _replace_source(query: exp.Expr, table: str) -> None:
    """Let a staging model select from its table under the table's name."""
    for part in query.find_all(exp.CTE):
        if part.alias.lower() == _SOURCE:
            part.set("this", exp.select("*").from_(table))
