"""Hands the warehouse and the files to assets, with what the Dagster UI shows of them.

What they do is written in ``emotion_pipeline.warehouse``, which knows nothing of Dagster; here are their settings as
resources, and the choice between them.
"""

from typing import ClassVar

import dagster as dg

from emotion_pipeline.config.settings import Settings
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.files import Files
from emotion_pipeline.warehouse.lake import Lake


class LakeResource(dg.ConfigurableResource[Warehouse]):
    """Tables in a lake below ``root``, see ``Lake``."""

    # What the UI shows beside a table that lies here, one of Dagster's names of kinds.
    kind: ClassVar[str] = "parquet"
    root: str

    def create_resource(self, context: dg.InitResourceContext) -> Warehouse:
        return Lake(self.root)


class SnowflakeTables(dg.ConfigurableResource[Warehouse]):
    """Tables in one schema of Snowflake, see ``SnowflakeWarehouse``; who logs in how is read from ``SNOWFLAKE_*``."""

    kind: ClassVar[str] = "snowflake"
    database: str
    schema_name: str
    cloned_from: str | None = None
    may_create: bool = False

    def create_resource(self, context: dg.InitResourceContext) -> Warehouse:
        from emotion_pipeline.warehouse.snowflake.warehouse import SnowflakeWarehouse  # seconds to import

        return SnowflakeWarehouse(self.database, self.schema_name, self.cloned_from, self.may_create)


class FilesResource(dg.ConfigurableResource[Files]):
    """Audio copies, checkpoints and refused batches below ``root``, see ``Files``."""

    root: str

    def create_resource(self, context: dg.InitResourceContext) -> Files:
        return Files(self.root)


def warehouse_resource(settings: Settings) -> LakeResource | SnowflakeTables:
    """Return where the tables of this deployment lie. Raises ConfigurationError, see ``target_of``."""
    if settings.storage.backend == "lake":
        return LakeResource(root=settings.storage.root)
    from emotion_pipeline.warehouse.snowflake.target import target_of

    target = target_of(settings)
    return SnowflakeTables(
        database=target.database,
        schema_name=target.schema,
        cloned_from=target.cloned_from,
        may_create=target.may_create,
    )
