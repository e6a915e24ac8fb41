"""The dbt marts for BI tools: segments, recordings, days and tone over time, calls, turns, weeks and reviews."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from emotion_pipeline.resources.marts import PROJECT, Marts, MartsTranslator


@dbt_assets(
    manifest=PROJECT.manifest_path,
    project=PROJECT,
    dagster_dbt_translator=MartsTranslator(),
    name="marts",
    pool="marts",
)
def marts(context: dg.AssetExecutionContext, marts_builder: Marts) -> Iterator[Any]:
    """Build staging and marts and run their data tests, so that whoever reads meanwhile sees old or new."""
    yield from marts_builder.build(context)
