"""Reading labelled corpora: GoEmotions' TSV, a user's own tables, SemEval-2018 EI-oc.

Files become texts and arrays in the taxonomy's order of labels. Files that do not fit are refused, with file and row.
Training and measuring belong elsewhere.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.emotion.taxonomy import (
    BASE_EMOTIONS,
    BASE_OF,
    CORE_BASE_OF,
    INTENSITY_DIMENSIONS,
    LABELS,
    NEUTRAL,
    OTHER,
)


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts and their labels: ``labels`` is ``bool``, shape ``(n, 28)``, columns as in ``taxonomy.LABELS``."""

    texts: tuple[str, ...]
    labels: NDArray[np.bool_]

    @property
    def bases(self) -> NDArray[np.bool_]:
        """``bool``, shape ``(n, 5)``: the base emotions that a row's labels map to; several where they disagree."""
        return self.labels @ LABEL_TO_BASE

    @property
    def core_bases(self) -> NDArray[np.bool_]:
        """``bool``, shape ``(n, 5)``: the same, by the labels that name a base emotion outright."""
        return self.labels @ LABEL_TO_CORE

    def __add__(self, other: "LabelledTexts") -> "LabelledTexts":
        return LabelledTexts((*self.texts, *other.texts), np.vstack([self.labels, other.labels]))


@dataclass(frozen=True, slots=True)
class GradedTexts:
    """Texts graded for one emotion: ``levels`` is ``int``, shape ``(n,)``, 0 absent to 3 intense."""

    dimension: str
    texts: tuple[str, ...]
    levels: NDArray[np.int64]


# ``bool``, shape ``(28, 5)``: which base emotion each label belongs to.
LABEL_TO_BASE: Final = np.array([[BASE_OF[label] == base for base in BASE_EMOTIONS] for label in LABELS])

# The same, with only the labels that name a base emotion outright; all others but neutral are Other.
LABEL_TO_CORE: Final = np.array(
    [
        [CORE_BASE_OF.get(label, NEUTRAL if label == "neutral" else OTHER) == base for base in BASE_EMOTIONS]
        for label in LABELS
    ]
)

_GRADED_HEADER: Final = ("ID", "Tweet", "Affect Dimension", "Intensity Class")


def read_label_names(path: Path) -> tuple[str, ...]:
    """The label names of ``path``, one a line, in id order; each must be one of the taxonomy's 28."""
    names: list[str] = []
    for number, line in _lines(path):
        name = line.strip()
        if name not in LABELS:
            raise TrainingDataError(
                f"{path}, line {number}: unknown label {name!r}. Known labels: {', '.join(LABELS)}."
            )
        if name in names:
            raise TrainingDataError(f"{path}, line {number}: the label {name!r} stands there twice.")
        names.append(name)
    return tuple(names)


def read_label_map(path: Path) -> dict[str, int | None]:
    """How a corpus writes its labels, as the taxonomy's columns: for a text file its line numbers and names; a JSON
    object maps each label of the corpus to one of the taxonomy's 28, or to null where it is to be left out.

    Raises ``TrainingDataError`` naming a label that is not one of the 28.
    """
    if path.suffix != ".json":
        names = read_label_names(path)
        columns = [LABELS.index(name) for name in names]
        return {**dict(zip(names, columns, strict=True)), **{str(i): column for i, column in enumerate(columns)}}
    try:
        mapping = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingDataError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(mapping, dict) or not mapping:
        raise TrainingDataError(f"{path} must hold one object that maps each label of the corpus to a known one.")
    unknown = [name for name in mapping.values() if name is not None and name not in LABELS]
    if unknown:
        raise TrainingDataError(f"{path}: unknown label {unknown[0]!r}. Known labels: {', '.join(LABELS)}.")
    return {str(theirs): None if ours is None else LABELS.index(ours) for theirs, ours in mapping.items()}


def read_labelled(path: Path, labels: Path) -> LabelledTexts:
    """Read a labelled corpus; ``labels`` is what ``read_label_map`` describes.

    ``.csv``, ``.jsonl`` and ``.parquet`` files have the columns ``text`` and ``labels`` (a list, or a string with
    labels between commas, semicolons or bars). Any other file is ``text TAB labels [TAB comment id]`` without a header,
    as GoEmotions is. Raises ``TrainingDataError`` naming file, row and label for a missing column, an unknown label or
    an empty file.
    """
    columns = read_label_map(labels)
    texts: list[str] = []
    rows: list[NDArray[np.bool_]] = []
    for where, text, field in _labelled_rows(path):
        row = _label_row(field, columns, where)
        if row.any():  # a row whose labels are all left out says nothing
            texts.append(text)
            rows.append(row)
    if not texts:
        raise TrainingDataError(f"{path} is empty.")
    return LabelledTexts(tuple(texts), np.array(rows))


