"""Every private name of Dagster that the pipeline uses, each with the reason why no public one does.

The only one of dagster-dbt is in ``marts``, so that what needs no dbt does not import it.

``pyproject.toml`` holds Dagster below 1.14 for this module's sake; a test sees to it that no other module imports such
names.
"""

import time
import uuid
import warnings
from collections.abc import Mapping, Sequence
from copy import copy
from typing import TypeVar

import dagster as dg
from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, PartitionBackfill
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster._daemon.controller import get_daemon_statuses
from dagster_shared.record import replace

# What a run launcher answers run monitoring with: the interface of launchers has no public name.
__all__ = [
    "PARTITION_TAG",
    "CheckRunHealthResult",
    "WorkerStatus",
    "add_backfill",
    "backfill_has_ended",
    "failed_days",
    "over_days",
    "running",
    "sleep_while_waiting",
    "they_are_healthy",
]

_Assets = TypeVar("_Assets", bound=dg.AssetsDefinition)
_Ticking = TypeVar("_Ticking", dg.ScheduleDefinition, dg.SensorDefinition)

# The tag that names the partition of a run; public in the documentation, not as a constant.
PARTITION_TAG = "dagster/partition"


def sleep_while_waiting() -> None:
    """Let runs that wait for a pool sleep meanwhile, and end where they are cancelled; twice changes nothing.

    Dagster 1.13 computes how long such a run may sleep as the least of 0 and the times that are left, which is never
    more than 0: the in-process executor asks again at once and takes a whole processor core from the runs that work.
    Here is the same computation without the 0. Nor does that executor look for interrupts between two steps: a run that
    is cancelled while it waits would go on as soon as it had its turn. Here the sleep itself ends.
    """
    InstanceConcurrencyContext.interval_to_next_pending_claim_check = _seconds_to_the_next_claim
    ActiveExecution.sleep_til_ready = _sleep_until_ready_or_cancelled


def over_days(asset: _Assets, days: dg.PartitionsDefinition) -> _Assets:
    """Return an asset, or checks, with partitions over these days, where it was declared with others.

    Days are a setting and assets are declared when their module is imported. Publicly only an asset can be given other
    partitions, not its checks, and one with checks must have the same.
    """
    attributes = asset.get_attributes_dict()
    specs = [spec.replace_attributes(partitions_def=days) if spec.partitions_def else spec for spec in asset.specs]
    checks = {
        name: replace(spec, partitions_def=days) if spec.partitions_def else spec
        for name, spec in attributes["check_specs_by_output_name"].items()
    }
    changed = {**attributes, "specs": specs, "check_specs_by_output_name": checks}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # of an argument that is handed on as it was
        return type(asset)(**changed)


def they_are_healthy(instance: dg.DagsterInstance, daemons: Sequence[str]) -> bool:
    """Return whether the daemons of these types gave a sign of life lately; the public method hides their errors."""
    return all(status.healthy for status in get_daemon_statuses(instance, daemons).values())


def add_backfill(
    instance: dg.DagsterInstance,
    definitions: dg.Definitions,
    tables: Sequence[str],
    days: Sequence[str],
    tags: Mapping[str, str],
) -> str:
    """Hand days of tables to the daemon, a run each with these tags, and return the backfill's id.

    Otherwise only the UI can.
    """
    backfill_id = uuid.uuid4().hex[:8]
    instance.add_backfill(
        PartitionBackfill.from_asset_partitions(
            backfill_id=backfill_id,
            asset_graph=definitions.get_repository_def().asset_graph,
            partition_names=list(days),
            asset_selection=[dg.AssetKey(table) for table in tables],
            backfill_timestamp=time.time(),
            tags=dict(tags),
            dynamic_partitions_store=instance,
            all_partitions=False,
            title=f"{days[0]} to {days[-1]}" if days else None,
            description=None,
            run_config=None,
        )
    )
    return backfill_id


def backfill_has_ended(instance: dg.DagsterInstance, backfill_id: str) -> bool:
    """Return whether nothing more will come of a backfill; its statuses have no public name."""
    backfill = instance.get_backfill(backfill_id)
    return backfill is None or backfill.status in BULK_ACTION_TERMINAL_STATUSES


def failed_days(instance: dg.DagsterInstance, table: str, days: dg.PartitionsDefinition) -> list[str]:
    """Return the days of a table whose last attempt failed and that no run is at work on.

    The public way asks for every day there is and compares each with what is known: half a second a table.
    """
    status = get_and_update_asset_status_cache_value(instance, dg.AssetKey(table), days)
    if status is None:
        return []
    failed = status.deserialize_failed_partition_subsets(days).get_partition_keys()
    under_way = status.deserialize_in_progress_partition_subsets(days).get_partition_keys()
    return sorted(set(failed) - set(under_way))


def running(ticking: _Ticking) -> _Ticking:
    """Return what runs where nobody has switched it; publicly that is fixed before there are settings."""
    started = copy(ticking)
    started._default_status = type(ticking.default_status).RUNNING  # pyright: ignore[reportAttributeAccessIssue]
    return started


def _seconds_to_the_next_claim(self: InstanceConcurrencyContext) -> float:
    now = time.time()
    left = [ready_at - now for step, ready_at in self._pending_timeouts.items() if step in self._pending_claims]
    return max(0.0, min(left, default=0.0))


def _sleep_until_ready_or_cancelled(self: ActiveExecution) -> None:
    with dg.raise_execution_interrupts():
        time.sleep(max(0.0, self.sleep_interval()))
