"""Measuring a diarizer: how much of the time the wrong people are said to speak, on recordings with known turns.

The diarization error rate is that of NIST (Rich Transcription, RT-09 evaluation plan): missed speech, false
alarms and time given to the wrong speaker, over the time of all speakers, under the best assignment of names.
"""

import csv
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from scipy.optimize import linear_sum_assignment

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Span
from emotion_pipeline.engine.diarize.base import Diarizer, Turn

# Seconds around each border of a reference turn that are not scored: people place borders no better.
COLLAR_S: Final = 0.25
_COLUMNS: Final = ("file", "rttm")


@dataclass(frozen=True, slots=True)
class ErrorSeconds:
    """Seconds of one recording by what is wrong with them; of overlapping speech each speaker counts."""

    missed: float
    false_alarm: float
    confused: float
    # Of all reference speakers, outside the collars.
    spoken: float

    @property
    def wrong(self) -> float:
        return self.missed + self.false_alarm + self.confused


@dataclass(frozen=True, slots=True)
class RecordingFigures:
    """One recording: its diarization error rate, and how many people speak by reference and by diarizer."""

    file: str
    der: float
    speakers: int
    found: int


@dataclass(frozen=True, slots=True)
class DiarizationEvaluation:
    """The figures of the command contract, and what the errors are made of, as shares of all speech."""

    n: int
    der: float
    missed: float
    false_alarm: float
    confused: float
    # Share of the recordings with the right number of speakers.
    speaker_count_accuracy: float
    audio_seconds_per_second: float
    recordings: Sequence[RecordingFigures]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_diarization(diarizer: Diarizer, manifest: Path) -> DiarizationEvaluation:
    """Measure ``diarizer`` on the recordings of a manifest, several channels mixed into one.

    :param manifest: CSV with the columns file and rttm, both beside it
    :raises TrainingDataError: a column or file is missing, or an RTTM file is none, naming it
    """
    rows = _read(manifest)
    figures, errors, audio_s, taken_s = [], [], 0.0, 0.0
    for file, reference in rows:
        channel = decode(manifest.parent / file)[0]
        started = time.perf_counter()
        found = diarizer.turns(channel)
        taken_s += time.perf_counter() - started
        audio_s += len(channel) / SAMPLE_RATE
        errors.append(error_seconds(reference, found))
        counts = (len({turn.speaker for turn in turns}) for turns in (reference, found))
        figures.append(RecordingFigures(file, round(errors[-1].wrong / errors[-1].spoken, 4), *counts))
    spoken = sum(error.spoken for error in errors)
    return DiarizationEvaluation(
        n=len(rows),
        der=round(sum(error.wrong for error in errors) / spoken, 4),
        missed=round(sum(error.missed for error in errors) / spoken, 4),
        false_alarm=round(sum(error.false_alarm for error in errors) / spoken, 4),
        confused=round(sum(error.confused for error in errors) / spoken, 4),
        speaker_count_accuracy=round(float(np.mean([one.speakers == one.found for one in figures])), 4),
        audio_seconds_per_second=round(audio_s / taken_s, 2),
        recordings=figures,
    )


def error_seconds(reference: Sequence[Turn], found: Sequence[Turn], collar: float = COLLAR_S) -> ErrorSeconds:
    """Return what is wrong with turns that were found; overlapping speech is scored.

    :param collar: seconds before and after each border of a reference turn that are not scored
    """
    borders = [border for turn in reference for border in (turn.span.start, turn.span.end)]
    collars = [edge for border in borders for edge in (border - collar, border + collar)]
    edges = np.unique([*borders, *collars, *(b for turn in found for b in (turn.span.start, turn.span.end))])
    middles, seconds = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    scored = np.all(np.abs(middles[:, None] - np.array(borders)) >= collar, axis=1)
    middles, seconds = middles[scored], seconds[scored]
    speaking, heard = _speaking(reference, middles), _speaking(found, middles)
    together = (speaking * seconds) @ heard.T
    matched = float(together[linear_sum_assignment(-together)].sum())
    n_speaking, n_heard = speaking.sum(axis=0), heard.sum(axis=0)
    return ErrorSeconds(
        missed=float((np.maximum(n_speaking - n_heard, 0) * seconds).sum()),
        false_alarm=float((np.maximum(n_heard - n_speaking, 0) * seconds).sum()),
        confused=float((np.minimum(n_speaking, n_heard) * seconds).sum()) - matched,
        spoken=float((n_speaking * seconds).sum()),
    )


def read_rttm(file: Path) -> list[Turn]:
    """Return the turns of an RTTM file of one recording; raises ``TrainingDataError`` naming file and line."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingDataError(f"The turns {file} cannot be read as UTF-8 text: {error}.") from error
    turns = [_turn(line.split(), f"{file}, line {i}") for i, line in enumerate(lines, 1) if line.startswith("SPEAKER ")]
    if not turns:
        raise TrainingDataError(f"{file} has no line SPEAKER: name an RTTM file with at least one turn.")
    return turns


def _turn(fields: Sequence[str], where: str) -> Turn:
    try:
        start, seconds, speaker = float(fields[3]), float(fields[4]), fields[7]
    except (IndexError, ValueError) as error:
        raise TrainingDataError(
            f"{where} is not of the form `SPEAKER file 1 start seconds <NA> <NA> speaker <NA> <NA>`."
        ) from error
    return Turn(Span(start, start + seconds), speaker)


def _speaking(turns: Iterable[Turn], times: np.ndarray) -> np.ndarray:
    """Return for each speaker, in order of name, whether they speak at each time; shape (n_speakers, n_times)."""
    by_speaker: dict[str, list[Span]] = {}
    for turn in turns:
        by_speaker.setdefault(turn.speaker, []).append(turn.span)
    rows = [
        np.any([(span.start <= times) & (times < span.end) for span in spans], axis=0)
        for _, spans in sorted(by_speaker.items())
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, len(times))


def _read(manifest: Path) -> list[tuple[str, list[Turn]]]:
    try:
        text = manifest.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingDataError(f"The manifest {manifest} cannot be read as UTF-8 text: {error}.") from error
    reader = csv.DictReader(text.splitlines())
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise TrainingDataError(
            f"The manifest {manifest} lacks the column {', '.join(missing)}; its first row must name file and rttm."
        )
    rows = [(row["file"], row["rttm"]) for row in reader]
    absent = next((name for row in rows for name in row if not (manifest.parent / name).is_file()), None)
    if absent is not None or not rows:
        raise TrainingDataError(f"{manifest} names {absent!r}, which is not beside it." if rows else
                                f"The manifest {manifest} has no rows.")  # fmt: skip
    return [(file, read_rttm(manifest.parent / rttm)) for file, rttm in rows]
