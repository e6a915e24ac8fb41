"""The dbt marts of the embedded warehouse: built into a new DuckDB file that takes the old one's place by rename.

A BI tool that holds the old file open reads on undisturbed and sees the new one when it opens it again; while dbt
builds, nobody waits. What the marts are is written in ``dbt_project``, not here.
"""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import dagster as dg
import duckdb
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject
from filelock import FileLock
from upath import UPath

from emotion_pipeline.resources.publish import is_local

PROJECT: Final = DbtProject(project_dir=Path(__file__).resolve().parents[2] / "dbt_project")
"""The dbt project of this repository; ``make manifest`` parses it ahead, because parsing at load time races in parallel
runs.
"""

_DBT: Final = str(Path(sys.executable).with_name("dbt"))
"""The dbt of this environment, which need not be on the PATH."""
_PARTITION_TAG: Final = "dagster/partition"
_BUILD: Final = ["build", "--exclude-resource-type", "unit_test"]
"""Unit tests judge the SQL, not the data: they belong to the test suite."""


FRESH: Final = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=74), warn_window=timedelta(hours=26))
"""A mart is built every morning after a day with recordings: later than that is worth a look, a long weekend without
any is not worth an alarm.
"""


class MartsTranslator(DagsterDbtTranslator):
    """Puts all dbt models into one group; sources carry the keys of the table assets in their meta."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return "staging" if dbt_resource_props["name"].startswith("stg_") else "marts"

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec if spec.group_name == "staging" else spec.replace_attributes(freshness_policy=FRESH)


class Marts(dg.ConfigurableResource):
    """Runs dbt over the lake.

    Attributes:
        lake_root: where the tables lie.
        path: the DuckDB file that BI tools open, on local disk.
    """

    lake_root: str
    path: str

    def build(self, context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Build the models and run their data tests in a draft, which replaces the marts when all of it passed.

        A run of one day begins with a copy of the marts and replaces that day in it, also by nothing; any other run,
        and one that finds no marts or marts of another shape, makes all days anew. The draft always has the same name,
        because dbt's parse cache is only good for the same path; a lock keeps a second build waiting.
        """
        final = Path(self.path).resolve()
        final.parent.mkdir(parents=True, exist_ok=True)
        draft = final.with_name(f".{final.name}.building")
        with FileLock(f"{draft}.lock"):
            draft.unlink(missing_ok=True)
            day = context.run.tags.get(_PARTITION_TAG, "") if has_shape(final, _wanted_shape()) else ""
            if day:
                shutil.copyfile(final, draft)
            with _environment(LAKE_ROOT=_absolute(self.lake_root), MARTS_PATH=str(draft), MARTS_DAYS=day):
                dbt = DbtCliResource(project_dir=PROJECT, dbt_executable=_DBT)
                target = final.with_name(f".{final.name}.target")
                yield from dbt.cli(_BUILD, context=context, target_path=target).stream()
            draft.replace(final)


Shape = Mapping[str, tuple[str, ...]]
"""The columns of each mart, in order."""


def has_shape(marts: Path, wanted: Shape) -> bool:
    """Return whether the file has exactly the wanted columns in every mart, so that days of it can be replaced."""
    if not marts.is_file():
        return False
    with duckdb.connect(str(marts), read_only=True) as connection:
        rows = connection.execute(
            "select table_name, column_name from information_schema.columns order by ordinal_position"
        ).fetchall()
    return all(tuple(column for table, column in rows if table == mart) == columns for mart, columns in wanted.items())


def _wanted_shape() -> Shape:
    manifest = json.loads(PROJECT.manifest_path.read_text(encoding="utf-8"))
    nodes = [node for node in manifest["nodes"].values() if node["config"].get("materialized") == "incremental"]
    return {node["name"]: tuple(node["columns"]) for node in nodes}


def _absolute(root: str) -> str:
    path = UPath(root)
    return str(path.resolve()) if is_local(path) else root


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables for dbt, which takes its paths from the environment so that its parse cache stays valid."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
