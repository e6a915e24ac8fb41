"""The source of recordings that a deployment reads: dated folders below one root, wherever it is, and what their lists
name.
"""

from typing import Any

import dagster as dg

from emotion_pipeline.config.engine_options import fetch_limits, snowflake_connection
from emotion_pipeline.config.settings import Snowflake
from emotion_pipeline.config.settings import Sources as SourceSettings
from emotion_pipeline.engine.sources.base import FoundRecording
from emotion_pipeline.engine.sources.router import Sources


class RecordingSource(dg.ConfigurableResource):
    """Lists recordings by day and hands out their bytes; attributes are the settings' section ``sources``."""

    root: str
    settle_seconds: float = 10.0
    # All that is left of the section: what fetching one recording may cost.
    limits: dict[str, Any] = {}  # noqa: RUF012  (pydantic copies it)

    @classmethod
    def of(cls, section: SourceSettings) -> "RecordingSource":
        """Return the resource for these settings."""
        limits = section.model_dump(mode="json", exclude={"root", "settle_seconds"})
        return cls(root=section.root, settle_seconds=section.settle_seconds, limits=limits)

    @property
    def sources(self) -> Sources:
        """What reads addresses of every kind, within this deployment's limits."""
        return Sources(fetch_limits(SourceSettings(**self.limits)), snowflake_connection(Snowflake()))

    def days(self) -> list[str]:
        """Return the days that have a folder. Raises SourceError where the root cannot be listed."""
        return self.sources.days(self.root)

    def recordings(self, day: str) -> list[FoundRecording]:
        """Return a day's recordings in order of name. Raises SourceError."""
        return self.sources.recordings(self.root, day)
