"""Recordings in Python: the whole chain on one file or many, as ``emotion-clf predict`` runs it.

The stages are the engine's (``engine.stages``); here are the settings, temporary files and the order of the work.
Recordings are analysed one at a time, which keeps memory and disk flat and gives the same numbers whatever else was
asked for; the segments of one are sorted and batched by the models.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias, overload

from emotion_pipeline.config.engine_options import backend_choice, fetch_limits, snowflake_connection
from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.common.hashing import sha256_of
from emotion_pipeline.engine.sources.base import FoundRecording
from emotion_pipeline.engine.sources.local import found_recording, local_path
from emotion_pipeline.engine.sources.router import Sources
from emotion_pipeline.engine.stages.chain import analyse, fingerprint
from emotion_pipeline.engine.stages.finished_work import FinishedWork
from emotion_pipeline.engine.stages.report import RecordingResult, RecordingResults, report

# A path, an address (``https://…``, ``s3://…``, a page with a video), or what a source has found.
Recording: TypeAlias = str | os.PathLike[str] | FoundRecording


class AudioAnalyzer:
    """Says of recordings what was said, how it sounded, what was felt, and whether they agree.

    Models are loaded at first use and kept. ``settings`` are by default those that the command line reads: the
    environment and ``config.yaml``. Raises ConfigurationError for a setting that does not exist.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or load_settings()
        self._backends = Backends(backend_choice(settings))
        self._sources = Sources(fetch_limits(settings.sources), snowflake_connection(settings.snowflake))

    @property
    def fingerprint(self) -> str:
        """Names all rules and models; another one means that other results are possible."""
        return fingerprint(self._backends)

    @overload
    def analyze(self, recordings: Recording) -> RecordingResult: ...

    @overload
    def analyze(self, recordings: Iterable[Recording]) -> RecordingResults: ...

    def analyze(self, recordings: Recording | Iterable[Recording]) -> RecordingResult | RecordingResults:
        """Return the result of one recording, or of several in their order; raises as ``stream``."""
        if isinstance(recordings, (str, os.PathLike, FoundRecording)):
            return next(self.stream([recordings]))
        return RecordingResults(self.stream(recordings))

    def stream(self, recordings: Iterable[Recording], *, work: Path | None = None) -> Iterator[RecordingResult]:
        """Yield the result of each recording as soon as it is done, in their order.

        A recording that cannot be fetched, read or transcribed is a result that says so. Of several with the same bytes
        the first is accepted and the others are duplicates, with the same result.

        :param work: a folder that keeps what is finished: a later call with it goes on where this one was interrupted,
            as far as recordings and models are the same, and yields the same; remove it when all is done
        :raises SourceError: a path is no file
        :raises FetchError: nothing here reads such an address
        :raises BackendUnavailableError: a package, weight or key is missing
        """
        finished = FinishedWork(work, self.fingerprint) if work else None
        seen: set[str] = set()
        for recording in recordings:
            found = self._find(recording)
            result = _taken_over(found, finished) or self._analyse(found, finished)
            if result.status == "accepted":
                result = replace(result, status="duplicate") if result.recording_id in seen else result
                seen.add(result.recording_id)
            yield result

    def _find(self, recording: Recording) -> FoundRecording:
        if isinstance(recording, FoundRecording):
            return recording
        if isinstance(recording, str):
            return self._sources.find(recording)
        return found_recording(Path(recording))

    def _analyse(self, found: FoundRecording, finished: FinishedWork | None) -> RecordingResult:
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        with tempfile.TemporaryDirectory(prefix="recording-") as folder:
            store = FolderAudioStore(Path(folder))
            checkpoints = finished.unfinished if finished else None
            analysis = analyse(today, [found], self._sources, self._backends, store, checkpoints=checkpoints)
        [result] = report(analysis)
        return finished.keep(result) if finished else result


def _taken_over(found: FoundRecording, finished: FinishedWork | None) -> RecordingResult | None:
    """Return the kept result of a recording whose bytes are here; those of others are only known after a fetch."""
    if finished is None or not found.uri.startswith("file:"):
        return None
    try:
        return finished.read(sha256_of(local_path(found.address)), found.file)
    except OSError:
        return None  # taking it in will say what is wrong with it
