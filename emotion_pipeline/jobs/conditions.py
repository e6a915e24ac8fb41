"""When an asset makes itself anew without being asked: declarative automation, each condition under a name.

What a person, the sensor or the schedule starts runs through the jobs and is not concerned: a run that brought an
asset's inputs and the asset itself up to date leaves nothing to follow. Which asset has which condition is said here,
too; the assets do not know.
"""

from collections.abc import Iterable
from typing import Final

import dagster as dg

from emotion_pipeline.tables import RAW_AUDIO

_MADE_BY_DBT: Final = dg.AssetSelection.groups("staging", "marts")


def follows_its_inputs() -> dg.AutomationCondition[dg.AssetKey]:
    """A day is made anew when one of its inputs was, every input is there, and every gate above passed for that day.

    ``eager()`` alone ignores blocking checks that failed, and looks at the latest day only; a file that is mended late
    makes an old day new. A verdict with warnings only has passed (``checks.gate``). A day whose input is held back has
    no new input and waits; other days go on. The data tests of dbt look at no single day, so they are asked nothing: a
    build whose tests fail publishes nothing anyway.
    """
    eager = dg.AutomationCondition.eager().without(dg.AutomationCondition.in_latest_time_window())
    gates_passed = dg.AutomationCondition.all_deps_blocking_checks_passed().ignore(_MADE_BY_DBT)
    return (eager & gates_passed).with_label("follows_its_inputs")


FOLLOWERS: Final = dg.AutomationConditionSensorDefinition(
    "follow_inputs",
    target=dg.AssetSelection.all(),
    description="Brings a day's tables and marts up to date when one that they are made from was made anew by hand.",
)


def automated(assets: Iterable[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Return the assets with their conditions: all follow their inputs, but for the one whose inputs are files.

    New files are the arrivals sensor's business.
    """
    return [one.map_asset_specs(_with_condition) for one in assets]


def _with_condition(spec: dg.AssetSpec) -> dg.AssetSpec:
    if spec.key == dg.AssetKey(RAW_AUDIO.name):
        return spec
    return spec.replace_attributes(automation_condition=follows_its_inputs())
