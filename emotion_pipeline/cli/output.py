"""Result files of commands: CSV, Parquet or JSON lines, written whole or not at all."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import typer

_Rows = Sequence[Mapping[str, Any]]


def _write_csv(rows: _Rows, path: Path) -> None:
    import pandas as pd

    flat = [{name: json.dumps(value) if _is_nested(value) else value for name, value in row.items()} for row in rows]
    pd.DataFrame(flat).to_csv(path, index=False)


def _write_parquet(rows: _Rows, path: Path) -> None:
    import pandas as pd

    pd.DataFrame(rows).to_parquet(path, index=False)


def _write_jsonl(rows: _Rows, path: Path) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in rows)


# By the suffix of the file; in a CSV file lists and mappings are JSON.
_WRITERS: Final[Mapping[str, Callable[[_Rows, Path], None]]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".jsonl": _write_jsonl,
}


def check_output(output: Path) -> None:
    """Refuse a file that could not be written, before any work is done. Raises BadParameter."""
    if output.suffix not in _WRITERS:
        raise typer.BadParameter(f"{output} must end in {', '.join(_WRITERS)}")
    if not output.parent.is_dir():
        raise typer.BadParameter(f"{output.parent} is not a folder; make it first")


def write(rows: _Rows, output: Path) -> None:
    """Write rows to a file, whole or not at all, and remove the folder of finished recordings."""
    unfinished = output.with_name(f".{output.name}.tmp")
    try:
        _WRITERS[output.suffix](rows, unfinished)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
    shutil.rmtree(work_folder(output), ignore_errors=True)


def work_folder(output: Path) -> Path:
    """Return the folder of finished recordings, which is kept until the file is written."""
    return output.with_name(f".{output.name}.work")


def _is_nested(value: Any) -> bool:
    return isinstance(value, (list, tuple, Mapping))
