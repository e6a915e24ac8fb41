"""The drift report: a day's tones, emotions, confidences and signs of misheard words against the 28 days before.

A warning that stops nothing: a shift may be the world's. What counts as one is said in ``engine.common.drift``.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import dagster as dg
import pandas as pd

from emotion_pipeline.engine.common.drift import Drift, drift_of
from emotion_pipeline.engine.stages.tables import EMOTION_LABELS, TONE_SCORES, TONE_SENTIMENT, TRANSCRIPTS, Table
from emotion_pipeline.partitions import DAILY
from emotion_pipeline.warehouse.base import Warehouse

DAYS_BEFORE: Final = 28
# Before that many days have passed nobody knows how far days differ anyway.
FEWEST_DAYS: Final = 7

_READ: Final[Mapping[Table, Sequence[str]]] = {
    TONE_SCORES: ("tone", "tone_probability"),
    EMOTION_LABELS: ("base_emotion", "base_probability"),
    TRANSCRIPTS: ("status", "mean_word_probability", "word_count", "speech_seconds"),
}


with warnings.catch_warnings():
    # A day is compared with the days before it; docs/adr/0001 says why checks have partitions.
    warnings.simplefilter("ignore", dg.PreviewWarning)

    @dg.asset_check(
        asset=TONE_SENTIMENT.name,
        name="drift",
        description=f"Tones, emotions, confidence and signs of misheard words against the {DAYS_BEFORE} days before.",
        partitions_def=DAILY,
    )
    def drift(context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
        day = context.partition_key
        before = [other for other in warehouse.partitions(TONE_SENTIMENT) if other < day][-DAYS_BEFORE:]
        if len(before) < FEWEST_DAYS:
            return as_check_result([], len(before))
        return as_check_result(list(drifts(_figures(warehouse, [day]), _figures(warehouse, before))), len(before))


def drifts(today: Mapping[str, pd.Series], before: Mapping[str, pd.Series]) -> Iterator[Drift]:
    """Yield every figure that has values enough on both sides."""
    for figure, values in today.items():
        drift = drift_of(figure, values, before[figure])
        if drift is not None:
            yield drift


def as_check_result(figures: Sequence[Drift], days: int) -> dg.AssetCheckResult:
    """Return the report as Dagster records it: a warning that names what has drifted."""
    drifted = [drift for drift in figures if drift.drifted]
    if not figures:
        description = f"too little to tell: few values today, or few days before ({days})"
    elif drifted:
        description = "; ".join(f"{drift.figure}: {drift.index:.2f} above {drift.bound:.2f}" for drift in drifted)
    else:
        description = f"{len(figures)} figures are distributed as in the {days} days before"
    lines = ["| figure | index | drift above | values | values before |", "|---|---|---|---|---|"]
    lines += [
        f"| {drift.figure} | {drift.index:.3f} | {drift.bound:.3f} | {drift.values} | {drift.reference_values} |"
        for drift in figures
    ]
    return dg.AssetCheckResult(
        passed=not drifted,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={
            "days_before": days,
            "report": dg.MetadataValue.md("\n".join(lines) if figures else description),
            **{f"index_{drift.figure}": round(drift.index, 4) for drift in figures},
        },
    )


def _figures(warehouse: Warehouse, days: Sequence[str]) -> dict[str, pd.Series]:
    """Return the values of every figure on these days, one after the other."""
    rows = {table.name: _rows(warehouse, table, columns, days) for table, columns in _READ.items()}
    tones, emotions, transcripts = (rows[table.name] for table in _READ)
    spoken = transcripts[transcripts["speech_seconds"].astype(float) > 0.0]
    return {
        "tone": tones["tone"],
        "tone_probability": tones["tone_probability"].astype(float),
        "emotion": emotions["base_emotion"],
        "emotion_probability": emotions["base_probability"].astype(float),
        "word_probability": transcripts["mean_word_probability"].astype(float),
        "without_words": transcripts["status"] != "transcribed",
        "words_per_second": spoken["word_count"].astype(float) / spoken["speech_seconds"].astype(float),
    }


def _rows(warehouse: Warehouse, table: Table, columns: Sequence[str], days: Sequence[str]) -> pd.DataFrame:
    frames = [frame for day in days if (frame := warehouse.read(table, day, columns)) is not None and len(frame)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(columns))
