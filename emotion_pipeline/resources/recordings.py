"""The source of recordings that a deployment reads: dated folders below one root, wherever it is, and what their lists
name.
"""

from typing import Any

import dagster as dg

from emotion_pipeline.config.engine_options import fetch_limits, snowflake_connection
from emotion_pipeline.config.settings import FIRST_DAY, Snowflake
from emotion_pipeline.config.settings import Sources as SourceSettings
from emotion_pipeline.engine.sources.base import FoundRecording
from emotion_pipeline.engine.sources.router import Sources
from emotion_pipeline.partitions import daily


class RecordingSource(dg.ConfigurableResource):
    """Lists recordings by day and hands out their bytes; attributes are the settings' section ``sources``."""

    root: str
    first_day: str = FIRST_DAY.isoformat()
    last_day: str | None = None
    settle_seconds: float = 10.0
    # All that is left of the section: what fetching one recording may cost.
    limits: dict[str, Any] = {}  # noqa: RUF012  (pydantic copies it)

    @classmethod
    def of(cls, section: SourceSettings) -> "RecordingSource":
        """Return the resource for these settings."""
        named = ("root", "settle_seconds", "first_day", "last_day")
        values = section.model_dump(mode="json")
        limits = {name: value for name, value in values.items() if name not in named}
        return cls(**{name: values[name] for name in named}, limits=limits)

    @property
    def partitions(self) -> dg.DailyPartitionsDefinition:
        """The days that this deployment has, with recordings or without."""
        return daily(self.first_day, self.last_day)

    @property
    def sources(self) -> Sources:
        """What reads addresses of every kind, within this deployment's limits."""
        return Sources(fetch_limits(SourceSettings(**self.limits)), snowflake_connection(Snowflake()))

    def days(self) -> list[str]:
        """Return the days of this deployment that have a folder. Raises SourceError where the root cannot be listed."""
        partitions = self.partitions
        return [day for day in self.sources.days(self.root) if partitions.has_partition_key(day)]

    def recordings(self, day: str) -> list[FoundRecording]:
        """Return a day's recordings in order of name. Raises SourceError."""
        return self.sources.recordings(self.root, day)