def read_graded(folder: Path, split: str | None = None) -> tuple[GradedTexts, ...]:
    """Read the EI-oc files of ``folder``, one entry per emotion, in the order of ``INTENSITY_DIMENSIONS``.

    ``split`` (``train``, ``dev``) takes the files with that word in their name. Without it everything but training
    files is read, so that a folder that holds both is not measured on what a model learnt from. Raises
    ``TrainingDataError`` where an emotion has no file or a line does not fit.
    """
    graded: list[GradedTexts] = []
    for dimension in INTENSITY_DIMENSIONS:
        paths = [path for path in sorted(folder.glob(f"*-{dimension}-*.txt")) if _in_split(path, split)]
        if not paths:
            raise TrainingDataError(
                f"{folder} holds no *-{dimension}-*.txt file{f' of split {split}' if split else ''}."
            )
        rows = [row for path in paths for row in _read_graded_file(path, dimension)]
        graded.append(GradedTexts(dimension, tuple(text for text, _ in rows), np.array([level for _, level in rows])))
    return tuple(graded)


def _in_split(path: Path, split: str | None) -> bool:
    parts = re.split(r"[-_.]", path.name.lower())
    return split in parts if split else "train" not in parts


def _read_graded_file(path: Path, dimension: str) -> Iterator[tuple[str, int]]:
    for number, line in _lines(path):
        fields = tuple(field.strip() for field in line.split("\t"))
        if number == 1:
            if fields != _GRADED_HEADER:
                raise TrainingDataError(f"{path}, line 1: columns {fields} where {_GRADED_HEADER} are due.")
            continue
        grade = re.match(r"([0-3])(?:\D|$)", fields[-1])
        if len(fields) != len(_GRADED_HEADER) or fields[2] != dimension or grade is None:
            raise TrainingDataError(
                f"{path}, line {number}: {fields[2:]} where the emotion {dimension!r} and a class 0 to 3 are due."
            )
        # The corpus writes a line break inside a tweet as the two characters backslash and n.
        yield fields[1].replace("\\n", " "), int(grade[1])


def _labelled_rows(path: Path) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield of each row its place for messages, its text, and its labels as written."""
    if path.suffix in _TABLES:
        yield from _table_rows(path)
        return
    for number, line in _lines(path):
        fields = line.split("\t")
        if len(fields) not in {2, 3}:
            raise TrainingDataError(
                f"{path}, line {number}: {len(fields)} column(s) where text, label ids and, optionally, an id are due."
            )
        yield f"{path}, line {number}", fields[0], _split_labels(fields[1])


def _table_rows(path: Path) -> Iterator[tuple[str, str, Sequence[str]]]:
    try:
        frame = _TABLES[path.suffix](path)
    except (OSError, ValueError) as error:
        raise TrainingDataError(f"{path} cannot be read: {error}.") from error
    missing = [name for name in ("text", "labels") if name not in frame.columns]
    if missing:
        raise TrainingDataError(f"{path} has no column {missing[0]!r}; its columns are {', '.join(frame.columns)}.")
    for number, (text, labels) in enumerate(zip(frame["text"], frame["labels"], strict=True), start=1):
        listed = isinstance(labels, list | tuple | np.ndarray)
        yield (
            f"{path}, row {number}",
            str(text),
            [str(label) for label in labels] if listed else _split_labels(str(labels)),
        )


def _read_csv(path: Path) -> Any:
    import pandas as pd

    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _read_jsonl(path: Path) -> Any:
    import pandas as pd

    return pd.read_json(path, lines=True, dtype=False, convert_dates=False)


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


_TABLES: Final[Mapping[str, Callable[[Path], Any]]] = MappingProxyType(
    {".csv": _read_csv, ".jsonl": _read_jsonl, ".parquet": _read_parquet}
)


def _split_labels(field: str) -> list[str]:
    return [part.strip() for part in re.split(r"[,;|]", field)]


def _label_row(field: Sequence[str], columns: Mapping[str, int | None], where: str) -> NDArray[np.bool_]:
    row = np.zeros(len(LABELS), np.bool_)
    for name in field:
        if name not in columns:
            raise TrainingDataError(f"{where}: unknown label id {name!r}; known are {', '.join(columns)}.")
        column = columns[name]
        if column is not None:
            row[column] = True
    return row


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        content = path.read_text(encoding="utf-8", errors="strict")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingDataError(f"{path} cannot be read: {error}.") from error
    lines = [(number, line) for number, line in enumerate(content.split("\n"), start=1) if line.strip()]
    if not lines:
        raise TrainingDataError(f"{path} is empty.")
    yield from lines
