"""Writes ``models/staging/__sources.yml``, the sources of dbt, from the contracts in ``engine.stages.tables``.

Run it when the contract changes; ``--check`` only compares and exits 1 where the file is out of date. What the marts
make of the tables is written by hand in ``models``, not here.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import yaml

from emotion_pipeline.engine.stages.tables import HELD, Column, Table

TARGET: Final = Path(__file__).parent / "models" / "staging" / "__sources.yml"
_HEADER: Final = "# Written by write_sources.py from engine/stages/tables.py: change the contract there, then run it.\n"
_LAKE_ROOT: Final = """{{ env_var('LAKE_ROOT', '') | replace("'", "''") }}"""
_TYPE_NAMES: Final = {
    pa.string(): "varchar",
    pa.int64(): "bigint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
    pa.date32(): "date",
}


def sources() -> str:
    """Return the YAML text that describes every table as a source of dbt."""
    lake = {
        "name": "lake",
        "description": "The tables of the pipeline by day, each behind its quality gate: Parquet files, or tables.",
        # In DuckDB the files say where they are; in Snowflake the tables lie where the pipeline's connection points to.
        "database": "{{ env_var('SNOWFLAKE_DATABASE') if target.type == 'snowflake' else target.database }}",
        "schema": "{{ env_var('SNOWFLAKE_SCHEMA') if target.type == 'snowflake' else target.schema }}",
        # Older partitions lack a column that the contract gained later, and a folder named a=b is no partition.
        "config": {
            "meta": {"external_location": "read_parquet('{files}', union_by_name = true, hive_partitioning = false)"}
        },
        "tables": [_table(table) for table in HELD.values()],
    }
    document = {"version": 2, "sources": [lake]}
    return _HEADER + yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _table(table: Table) -> dict[str, Any]:
    files = "*/*.parquet" if table.appended else "*.parquet"
    meta = {"files": f"{_LAKE_ROOT}/{table.name}/{files}", "dagster": {"asset_key": [table.name]}}
    return {
        "name": table.name,
        "description": table.grain,
        "config": {"meta": meta},
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: Column) -> dict[str, str]:
    unit = f" Unit: {column.unit}." if column.unit else ""
    return {"name": column.name, "data_type": _type_name(column.type), "description": column.meaning + unit}


def _type_name(data_type: pa.DataType) -> str:
    """Return DuckDB's name of an Arrow type that the contract uses."""
    if isinstance(data_type, pa.ListType):
        return f"{_type_name(data_type.value_type)}[]"
    if isinstance(data_type, pa.StructType):
        fields = (data_type.field(index) for index in range(data_type.num_fields))
        return "struct(" + ", ".join(f'"{field.name}" {_type_name(field.type)}' for field in fields) + ")"
    return _TYPE_NAMES[data_type]


def main() -> None:
    """Write the file, or compare it with what would be written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 where the file is out of date")
    if not parser.parse_args().check:
        TARGET.write_text(sources(), encoding="utf-8")
    elif not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != sources():
        sys.exit(f"{TARGET} does not fit engine/stages/tables.py: run python dbt_project/write_sources.py")


if __name__ == "__main__":
    main()
