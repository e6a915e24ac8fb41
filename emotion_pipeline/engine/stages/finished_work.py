"""Results of recordings that are done, kept until all that were asked for are: an interrupted analysis goes on there.

The pipeline has its tables for that; this is for who analyses a folder without one.
"""

import hashlib
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from emotion_pipeline.engine.stages.report import RecordingResult
from emotion_pipeline.engine.transcribe.checkpoints import FolderCheckpoints

_RESULTS: Final = TypeAdapter(RecordingResult)


class FinishedWork:
    """Results and unfinished transcriptions below one local folder.

    :param fingerprint: of rules and models (``chain.fingerprint``); what others made is not taken over
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint
        self._results = FolderCheckpoints(folder / "results")

    def read(self, recording_id: str, file: str) -> RecordingResult | None:
        """Return the result of these bytes under this name, or None where there is none."""
        kept = self._results.read(self._name(recording_id, file))
        return None if kept is None else _RESULTS.validate_json(kept)

    def keep(self, result: RecordingResult) -> RecordingResult:
        """Keep a result that need not be tried again, and return it as it will be read."""
        if result.status in {"rejected", "failed"}:
            return result
        text = _RESULTS.dump_json(result).decode()
        self._results.write(self._name(result.recording_id, result.file), text)
        return _RESULTS.validate_json(text)

    def unfinished(self, recording_id: str) -> FolderCheckpoints:
        """Return where the windows of a long recording are kept until it is transcribed."""
        return FolderCheckpoints(self._folder / "transcripts" / recording_id)

    def _name(self, recording_id: str, file: str) -> str:
        made_of = "\n".join((self._fingerprint, recording_id, file))
        return f"{hashlib.sha256(made_of.encode('utf-8', 'surrogateescape')).hexdigest()[:32]}.json"
