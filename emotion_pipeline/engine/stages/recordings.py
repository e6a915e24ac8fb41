"""``raw_audio``: every file of a day inspected, judged and, where accepted, copied as 16 kHz FLAC.

A file that cannot be used becomes a row with a reason and never stops the others.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from emotion_pipeline.engine.audio.inspect import FINGERPRINT as INSPECTION
from emotion_pipeline.engine.audio.inspect import inspect
from emotion_pipeline.engine.audio.reasons import RejectReason
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.sources.local import FoundRecording
from emotion_pipeline.engine.stages.reuse import FINGERPRINT, StageResult

_INSPECTED = (
    "size_bytes",
    "status",
    "reason",
    "container",
    "codec",
    "sample_rate_hz",
    "bit_depth",
    "channels",
    "seconds",
    "peak_dbfs",
    "rms_dbfs",
)
_MADE = (*_INSPECTED, "detail", "warnings", "audio_uri")


def take_in(
    day: str, recordings: Sequence[FoundRecording], previous: pd.DataFrame | None, store: AudioStore
) -> StageResult:
    """Return one row per recording; those whose bytes, name and rules did not change are taken over.

    Of several readable files with the same bytes the first by name is the recording, the others are duplicates.
    """
    known = _known(previous)
    rows, computed, seconds = [], 0, 0.0
    for recording in recordings:
        try:
            recording_id = _sha256(recording.path)
        except OSError as error:
            recording_id, made = _unopened(recording, error)
        else:
            made = known.get((recording.file, recording_id))
        if made is None or (made["audio_uri"] and not store.has_audio(made["audio_uri"])):
            made = _inspect(recording, recording_id, store)
            computed += 1
            seconds += made["seconds"] or 0.0
        source = {"file": recording.file, "recording_id": recording_id, "source_uri": recording.path.as_uri()}
        rows.append({"recording_date": pd.Timestamp(day).date(), **source, **made, FINGERPRINT: INSPECTION})
    columns = ["recording_date", "file", "recording_id", "source_uri", *_MADE, FINGERPRINT]
    frame = pd.DataFrame(_mark_duplicates(rows), columns=columns)
    return StageResult(frame, computed, len(rows) - computed, seconds)


def _known(previous: pd.DataFrame | None) -> dict[tuple[str, str], dict[str, Any]]:
    if previous is None:
        return {}
    current = previous[previous[FINGERPRINT] == INSPECTION]
    return {
        (row["file"], row["recording_id"]): {name: _plain(row[name]) for name in _MADE}
        for row in current.to_dict("records")
    }


def _plain(value: Any) -> Any:
    """Return a stored value as it was before storage: missing numbers are NaN in a frame and None in a row."""
    return None if isinstance(value, float) and pd.isna(value) else value


def _unopened(recording: FoundRecording, error: OSError) -> tuple[str, dict[str, Any]]:
    """Return id and row of a file that vanished or may not be read; its name stands in for the bytes nobody saw."""
    nothing = dict.fromkeys(_MADE)
    known = {
        "size_bytes": recording.size_bytes,
        "status": "rejected",
        "reason": RejectReason.UNREADABLE,
        "detail": f"it cannot be opened ({error.strerror}); check that it is still there and its permissions.",
        "warnings": [],
    }
    return hashlib.sha256(os.fsencode(recording.path)).hexdigest(), nothing | known


def _inspect(recording: FoundRecording, recording_id: str, store: AudioStore) -> dict[str, Any]:
    uri = store.audio_uri(recording_id)
    with store.audio_draft(uri) as draft:
        verdict = inspect(recording.path, copy_to=draft)
    made = {name: getattr(verdict, name) for name in _INSPECTED}
    return {
        **made,
        # The row names the file by itself; where it lay on this machine is in source_uri.
        "detail": verdict.detail.removeprefix(f"{recording.path}: ") or None,
        "warnings": [str(warning) for warning in verdict.warnings],
        "audio_uri": uri if verdict.status == "accepted" else None,
    }


def _mark_duplicates(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
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


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
