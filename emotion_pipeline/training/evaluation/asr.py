"""Measuring a transcriber: word error rate and speed on recordings with reference transcripts.

The word error rate is pooled: all errors over all reference words, case and punctuation folded (the usual definition,
as in NIST's sclite). Which transcriber is measured is the caller's choice.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import jiwer
import pandas as pd

from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Transcript
from emotion_pipeline.engine.transcribe.base import Transcriber

_COLUMNS: Final = ("file", "seconds", "reference")
# A reference for a recording with one speaker on each channel.
_TWO_SIDED: Final = re.compile(r"L: (.*) \| R: (.*)", re.DOTALL)
_NOT_A_WORD: Final = re.compile(r"[^\w\s']|_")


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    # As the manifest states them, 0 where it does not.
    seconds: float
    reference: str


@dataclass(frozen=True, slots=True)
class AsrEvaluation:
    """``n`` recordings, their pooled word error rate, and how many seconds of audio are transcribed in a second.

    ``excluded``: rows that were not compared, because the audio is less than half as long as the manifest states, so
    that it cannot hold its reference.
    """

    n: int
    wer: float
    audio_seconds_per_second: float
    excluded: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_asr(transcriber: Transcriber, manifest: Path, below: str = "") -> AsrEvaluation:
    """Transcribe every recording of a manifest and compare with its reference.

    :param manifest: TSV with the columns file (beside the manifest), seconds (may be empty), reference, which is
        ``L: ... | R: ...`` where two people speak on a channel each
    :param below: only rows whose file begins with it count
    :raises TrainingDataError: a column or a file is missing, or no row has a reference; the message names it
    """
    rows: list[_Row] = []
    excluded: list[str] = []
    audio_seconds = 0.0
    for row in _read(manifest, below):
        seconds = _length_of(manifest.parent / row.file)
        if seconds < row.seconds / 2:
            excluded.append(row.file)
        else:
            rows.append(row)
            audio_seconds += seconds
    if not rows:
        raise TrainingDataError(f"{manifest}: every recording is less than half as long as its row states")
    started = time.perf_counter()
    transcripts = [transcriber.transcribe(manifest.parent / row.file) for row in rows]
    return AsrEvaluation(
        n=len(rows),
        wer=round(word_error_rate(*_aligned([row.reference for row in rows], transcripts)), 4),
        audio_seconds_per_second=round(audio_seconds / (time.perf_counter() - started), 2),
        excluded=tuple(excluded),
    )


def word_error_rate(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    """Return errors over reference words, pooled over all pairs, case and punctuation folded."""
    return jiwer.wer([_folded(text) for text in references], [_folded(text) for text in hypotheses])


def _aligned(references: Sequence[str], transcripts: Sequence[Transcript]) -> tuple[list[str], list[str]]:
    """Return reference and recognised texts, row by row; a reference for both channels gives a row for each."""
    expected: list[str] = []
    recognised: list[str] = []
    for reference, transcript in zip(references, transcripts, strict=True):
        sides = _TWO_SIDED.fullmatch(reference)
        if sides is None:
            expected.append(reference)
            recognised.append(transcript.text)
            continue
        for number, side in enumerate(sides.groups(), start=1):
            expected.append(side)
            recognised.append(" ".join(word.text for word in transcript.words if word.speaker == f"speaker_{number}"))
    return expected, recognised


def _folded(text: str) -> str:
    return " ".join(_NOT_A_WORD.sub(" ", text.lower().replace("’", "'")).split())


def _length_of(recording: Path) -> float:
    """Return seconds that can be decoded, whatever the header says."""
    return sum(block.shape[1] for block in stream(recording)) / SAMPLE_RATE


def _read(manifest: Path, below: str) -> list[_Row]:
    if not manifest.is_file():
        raise TrainingDataError(f"{manifest} is no file; name a TSV with the columns {', '.join(_COLUMNS)}")
    try:
        frame = pd.read_csv(manifest, sep="\t", dtype=str, keep_default_na=False, quoting=3)
    except ValueError as error:  # pandas' own errors for an empty or ragged table, and bytes that are not UTF-8
        raise TrainingDataError(f"{manifest} is no tab-separated table in UTF-8 ({error}); write it again") from error
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise TrainingDataError(
            f"{manifest} lacks the columns {', '.join(missing)}; its columns are {', '.join(frame.columns)}"
        )
    columns = (frame[name] for name in _COLUMNS)
    with_reference = (
        values for values in zip(*columns, strict=True) if _folded(values[2]) and values[0].startswith(below)
    )
    rows = [_row(manifest, *values) for values in with_reference]
    if not rows:
        raise TrainingDataError(f"{manifest} has no row with a reference{f' below {below}' if below else ''}")
    return rows


def _row(manifest: Path, file: str, seconds: str, reference: str) -> _Row:
    if not (manifest.parent / file).is_file():
        raise TrainingDataError(f"{manifest} names {file}, which does not lie beside it")
    try:
        return _Row(file, float(seconds.strip() or 0.0), reference)
    except ValueError as error:
        raise TrainingDataError(f"{manifest} says that {file} has {seconds!r} seconds, which is no number") from error
