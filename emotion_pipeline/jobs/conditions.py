"""Declarative automation: under which condition each asset is made anew without being asked.

Runs of persons, sensors and schedules go through the jobs; they leave nothing to follow.
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Final

import dagster as dg

from emotion_pipeline.engine.stages.tables import RAW_AUDIO, STORED


def follows_its_inputs() -> dg.AutomationCondition:
    """A day is made anew when one of its inputs was, every input is there, and every gate above passed for that day.

    ``eager()`` alone ignores blocking checks that failed, and looks at the latest day only. A verdict with warnings has
    passed (``checks.gate``). A day whose input is held back waits; other days go on.
    """
    eager = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())
    gated = eager & dg.AutomationCondition.all_deps_blocking_checks_passed()
    return gated.with_label("follows_its_inputs")


def rebuilt_after_the_tables() -> dg.AutomationCondition:
    """All marts are built once and together when days of tables were made and no table is being made or asked for.

    A mart that looked at its own tables only would be built before others that follow in later ticks. Marts have no
    partitions: ``eager()`` would wait until no day is missing, a gate until no day is held back. Neither is needed,
    since what a table holds has passed its gate.
    """
    made = dg.AutomationCondition.newly_updated()
    by_itself = (made & ~dg.AutomationCondition.executed_with_root_target()).with_label("made_without_the_marts")
    asked_for = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.in_progress()
    changed = _any_table(by_itself).since_last_handled()
    busy = _any_table(made | asked_for) | dg.AutomationCondition.in_progress()
    return (changed & ~busy).with_label("rebuilt_after_the_tables")


def _any_table(condition: dg.AutomationCondition) -> dg.AutomationCondition:
    """The condition holds for a day of any table."""
    return reduce(or_, [dg.AutomationCondition.asset_matches(name, condition) for name in STORED])


FOLLOWERS: Final = dg.AutomationConditionSensorDefinition(
    "follow_inputs",
    target=dg.AssetSelection.all(),
    description="Brings a day's tables and the marts up to date when one that they are made from was made anew by "
    "hand. Runs in deployment prod; elsewhere switch it on when you make single tables anew and want what follows.",
)


def automated(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Return the assets with their conditions; none for the table whose inputs are files, the arrivals sensor's
    business.
    """
    return [asset.map_asset_specs(_with_condition) for asset in assets]


def _with_condition(spec: dg.AssetSpec) -> dg.AssetSpec:
    if spec.key == dg.AssetKey(RAW_AUDIO.name):
        return spec
    condition = follows_its_inputs() if spec.key.path[-1] in STORED else rebuilt_after_the_tables()
    return spec.replace_attributes(automation_condition=condition)
