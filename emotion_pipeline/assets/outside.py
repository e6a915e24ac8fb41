"""What lies at both ends of the graph and is never made here: recordings and corrections, and who reads the marts.

The readers are the exposures of the dbt project.
"""

import json
from typing import Final

import dagster as dg

from emotion_pipeline.assets.table_asset import OWNERS
from emotion_pipeline.engine.stages.tables import RAW_AUDIO, REVIEWS
from emotion_pipeline.resources.marts import PROJECT

SOURCE: Final = dg.AssetSpec(
    "recordings",
    group_name="source",
    kinds={"file"},
    owners=OWNERS,
    description="Recordings as they are dropped: a folder a day below `sources.root`, as in "
    "`recordings/2026-11-02/call.wav`, with what `urls.txt` and `manifest.csv` name. The sensor `recording_arrivals` "
    "watches it.",
)
CORRECTIONS: Final = dg.AssetSpec(
    REVIEWS.name,
    group_name="source",
    kinds={"file"},
    owners=OWNERS,
    description="What people said of segments, from the page Review of the dashboard or `emotion-clf review`.",
)


def readers() -> list[dg.AssetSpec]:
    """Return who reads the marts, each below the marts that it reads; how to open it is in its description."""
    manifest = json.loads(PROJECT.manifest_path.read_text(encoding="utf-8"))
    return [
        dg.AssetSpec(
            exposure["name"],
            deps=[manifest["nodes"][node]["name"] for node in exposure["depends_on"]["nodes"]],
            group_name="readers",
            kinds={exposure["type"]},
            owners=OWNERS,
            description=exposure["description"],
        )
        for exposure in manifest["exposures"].values()
    ]


def with_source(assets: list[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """Return the assets with the table of recordings below their source."""

    def below_source(spec: dg.AssetSpec) -> dg.AssetSpec:
        is_first = spec.key == dg.AssetKey(RAW_AUDIO.name)
        return spec.replace_attributes(deps=[SOURCE]) if is_first else spec

    return [asset.map_asset_specs(below_source) for asset in assets]
