"""The code location: every asset, check, job, schedule, sensor and resource, put together from the settings."""

import dagster as dg

from emotion_pipeline import assets
from emotion_pipeline.assets.outside import CORRECTIONS, SOURCE, readers, with_source
from emotion_pipeline.assets.table_asset import held_by
from emotion_pipeline.checks.gate import Thresholds
from emotion_pipeline.config.logs import to_logging
from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.jobs.arrivals import recording_arrivals
from emotion_pipeline.jobs.conditions import FOLLOWERS, automated
from emotion_pipeline.jobs.failures import failure_sensor
from emotion_pipeline.jobs.jobs import daily_emotion, health, marts_only, tables_only
from emotion_pipeline.jobs.retention import Retention, every_night, marts_after_retention, retention
from emotion_pipeline.jobs.schedules import every_hour, every_morning
from emotion_pipeline.resources.dagster_private import over_days, running, sleep_while_waiting
from emotion_pipeline.resources.gpu import Gpu
from emotion_pipeline.resources.io_manager import WarehouseIOManager
from emotion_pipeline.resources.lake_marts import LakeMarts
from emotion_pipeline.resources.launch import Launch
from emotion_pipeline.resources.marts import Marts
from emotion_pipeline.resources.models import Models
from emotion_pipeline.resources.recordings import RecordingSource
from emotion_pipeline.resources.snowflake import SnowflakeSql
from emotion_pipeline.resources.warehouse import FilesResource, warehouse_resource
from emotion_pipeline.warehouse.snowflake.target import target_of


def build_defs(settings: Settings) -> dg.Definitions:
    """Return the code location for these settings; a test builds one of its own with its own folders.

    Raises ConfigurationError, see ``target_of``.
    """
    recordings = RecordingSource.of(settings.sources)
    warehouse, files = warehouse_resource(settings), FilesResource(root=settings.storage.root)
    marts_builder = _marts_builder(settings)
    schedules: list[dg.ScheduleDefinition] = [every_morning, every_hour]
    sensors: list[dg.SensorDefinition] = [recording_arrivals, FOLLOWERS]
    if settings.deployment == "prod":
        schedules = [running(schedule) for schedule in schedules]
        sensors = [running(sensor) for sensor in sensors]
    return dg.Definitions(
        assets=[
            *automated(held_by(with_source(_assets(recordings.partitions)), warehouse.kind, marts_builder.kind)),
            SOURCE,
            CORRECTIONS,
            *readers(),
        ],
        asset_checks=[
            over_days(check, recordings.partitions) for check in dg.load_asset_checks_from_package_module(assets)
        ],
        jobs=[daily_emotion, tables_only, marts_only, health, retention],
        schedules=[*schedules, every_night],
        sensors=[*sensors, failure_sensor(settings), marts_after_retention],
        executor=dg.in_process_executor,  # runs that no job of ours defines, too, load models once
        resources={
            "io_manager": WarehouseIOManager(warehouse=warehouse, files=files),
            "warehouse": warehouse,
            "files": files,
            "recordings": recordings,
            "launch": Launch(),
            "gpu": Gpu(**settings.compute.model_dump()),
            "models": Models.of(settings),
            "retention": Retention(keep_days=settings.storage.keep_days),
            "thresholds": Thresholds(**settings.gates.model_dump()),
            "marts_builder": marts_builder,
            **_snowflake(settings),
        },
    )


def _assets(days: dg.PartitionsDefinition) -> list[dg.AssetsDefinition]:
    loaded = dg.load_assets_from_package_module(assets)
    return [over_days(asset, days) for asset in loaded if isinstance(asset, dg.AssetsDefinition)]


def _marts_builder(settings: Settings) -> Marts:
    file, first_day = settings.storage.marts, settings.sources.first_day.isoformat()
    if settings.storage.backend == "lake":
        return LakeMarts(lake_root=settings.storage.root, path=str(file), first_day=first_day)
    from emotion_pipeline.resources.snowflake_marts import SnowflakeMarts  # seconds to import

    target = target_of(settings)
    cache = file.with_name(".marts.snowflake.target")
    return SnowflakeMarts(
        database=target.database, tables=target.schema, marts=target.marts, cache=str(cache), first_day=first_day
    )


def _snowflake(settings: Settings) -> dict[str, SnowflakeSql]:
    """Return the resource with which users' own assets reach Snowflake, where the tables lie there."""
    if settings.storage.backend == "lake":
        return {}
    target = target_of(settings)
    return {"snowflake": SnowflakeSql(database=target.database, schema_name=target.schema)}


@dg.definitions
def defs() -> dg.Definitions:
    to_logging()
    sleep_while_waiting()
    return build_defs(load_settings())
