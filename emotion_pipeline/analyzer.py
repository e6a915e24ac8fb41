"""The Python API for recordings: the whole chain on one file or many, as ``emotion-clf predict`` runs it.

The stages are the engine's (``engine.stages``); here are the settings, temporary files and the order of the work.
Recordings are analysed one at a time: memory and disk stay small, and results do not depend on the other recordings.
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

# A path, an address (``https://…``, ``s3://…``, a page with a video), or an entry of a source's listing.
Recording: TypeAlias = str | os.PathLike[str] | FoundRecording


class AudioAnalyzer:
    """Analyses recordings: the words, the tone of voice, the emotion of the text, and whether they agree.

    Models are loaded at first use and kept. ``settings`` are by default read from the environment and ``config.yaml``,
    as the command line does. Raises ConfigurationError for a setting that does not exist.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or load_settings()
        self._backends = Backends(backend_choice(settings))
        self._sources = Sources(fetch_limits(settings.sources), snowflake_connection(settings.snowflake))

    @property
    def fingerprint(self) -> str:
        """The names of all rules and models; results with different fingerprints may differ."""
        return fingerprint(self._backends)

    @overload
    def analyze(self, recordings: Recording) -> RecordingResult: ...

    @overload
    def analyze(self, recordings: Iterable[Recording]) -> RecordingResults: ...

    def analyze(self, recordings: Recording | Iterable[Recording]) -> RecordingResult | RecordingResults:
        """Return the result of one recording, or of several in their order. Raises as ``stream``."""
        if isinstance(recordings, (str, os.PathLike, FoundRecording)):
            return next(self.stream([recordings]))
        return RecordingResults(self.stream(recordings))

    def stream(self, recordings: Iterable[Recording], *, work: Path | None = None) -> Iterator[RecordingResult]:
        """Yield the result of each recording as soon as it is done, in their order.

        A recording that cannot be fetched, read or transcribed gives a result that says so; a file of a listing that
        turns out to be no recording gives none. Of several with the same bytes the first is accepted and the others are
        duplicates, with the same result.

        :param work: a folder for finished results: a later call with it goes on where this one was interrupted, as far
            as recordings and models are the same; remove it when all is done
        :raises SourceError: a path is not a file
        :raises FetchError: no source reads such an address
        :raises BackendUnavailableError: a package, weight or key is missing
        """
        finished = FinishedWork(work, self.fingerprint) if work else None
        seen: set[str] = set()
        for recording in recordings:
            entry = self._entry_of(recording)
            result = _finished_result(entry, finished) or self._analyse(entry, finished)
            if result is None:
                continue
            if result.status == "accepted":
                result = replace(result, status="duplicate") if result.recording_id in seen else result
                seen.add(result.recording_id)
            yield result

    def _entry_of(self, recording: Recording) -> FoundRecording:
        if isinstance(recording, FoundRecording):
            return recording
        if isinstance(recording, str):
            return self._sources.find(recording)
        return found_recording(Path(recording))

    def _analyse(self, entry: FoundRecording, finished: FinishedWork | None) -> RecordingResult | None:
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        with tempfile.TemporaryDirectory(prefix="recording-") as folder:
            store = FolderAudioStore(Path(folder))
            checkpoints = finished.unfinished if finished else None
            analysis = analyse(today, [entry], self._sources, self._backends, store, checkpoints=checkpoints)
        result = next(iter(report(analysis)), None)
        return finished.keep(result) if finished and result else result


def _finished_result(entry: FoundRecording, finished: FinishedWork | None) -> RecordingResult | None:
    """Return the kept result of a local recording; the bytes of others are known only after a fetch."""
    if finished is None or not entry.uri.startswith("file:"):
        return None
    try:
        return finished.read(sha256_of(local_path(entry.address)), entry.file)
    except OSError:
        return None  # the analysis will report what is wrong with the file
