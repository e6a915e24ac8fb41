"""``raw_audio``: every recording of a day fetched, inspected and, where accepted, copied as 16 kHz FLAC.

A recording that cannot be had or used becomes a row with a reason and never stops the others. A file that is no
recording and does not claim to be one (``Thumbs.db``, a picture, an archive) gets no row.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, Final

import pandas as pd

from emotion_pipeline.engine.audio.inspect import FINGERPRINT as INSPECTION
from emotion_pipeline.engine.audio.inspect import inspect
from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.common.hashing import hash_file
from emotion_pipeline.engine.redact.redactor import Redactor
from emotion_pipeline.engine.sources.base import FoundRecording, SourceMetadata
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason
from emotion_pipeline.engine.sources.router import Sources
from emotion_pipeline.engine.stages.reuse import StageResult, value_or_none
from emotion_pipeline.engine.stages.tables import FINGERPRINT_COLUMN, RAW_AUDIO

_METADATA = tuple(field.name for field in fields(SourceMetadata))
_IDENTITY = ("recording_date", "file", "recording_id", "source_uri", "source_version", FINGERPRINT_COLUMN)
# Columns that inspecting the bytes makes.
_MADE = tuple(name for name in RAW_AUDIO.column_names if name not in {*_IDENTITY, *_METADATA})

# What a file is found to be that is no recording.
_NO_MEDIA: Final = {RejectReason.UNREADABLE, RejectReason.EMPTY_FILE, RejectReason.NO_AUDIO_STREAM}

_Row = dict[str, Any]


def take_in(
    day: str,
    recordings: Sequence[FoundRecording],
    previous: pd.DataFrame | None,
    store: AudioStore,
    sources: Sources,
    redactor: Redactor | None = None,
) -> StageResult:
    """Return one row per recording; those whose bytes, name and rules did not change are reused.

    A recording elsewhere is fetched once, and again when its source says that it changed or when the last failure may
    pass. Of readable recordings with the same bytes the first by name is analysed, the others are duplicates.

    :param redactor: takes personal data out of the values of attributes, None where nothing is to be redacted
    """
    redacted = cache(redactor.redact_text) if redactor else str
    previous_rows = _rows_by_file(previous)
    rows, computed, seconds, no_recordings = [], 0, 0.0, []
    for recording in recordings:
        before = previous_rows.get(recording.file)
        row = _unchanged(recording, before, store)
        if row is None:
            row, is_new = _take_in(recording, before, store, sources)
            if row is None:
                no_recordings.append(recording.file)
                continue
            computed += is_new
            seconds += (row["seconds"] or 0.0) * is_new
        of_day = {"recording_date": pd.Timestamp(day).date(), FINGERPRINT_COLUMN: INSPECTION}
        rows.append(row | _listed(recording.metadata, redacted) | of_day)
    frame = pd.DataFrame(_mark_duplicates(rows), columns=list(RAW_AUDIO.column_names))
    return StageResult(frame, computed, len(rows) - computed, seconds, no_recordings=tuple(no_recordings))


def _listed(metadata: SourceMetadata, redacted: Callable[[str], str]) -> _Row:
    """Return what lists say of a recording today, whether it has been taken in before or not."""
    listed = {name: value for name in _METADATA if (value := getattr(metadata, name)) is not None}
    attributes = {name: redacted(value) for name, value in metadata.attributes or ()}
    return listed | {"attributes": json.dumps(attributes, ensure_ascii=False) if attributes else None}


def _rows_by_file(previous: pd.DataFrame | None) -> dict[str, _Row]:
    if previous is None:
        return {}
    current = previous[previous[FINGERPRINT_COLUMN] == INSPECTION]
    rows = current.to_dict("records")
    return {row["file"]: {str(name): value_or_none(value) for name, value in row.items()} for row in rows}


def _unchanged(recording: FoundRecording, before: _Row | None, store: AudioStore) -> _Row | None:
    """Return the row of a recording that lies elsewhere and need not be fetched again, or None."""
    is_local = recording.uri.startswith("file:")  # looking at its bytes costs nothing
    if before is None or is_local or not _is_whole(before, store):
        return None
    same = (before["source_uri"], before["source_version"]) == (recording.uri, recording.version)
    return before if same and not _may_pass(before["reason"]) else None


def _take_in(
    recording: FoundRecording, before: _Row | None, store: AudioStore, sources: Sources
) -> tuple[_Row | None, bool]:
    """Return a recording's row, None where the file is no recording, and whether it had to be inspected."""
    try:
        with sources.fetched(recording) as fetched:
            try:
                recording_id = hash_file(fetched.path)
            except OSError as error:
                detail = f"it cannot be opened ({error.strerror}); check that it is still there and its permissions."
                return _unavailable_row(recording, RejectReason.UNREADABLE, detail), True
            if before is not None and before["recording_id"] == recording_id and _is_whole(before, store):
                is_new, made = False, {name: before[name] for name in _MADE}
            else:
                is_new, made = True, _inspect(fetched.path, recording_id, store)
            if made["reason"] in _NO_MEDIA and not recording.claims_audio:
                return None, is_new
            return _source_row(recording, fetched.metadata) | {"recording_id": recording_id} | made, is_new
    except FetchError as error:
        if _may_pass(error.reason) and before is not None and before["status"] != "rejected":
            return before, False  # what was had before still is; the old version says that it wants another attempt
        return _unavailable_row(recording, error.reason, str(error)), True


def _is_whole(row: Mapping[str, Any], store: AudioStore) -> bool:
    return not row["audio_uri"] or store.has_audio(row["audio_uri"])


def _may_pass(reason: str | None) -> bool:
    return reason in set(FetchReason) and FetchReason(reason).is_retryable


def _source_row(recording: FoundRecording, fetched: SourceMetadata) -> _Row:
    """Return where a recording comes from, and what its source says of it."""
    metadata = {name: getattr(fetched, name) for name in _METADATA}
    return {"file": recording.file, "source_uri": recording.uri, "source_version": recording.version} | metadata


def _unavailable_row(recording: FoundRecording, reason: str, detail: str) -> _Row:
    """Return the row of a recording of which no byte was seen; its address stands in for the bytes."""
    rejection = {
        "recording_id": hashlib.sha256(recording.uri.encode()).hexdigest(),
        "size_bytes": recording.size_bytes,
        "status": "rejected",
        "reason": reason,
        "detail": detail,
        "warnings": [],
    }
    return _source_row(recording, SourceMetadata()) | dict.fromkeys(_MADE) | rejection


def _inspect(path: Path, recording_id: str, store: AudioStore) -> _Row:
    uri = store.audio_uri(recording_id)
    with store.audio_draft(uri) as draft:
        verdict = inspect(path, draft, recording_id)
    return {
        **{name: getattr(verdict, name) for name in _MADE if name != "audio_uri"},
        # The row names the file by itself; where it lay on this machine is in source_uri.
        "detail": verdict.detail.removeprefix(f"{path}: ") or None,
        "warnings": [str(warning) for warning in verdict.warnings],
        "audio_uri": uri if verdict.status == "accepted" else None,
    }


def _mark_duplicates(rows: list[_Row]) -> list[_Row]:
    """Set the status of readable rows anew: which file stands for the bytes depends on who else is there today."""
    first: dict[str, str] = {}
    for row in rows:
        if row["status"] == "rejected":
            continue
        original = first.setdefault(row["recording_id"], row["file"])
        if original == row["file"]:
            row["status"], row["detail"] = "accepted", None
        else:
            row["status"], row["detail"] = "duplicate", f"the same bytes as {original}, which is analysed"
    return rows
