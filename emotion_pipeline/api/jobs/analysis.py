"""Analysing the recording of one job: from an upload or an address to a result or a failure with a code.

Claiming jobs and storing outcomes belongs to ``worker``.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from emotion_pipeline.api.jobs.records import JobRecord
from emotion_pipeline.engine.audio.encode import FlacWriter
from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.sources.base import FetchLimits, FoundRecording
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason
from emotion_pipeline.engine.sources.local import found_recording
from emotion_pipeline.engine.sources.router import Sources
from emotion_pipeline.engine.stages.chain import Analysis, analyse
from emotion_pipeline.engine.stages.report import report
from emotion_pipeline.engine.tone.built_in_clip import excited_clip
from emotion_pipeline.engine.transcribe.checkpoints import FolderCheckpoints
from emotion_pipeline.engine.transcribe.transcript_reasons import FailureReason

# Rough share of the work that is done when a stage begins.
PROGRESS: Final = {"taking_in": 0.05, "transcribing": 0.15, "judging": 0.85}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a recording, or the code and sentence that say why it has none."""

    result: dict[str, Any] | None
    audio_seconds: float | None
    code: str = ""
    detail: str = ""


def run(
    job: JobRecord, uploads: Path, work: Path, sources: Sources, backends: Backends, on_stage: Callable[[str], None]
) -> Outcome:
    """Analyse a job's recording.

    :param work: an existing folder of this job alone; a later attempt goes on with what an earlier one left in it
    """
    try:
        recording = _find(job, uploads, sources)
    except FetchError as error:
        return Outcome(None, None, error.reason, error.reason.meaning)
    analysis = analyse(
        datetime.now(UTC).strftime("%Y-%m-%d"),
        [recording],
        sources,
        backends,
        FolderAudioStore(work),
        on_stage=on_stage,
        checkpoints=lambda recording_id: FolderCheckpoints(work / f"{recording_id}.parts"),
    )
    return _outcome(analysis)


def warm_up(backends: Backends) -> None:
    """Analyse a synthetic voice, so that no job waits for a model or a library to load."""
    with tempfile.TemporaryDirectory(prefix="warm-up-") as folder:
        clip = Path(folder) / "clip.flac"
        with FlacWriter(clip, channels=1) as writer:
            writer.write(excited_clip()[np.newaxis])
            writer.publish()
        store = FolderAudioStore(Path(folder))
        analyse("2000-01-01", [found_recording(clip)], Sources(FetchLimits()), backends, store)
    backends.tone.score([excited_clip()])
    backends.emotion.predict(["Exciting news!", "I am furious with you."])


def _find(job: JobRecord, uploads: Path, sources: Sources) -> FoundRecording:
    if job.upload is None:
        return sources.find(job.address or "")
    path = uploads / job.upload
    if not path.is_file():
        raise FetchError(FetchReason.NOT_FOUND, "the upload was removed")
    return replace(found_recording(path), file=job.file)


def _outcome(analysis: Analysis) -> Outcome:
    [recording], [row] = report(analysis), analysis.raw_audio.to_dict("records")
    seconds = None if row["status"] == "rejected" else float(row["seconds"])
    if recording.status == "rejected":
        code = recording.reasons[0]
        return Outcome(None, None, code, _sentence(code, row["detail"]))
    if recording.status == "failed":
        code = recording.reasons[0]
        return Outcome(None, seconds, code, FailureReason(code).meaning)
    return Outcome(recording.to_dict(), seconds)


def _sentence(code: str, detail: str | None) -> str:
    """Return the sentence for the client: of a fetch without its detail, which names resolved addresses."""
    if code in set(FetchReason):
        return FetchReason(code).meaning
    return detail or RejectReason(code).meaning
