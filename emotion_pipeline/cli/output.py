"""What commands write: result files as CSV, Parquet or JSON lines, whole or not at all, and folders of trained models.

Whether a place can be written is found out here, before a command begins its work.
"""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from emotion_pipeline.engine.common.errors import OutputError

if TYPE_CHECKING:
    import pandas as pd

_Rows = Sequence[Mapping[str, Any]]

# What a spreadsheet takes for the beginning of a formula, also in full width, and blanks that it skips before one
# (OWASP, CSV Injection).
_FORMULA: Final = tuple("=+-@＝＋－＠\t\r\n")


def _write_csv(rows: _Rows, path: Path) -> None:
    _write_raw_csv([{name: _not_run(value) for name, value in row.items()} for row in rows], path)


def _write_raw_csv(rows: _Rows, path: Path) -> None:
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
    """Refuse a file that cannot be written, before any work is done.

    :raises BadParameter: its suffix names no format
    :raises OutputError: it is a folder, or its folder is missing, read-only or on a full disk
    """
    if output.suffix.lower() not in _WRITERS:
        raise typer.BadParameter(f"{output} must end in {', '.join(_WRITERS)}")
    if output.is_dir():
        raise OutputError(f"{output} is a folder; name a file in it")
    check_text_output(output)


def check_text_output(output: Path) -> None:
    """Refuse a file, or a folder for files, that cannot be written to, before any work is done. Raises OutputError."""
    if output.is_dir():
        _try_to_write(output)
        return
    if not output.parent.is_dir():
        raise OutputError(f"{output.parent} is not a folder; make it first")
    _try_to_write(output.parent)


def check_folder(folder: Path) -> None:
    """Refuse a folder, there or still to be made, that cannot be written to. Raises OutputError."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not there.is_dir():
        raise OutputError(f"{folder} cannot be made: {there} is a file; choose another name")
    _try_to_write(there)


def _try_to_write(folder: Path) -> None:
    """Write a page into a folder: rights, a read-only mount and a full disk show in nothing else."""
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            file.write(bytes(4_096))
    except OSError as error:
        raise OutputError(f"{folder} cannot be written to: {error.strerror}; choose another folder") from error


def write_text(text: str, output: Path) -> None:
    """Write a text to a file, whole or not at all. Raises OutputError: the disk is full or failed."""
    unfinished = output.with_name(f".{output.name}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(output)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def csv_text(frame: "pd.DataFrame") -> str:
    """Return a table as CSV in which no spreadsheet runs a text as a formula."""
    return frame.map(_not_run).to_csv(index=False)


def write(rows: _Rows, output: Path, *, raw_csv: bool = False) -> None:
    """Write rows to a file, whole or not at all, and remove the folder of finished recordings.

    :param raw_csv: leave texts in a CSV file as they are, also those that a spreadsheet would run as a formula
    :raises OutputError: the disk is full or failed; the folder of finished recordings stays
    """
    unfinished = output.with_name(f".{output.name}.tmp")
    suffix = output.suffix.lower()
    try:
        (_write_raw_csv if raw_csv and suffix == ".csv" else _WRITERS[suffix])(rows, unfinished)
        unfinished.replace(output)
    except OSError as error:
        kept = "; what is done is kept, the same command goes on from there" if work_folder(output).is_dir() else ""
        raise OutputError(f"{output} cannot be written: {error.strerror}{kept}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    shutil.rmtree(work_folder(output), ignore_errors=True)


def work_folder(output: Path) -> Path:
    """Return the folder of finished recordings, which is kept until the file is written."""
    return output.with_name(f".{output.name}.work")


def _not_run(value: Any) -> Any:
    """Return a value as a cell that no spreadsheet runs: a text like a formula with an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _is_nested(value: Any) -> bool:
    return isinstance(value, (list, tuple, Mapping))
