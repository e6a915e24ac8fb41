"""The source of recordings that a deployment reads: dated folders below one root."""

from pathlib import Path

import dagster as dg

from emotion_pipeline.engine.sources.local import FoundRecording, dated_folders, recordings_of


class RecordingSource(dg.ConfigurableResource):
    """Lists recordings by day.

    Attributes:
        root: the folder that holds the dated folders.
        settle_seconds: how long a file must be left alone to count as complete.
    """

    root: str
    settle_seconds: float = 10.0

    def days(self) -> list[str]:
        """Return the days that have a folder. Raises SourceError where the root cannot be listed."""
        return dated_folders(Path(self.root))

    def recordings(self, day: str) -> list[FoundRecording]:
        """Return a day's recordings in order of name. Raises SourceError."""
        return recordings_of(Path(self.root).resolve(), day)
