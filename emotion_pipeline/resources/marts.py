"""The dbt marts: what holds wherever they lie, and how dbt is run. What the marts are is written in ``dbt_project``.

Where they lie, and how they are replaced so that a reader sees old or new, is the business of ``lake_marts`` and
``snowflake_marts``.
"""

import json
import os
import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, ClassVar, Final

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliInvocation, DbtCliResource, DbtProject
from dagster_dbt.core.dbt_event_iterator import DbtEventIterator
from dagster_dbt.errors import DagsterDbtCliRuntimeError
from packaging.version import Version

from emotion_pipeline.partitions import FRESH
from emotion_pipeline.resources.column_lineage import ColumnLineage, as_metadata
from emotion_pipeline.resources.dagster_private import PARTITION_TAG

# The dbt project of this repository; ``make manifest`` parses it ahead, because parsing at load time races in parallel
# runs.
PROJECT: Final = DbtProject(project_dir=Path(__file__).resolve().parents[2] / "dbt_project")

# The dbt of this environment, which need not be on the PATH.
DBT: Final = str(Path(sys.executable).with_name("dbt"))
# Unit tests judge the SQL, not the data: they belong to the test suite.
_BUILD: Final = ("build", "--exclude-resource-type", "unit_test")


class InstalledDbt(DbtCliResource):
    """The dbt that is installed beside this Python.

    dagster-dbt starts ``dbt --version`` before a build, which takes three seconds, to learn whether it is dbt 1.
    """

    @cached_property
    def _cli_version(self) -> Version:
        return Version(metadata.version("dbt-core"))


class MartsTranslator(DagsterDbtTranslator):
    """Puts all dbt models into one group; sources carry the keys of the table assets in their meta."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_code_references=True))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        return "staging" if dbt_resource_props["name"].startswith("stg_") else "marts"

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec = super().get_asset_spec(manifest, unique_id, project)
        # The manifest is parsed once, for the embedded warehouse: what holds the marts depends on the deployment. And
        # the SQL, which would be part of the description, is a click away.
        spec = spec.replace_attributes(
            kinds=spec.kinds - {manifest["metadata"]["adapter_type"]},
            description=self.get_resource_props(manifest, unique_id)["description"],
        )
        return spec if spec.group_name == "staging" else spec.replace_attributes(freshness_policy=FRESH)


class Marts(dg.ConfigurableResource, ABC):
    """Where the marts lie, and how they are built there."""

    # What the UI shows beside a mart that lies here, one of Dagster's names of kinds.
    kind: ClassVar[str]
    # The first day along which metrics are summed up.
    first_day: str

    @abstractmethod
    def build(self, context: dg.AssetExecutionContext) -> Iterator[Any]:
        """Build the models and run their data tests; yields what Dagster is to know of them.

        A run of one day replaces that day, also by nothing; any other run, and one that finds no marts or marts of
        another shape, makes all days anew. Raises DagsterDbtCliRuntimeError where a model or a test failed.
        """


def dbt_build(context: dg.AssetExecutionContext, cache: Path, *options: str, **environment: str) -> Iterator[Any]:
    """Yield the events of a ``dbt build`` under these environment variables, which the project reads its places from.

    ``cache``: the folder of dbt's parse cache, which is of use only where it is the same for every build.

    Each model comes with where its columns come from, and each mart with the number of its rows, which is asked when
    dbt has ended: it alone may hold a DuckDB file before.
    """
    with _environment(**environment):
        dbt = InstalledDbt(project_dir=os.fspath(PROJECT.project_dir), dbt_executable=DBT)
        invocation = dbt.cli([*_BUILD, *options], context=context, target_path=cache)
        events, failure = _ended(invocation)
        if events:  # the project's own manifest was parsed for another file or system
            invocation.manifest = invocation.get_artifact("manifest.json")
        marts = {node["unique_id"] for node in _mart_nodes(invocation.manifest)}
        lineage = ColumnLineage(invocation.manifest, invocation.target_path)
        for event in events:
            if not isinstance(event, dg.Output):
                yield event
                continue
            model = str(event.metadata["unique_id"].value)
            made = _with_lineage(event, lineage.of(model))
            if model in marts:
                yield from DbtEventIterator(iter((made,)), invocation).fetch_row_counts()
            else:
                yield made
        if failure is not None:
            raise failure


def day_of(context: dg.AssetExecutionContext) -> str:
    """Return the day that the run is about, the empty text where it is about all."""
    return context.run.tags.get(PARTITION_TAG, "")


def have_shape(columns: Iterable[tuple[str, str]]) -> bool:
    """Return whether every mart has exactly the columns that it should, so that days of it can be replaced.

    ``columns``: the mart and the name of each column that there is, in order.
    """
    present: dict[str, list[str]] = defaultdict(list)
    for mart, column in columns:
        present[mart].append(column)
    manifest = json.loads(PROJECT.manifest_path.read_text(encoding="utf-8"))
    return all(present[node["name"]] == list(node["columns"]) for node in _mart_nodes(manifest))


def _ended(invocation: DbtCliInvocation) -> tuple[list[Any], DagsterDbtCliRuntimeError | None]:
    """Return all that dbt tells, and how it failed where it did: what was tested before that is told all the same."""
    events: list[Any] = []
    try:
        events.extend(invocation.stream())
    except DagsterDbtCliRuntimeError as failure:
        return events, failure
    return events, None


def _with_lineage(output: dg.Output[Any], lineage: dg.TableColumnLineage | None) -> dg.Output[Any]:
    if lineage is None:
        return output
    return output.with_metadata({**output.metadata, **as_metadata(lineage)})


def _mart_nodes(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["config"].get("materialized") == "incremental"]


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
