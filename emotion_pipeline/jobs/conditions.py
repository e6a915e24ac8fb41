"""When an asset makes itself anew without being asked: declarative automation, each condition under a name.

What a person, the sensor or the schedule starts runs through the jobs and is not concerned: a run that brought an
asset's inputs and the asset itself up to date leaves nothing to follow. Which asset has which condition is said here,
too; the assets do not know.
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Final

import dagster as dg

from emotion_pipeline.engine.stages.tables import RAW_AUDIO, STORED


def follows_its_inputs() -> dg.AutomationCondition:
    """A day is made anew when one of its inputs was, every input is there, and every gate above passed for that day.

    ``eager()`` alone ignores blocking checks that failed, and looks at the latest day only; a file that is mended late
    makes an old day new. A verdict with warnings only has passed (``checks.gate``). A day whose input is held back has
    no new input and waits; other days go on.
    """
    eager = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())
    gated = eager & dg.AutomationCondition.all_deps_blocking_checks_passed()
    return gated.with_label("follows_its_inputs")


def rebuilt_after_the_tables() -> dg.AutomationCondition:
    """All marts are built anew, once and together, when days of tables were and no table is made or asked for any more.

    A mart looks at all tables, also at those that it does not read. What follows a table that was made by hand is asked
    for in the same tick and made in later ones; a mart that went by its own tables would be built before them, and
    others after. Marts have no partitions, so ``eager()`` would wait until no day at all is missing, and a gate would
    wait until no day is held back. Neither is wanted: what a table holds has passed its gate, and a bad batch never
    reaches it.
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
    description="Brings a day's tables and marts up to date when one that they are made from was made anew by hand.",
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
