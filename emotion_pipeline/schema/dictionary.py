"""The data dictionary, written from the table contracts: ``python -m emotion_pipeline.schema.dictionary >
docs/data_dictionary.md``.

A test compares the committed page with what this prints, so the page cannot fall behind.
"""

import sys

from emotion_pipeline.engine.stages.tables import HELD, Column, Table


def dictionary() -> str:
    """Return the page as Markdown."""
    intro = (
        "# Data dictionary\n\nWritten from `emotion_pipeline/engine/stages/tables.py` by "
        "`python -m emotion_pipeline.schema.dictionary`; do not edit. Every table is partitioned by `recording_date`."
    )
    return "\n\n".join([intro, *(_table(table) for table in HELD.values())]) + "\n"


def _table(table: Table) -> str:
    made_from = f" Made from {', '.join(f'`{name}`' for name in table.upstream)}." if table.upstream else ""
    head = f"## {table.name}\n\n{table.grain} Key: {', '.join(f'`{name}`' for name in table.key)}.{made_from}"
    lines = ["| column | type | unit | values | null | meaning |", "|---|---|---|---|---|---|"]
    lines += [_column(column) for column in table.columns]
    return head + "\n\n" + "\n".join(lines)


def _column(column: Column) -> str:
    null = "yes" if column.nullable else ""
    kind = str(column.type).replace("|", "/")
    return f"| `{column.name}` | {kind} | {column.unit} | {_values(column)} | {null} | {column.meaning} |"


def _values(column: Column) -> str:
    if column.allowed is not None:
        return ", ".join(column.allowed)
    if column.minimum is None and column.maximum is None:
        return ""
    low = "" if column.minimum is None else f"{column.minimum:g}"
    high = "" if column.maximum is None else f"{column.maximum:g}"
    return f"{low} … {high}".strip()


if __name__ == "__main__":
    sys.stdout.write(dictionary())
