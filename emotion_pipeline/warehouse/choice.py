"""Which warehouse there is, by the settings. A warehouse and all it needs is imported when one is asked for."""

from typing import TYPE_CHECKING

from emotion_pipeline.config.settings import Settings

if TYPE_CHECKING:
    from emotion_pipeline.warehouse.base import Warehouse


def warehouse_of(settings: Settings) -> "Warehouse":
    """Return the warehouse that the settings choose. Raises ConfigurationError, see ``target_of``."""
    if settings.storage.backend == "lake":
        from emotion_pipeline.warehouse.lake import Lake

        return Lake(settings.storage.root)
    from emotion_pipeline.warehouse.snowflake.target import target_of
    from emotion_pipeline.warehouse.snowflake.warehouse import SnowflakeWarehouse

    target = target_of(settings)
    return SnowflakeWarehouse(target.database, target.schema, target.cloned_from, target.may_create)
