"""Tables filled without listening to anything: rows that fit their contracts, as many as a test wants."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from emotion_pipeline.engine.stages.tables import TABLES, Column
from emotion_pipeline.warehouse.lake import Lake


def filled(lake: Lake, day: str, recordings: int, segments: int = 3, seed: int = 0) -> None:
    """Write every table of a day, with so many recordings of so many segments each."""
    for name, frame in frames(day, recordings, segments, seed).items():
        lake.write(TABLES[name], day, frame)


def frames(day: str, recordings: int, segments: int = 3, seed: int = 0) -> dict[str, pd.DataFrame]:
    """Return the rows of every table of a day: keys that belong together, values drawn within their ranges."""
    draw = np.random.default_rng([seed, date.fromisoformat(day).toordinal()])
    ids = [f"{index:05d}".rjust(64, "a") for index in range(recordings)]
    spoken = [(recording, f"{recording}:{index}") for recording in ids for index in range(segments)]
    keys = {
        "recording": pd.DataFrame({"recording_id": ids}),
        "segment": pd.DataFrame(spoken, columns=["recording_id", "segment_id"]),
    }
    made = {}
    for name, table in TABLES.items():
        grain = keys["segment" if "segment_id" in table.column_names else "recording"]
        made[name] = _fill(table, grain.assign(recording_date=date.fromisoformat(day)), draw)
    made["raw_audio"] = made["raw_audio"].assign(
        status="accepted",
        reason=None,
        file=[f"{recording}.wav" for recording in ids],
        attributes=[
            json.dumps({"agent": f"agent {at % 3}", "queue": ("sales", "support")[at % 2]}) for at in range(recordings)
        ],
    )
    made["transcripts"] = made["transcripts"].assign(status="transcribed")
    made["segments"] = _in_time(made["segments"])
    made["tone_scores"] = _as_shares(made["tone_scores"])
    results = [_result_rows(TABLES["tone_sentiment"], made, scope) for scope in ("recording", "segment")]
    made["tone_sentiment"] = pd.concat(results, ignore_index=True)
    made["conversation_metrics"] = _measured(made["conversation_metrics"])
    return made


def _measured(metrics: pd.DataFrame) -> pd.DataFrame:
    """Let one customer speak in every recording, for half of it."""
    half = metrics["recording_seconds"] / 2
    common = {"talk_seconds": half, "speaker": None, "speaker_role": None, "role_evidence": None}
    whole = {"scope": "recording", "subject_id": metrics["recording_id"], "non_talk_seconds": half}
    single = {"speaker": "speaker_1", "speaker_role": "customer", "role_evidence": "", "speaker_count": None}
    subjects = metrics["recording_id"] + "/speaker_1"
    speakers = metrics.assign(
        **common | single | {"scope": "speaker", "subject_id": subjects, "non_talk_seconds": None}
    )
    return pd.DataFrame([*metrics.assign(**common | whole).to_dict("records"), *speakers.to_dict("records")])


def _in_time(segments: pd.DataFrame) -> pd.DataFrame:
    """Let every segment end after it began."""
    return segments.assign(end_seconds=segments["start_seconds"] + segments["end_seconds"] + 0.1)


def _as_shares(scores: pd.DataFrame) -> pd.DataFrame:
    """Let the probabilities of a segment add up to one, the tone being the likeliest."""
    probabilities = scores.filter(regex="^probability_").astype(float)
    shares = probabilities.div(probabilities.sum(axis=1), axis=0)
    likeliest = [str(name).removeprefix("probability_") for name in shares.idxmax(axis=1)]
    scores[shares.columns] = shares
    return scores.assign(tone=likeliest, tone_probability=shares.max(axis=1))


def _result_rows(table: Any, made: Mapping[str, pd.DataFrame], scope: str) -> pd.DataFrame:
    subject = made["transcripts" if scope == "recording" else "segments"]
    key = f"{scope}_id"
    grain = subject[["recording_date", "recording_id"]].assign(subject_id=subject[key], scope=scope)
    return _fill(table, grain.reset_index(drop=True), np.random.default_rng(len(grain)))


def _fill(table: Any, grain: pd.DataFrame, draw: np.random.Generator) -> pd.DataFrame:
    columns = {
        column.name: grain[column.name] if column.name in grain else _values(column, len(grain), draw)
        for column in table.columns
    }
    return pd.DataFrame(columns)


def _values(column: Column, count: int, draw: np.random.Generator) -> Any:  # noqa: PLR0911
    if column.allowed is not None:
        return draw.choice(list(column.allowed), count)
    if pa.types.is_floating(column.type):
        low, high = (
            column.minimum or 0.0,
            column.maximum if column.maximum is not None else (column.minimum or 0.0) + 10,
        )
        return draw.uniform(low, high, count)
    if pa.types.is_integer(column.type):
        return draw.integers(int(column.minimum or 1), int(column.minimum or 1) + 20, count)
    if pa.types.is_boolean(column.type):
        return draw.random(count) < 0.5
    if pa.types.is_list(column.type):
        return [[] for _ in range(count)]
    if pa.types.is_date(column.type):
        return [None] * count
    return [f"{column.name} {number}" for number in draw.integers(0, 1000, count)]
