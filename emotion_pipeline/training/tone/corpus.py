"""Reading a labelled tone corpus: a manifest with its recordings beside it. Errors name file and row.

Columns: file, speaker, gender, emotion, intensity, text, lang, seconds, of which file, speaker and emotion are needed.
Training and measuring belong elsewhere.
"""

import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.errors import MediaError, TrainingDataError
from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.tone.labels import CORPUS_LABELS, FOUR_CLASS

_NEEDED: Final = ("file", "speaker", "emotion")


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording; ``row`` is its line in the manifest (header: 1)."""

    manifest: Path
    row: int
    path: Path
    speaker: str
    # As the corpus writes it, one of ``CORPUS_LABELS``.
    emotion: str
    # As the corpus writes it, for example normal or strong; empty where it has none.
    intensity: str
    # What is said, as the corpus writes it; empty where it does not tell.
    text: str

    @property
    def is_of_four(self) -> bool:
        return self.emotion in FOUR_CLASS

    @property
    def tone(self) -> str:
        """Which of the four classes; ``KeyError`` where it is none of them."""
        return FOUR_CLASS[self.emotion]

    @property
    def corpus(self) -> str:
        """The manifest's folder, which is what a corpus is called in reports."""
        return self.manifest.resolve().parent.name

    @property
    def where(self) -> str:
        return f"{self.manifest}, row {self.row}"


def read_manifest(manifest: Path, *, every_label: bool = False) -> list[Clip]:
    """The clips of four-class evaluation, calm counting as neutral; with ``every_label`` those of other labels too.

    Raises ``TrainingDataError`` naming file and row for a missing manifest, column, recording or speaker and an unknown
    label, and where no row is left.
    """
    clips = [clip for clip in _rows(manifest) if every_label or clip.is_of_four]
    if not any(clip.is_of_four for clip in clips):
        raise TrainingDataError(f"{manifest} has no row labelled {', '.join(FOUR_CLASS)}: nothing to learn or measure.")
    return clips


def _rows(manifest: Path) -> Iterator[Clip]:
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingDataError(f"The manifest {manifest} cannot be read as UTF-8 text: {error}.") from error
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        needed = f"its first row must name {', '.join(_NEEDED)}"
        raise TrainingDataError(f"The manifest {manifest} lacks the column {', '.join(missing)}; {needed}.")
    for number, row in enumerate(reader, start=2):
        yield _clip(manifest, number, row)


def _clip(manifest: Path, number: int, row: dict[str, str | None]) -> Clip:
    file, speaker, emotion = ((row[name] or "").strip() for name in _NEEDED)
    where = f"{manifest}, row {number}"
    if emotion not in CORPUS_LABELS:
        raise TrainingDataError(
            f"{where}: {emotion!r} is no known label; known are {', '.join(sorted(CORPUS_LABELS))}."
        )
    if not speaker:
        raise TrainingDataError(f"{where}: the speaker is empty; splits are by speaker, so each row needs one.")
    path = manifest.parent / file
    if not file or not path.is_file():
        raise TrainingDataError(f"{where}: the recording {file!r} is not beside the manifest.")
    intensity, text = ((row.get(name) or "").strip() for name in ("intensity", "text"))
    return Clip(manifest, number, path, speaker, emotion, intensity, text)


def without_duplicates(clips: Sequence[Clip]) -> list[Clip]:
    """Return the clips without repeated sounds; the same recording on both sides of a split would spoil the test."""
    seen: set[str] = set()
    kept = []
    for clip in clips:
        digest = hashlib.sha256(read_clip(clip).tobytes()).hexdigest()
        if digest not in seen:
            kept.append(clip)
        seen.add(digest)
    return kept


def read_clip(clip: Clip) -> Channel:
    """The clip as 16 kHz mono ``float32``, shape ``(n_samples,)``; raises ``TrainingDataError`` if unreadable."""
    try:
        return decode(clip.path)[0].astype(np.float32, copy=False)
    except MediaError as error:
        raise TrainingDataError(f"{clip.where}: {error}") from error
