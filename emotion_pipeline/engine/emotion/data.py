"""Reading the labelled corpora: GoEmotions' TSV and SemEval-2018 EI-oc. Anything that does not fit is refused by name.

Training and measuring belong elsewhere; here a file becomes texts and arrays, in the taxonomy's order of labels.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.taxonomy import (
    BASE_EMOTIONS,
    BASE_OF,
    CORE_BASE_OF,
    INTENSITY_DIMENSIONS,
    LABELS,
    NEUTRAL,
    OTHER,
)
from emotion_pipeline.engine.errors import TrainingDataError


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


@dataclass(frozen=True, slots=True)
class GradedTexts:
    """Texts graded for one emotion: ``levels`` is ``int``, shape ``(n,)``, 0 absent to 3 intense."""

    dimension: str
    texts: tuple[str, ...]
    levels: NDArray[np.int64]


LABEL_TO_BASE: Final = np.array([[BASE_OF[label] == base for base in BASE_EMOTIONS] for label in LABELS])
"""``bool``, shape ``(28, 5)``: which base emotion each label belongs to."""

LABEL_TO_CORE: Final = np.array(
    [
        [CORE_BASE_OF.get(label, NEUTRAL if label == "neutral" else OTHER) == base for base in BASE_EMOTIONS]
        for label in LABELS
    ]
)
"""The same, with only the labels that name a base emotion outright; all others but neutral are Other."""

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


def read_labelled(path: Path, labels: Path) -> LabelledTexts:
    """Read ``text TAB comma-separated label ids [TAB comment id]``; ids index the lines of ``labels``.

    Raises ``TrainingDataError`` naming file, line and label for a missing column, an unknown label or an empty file.
    """
    columns = [LABELS.index(name) for name in read_label_names(labels)]
    texts: list[str] = []
    rows: list[NDArray[np.bool_]] = []
    for number, line in _lines(path):
        fields = line.split("\t")
        if len(fields) not in {2, 3}:
            raise TrainingDataError(
                f"{path}, line {number}: {len(fields)} column(s) where text, label ids and, if wanted, an id are due."
            )
        texts.append(fields[0])
        rows.append(_label_row(fields[1], columns, f"{path}, line {number}"))
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


def _label_row(field: str, columns: list[int], where: str) -> NDArray[np.bool_]:
    row = np.zeros(len(LABELS), np.bool_)
    for identifier in field.split(","):
        if not identifier.strip().isdecimal() or int(identifier) >= len(columns):
            raise TrainingDataError(
                f"{where}: unknown label id {identifier.strip()!r}; ids go from 0 to {len(columns) - 1}."
            )
        row[columns[int(identifier)]] = True
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
