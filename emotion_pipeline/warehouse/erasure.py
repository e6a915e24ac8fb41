"""Erasing recordings from all that the pipeline stores: rows, audio copies, refused batches, unfinished transcriptions.

It serves requests of persons (GDPR, Art. 17) and retention. Sources, marts and the jobs of the REST service are left to
the caller: they lie elsewhere. What was erased is logged by ids, days and numbers, never by names or words.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from emotion_pipeline.engine.stages.tables import RAW_AUDIO, SEGMENTS, WITH_RECORDINGS
from emotion_pipeline.warehouse.base import Chosen, Warehouse
from emotion_pipeline.warehouse.files import Files


@dataclass(frozen=True, slots=True)
class Source:
    """Where a recording was taken in from: if it is still there, the next run of its day takes it in again."""

    day: str
    file: str
    uri: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """What is erased: rows by table and day, files below the storage root, and where the recordings came from."""

    rows: dict[str, dict[str, int]]
    files: tuple[str, ...]
    sources: tuple[Source, ...]

    @property
    def is_empty(self) -> bool:
        return not (any(self.rows.values()) or self.files)


def days_before(keep_days: float) -> Chosen:
    """Choose the days, in UTC, that are older than ``keep_days``."""
    return Chosen(before=(datetime.now(UTC) - timedelta(days=keep_days)).date().isoformat())


def recordings_named(warehouse: Warehouse, name: str) -> frozenset[str]:
    """Return the ids of the recordings that were taken in under a name or an address; none where there are none."""
    ids: set[str] = set()
    for day in warehouse.partitions(RAW_AUDIO):
        rows = _of(warehouse, day, "recording_id", "file", "source_uri")
        ids.update(str(row["recording_id"]) for row in rows if name in (row["file"], row["source_uri"]))
    return frozenset(ids)


def planned(warehouse: Warehouse, files: Files, chosen: Chosen) -> Erasure:
    """Return what ``erase`` would erase. Changes nothing."""
    rows = {name: warehouse.erase(table, chosen, dry_run=True) for name, table in WITH_RECORDINGS.items()}
    sources = [
        Source(day, str(row["file"]), str(row["source_uri"]))
        for day in rows[RAW_AUDIO.name]
        for row in _of(warehouse, day, "recording_id", "file", "source_uri")
        if chosen.has(day, row["recording_id"])
    ]
    return Erasure(rows, tuple(files.erase(chosen, _kept(warehouse, chosen), dry_run=True)), tuple(sources))


def erase(
    warehouse: Warehouse,
    files: Files,
    chosen: Chosen,
    forget: Callable[[Sequence[str]], object] | None = None,
    plan: Erasure | None = None,
) -> Erasure:
    """Erase the chosen recordings, log it, and return what was erased; a call that is cut off is simply made again.

    No run may be at work on their days meanwhile: it would publish again what it has already read.

    :param plan: what ``planned`` returned, where it was asked for already
    :param forget: drops what a service keeps of texts, as ``CortexSentiment.forget`` does
    """
    erasure = plan or planned(warehouse, files, chosen)
    if erasure.is_empty:
        return erasure
    if forget is not None:
        for day in erasure.rows[SEGMENTS.name]:
            segments = warehouse.read_all(SEGMENTS, [day], ["recording_id", "text"]).to_dict("records")
            forget([row["text"] for row in segments if chosen.has(day, row["recording_id"])])
    # ``raw_audio`` last: where this is cut off it still says which recordings there are.
    files.erase(chosen, _kept(warehouse, chosen), dry_run=False)
    for table in reversed(list(WITH_RECORDINGS.values())):
        warehouse.erase(table, chosen, dry_run=False)
    record = {"erased_at": datetime.now(UTC).isoformat(), "chosen": _described(chosen), "rows": erasure.rows}
    files.log_erasure(f"{time.time_ns()}", json.dumps(record | {"files": len(erasure.files)}))
    return erasure


def _kept(warehouse: Warehouse, chosen: Chosen) -> frozenset[str]:
    """Return the recordings that days which stay still have: the same bytes may lie in an old and in a new day."""
    if not chosen.before:
        return frozenset()
    days = [day for day in warehouse.partitions(RAW_AUDIO) if day >= chosen.before]
    return frozenset(str(row["recording_id"]) for day in days for row in _of(warehouse, day, "recording_id"))


def _of(warehouse: Warehouse, day: str, *columns: str) -> list[dict[str, object]]:
    rows = warehouse.read(RAW_AUDIO, day, columns)
    return [] if rows is None else [{str(name): row[name] for name in columns} for row in rows.to_dict("records")]


def _described(chosen: Chosen) -> dict[str, Any]:
    return asdict(chosen) | {"recordings": sorted(chosen.recordings)}
