"""What all table assets share: partitions, contract, gate before publishing, and the report of a materialisation.

``table_asset`` makes a daily-partitioned asset of a function that returns a ``Batch``. Only a good batch is published;
a bad one is a failed blocking check and is kept aside: the last good partition stays, and nothing downstream runs.
"""

import inspect
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import dagster as dg
import pandas as pd

from emotion_pipeline.checks.gate import Thresholds, gate_spec, judge
from emotion_pipeline.engine.stages.reuse import StageResult
from emotion_pipeline.engine.stages.tables import FINGERPRINT_COLUMN, STORED, TABLES, Table
from emotion_pipeline.partitions import DAILY, FRESH
from emotion_pipeline.resources.column_lineage import as_metadata
from emotion_pipeline.resources.gpu import Gpu
from emotion_pipeline.resources.launch import Launch
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.files import Files

OWNERS: Final = ["team:speech-analytics"]
# What makes a table; what holds it depends on the deployment, see ``held_by``.
CODE: Final = "python"
_TYPE_NAMES: Final = {"double": "number", "int64": "integer", "bool": "boolean", "date32[day]": "date"}
# Where a segment is, which says more to a person than its id.
_PLACE: Final = ("file", "speaker", "start_seconds")
_PREVIEW_ROWS: Final = 8
_PREVIEW_CHARACTERS: Final = 80


@dataclass(frozen=True, slots=True)
class Batch:
    """What one materialisation wants to publish, and what is worth telling about it."""

    result: StageResult
    # Columns that a person wants to see, none with words: Dagster's event log keeps them, whatever is erased later. In
    # place of the id of a segment its file, speaker and second are shown.
    preview: tuple[str, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    # Drawn only for a batch that is published, and outside the time that is reported.
    pictures: Mapping[str, Callable[[], dg.MarkdownMetadataValue]] = field(default_factory=dict)


def table_asset(
    table: Table, *, group: str, pool: str | None = None
) -> Callable[[Callable[..., Batch]], dg.AssetsDefinition]:
    """Make an asset of a function ``(context, <upstream frames>, <resources>) -> Batch``.

    Parameters named like a table are its inputs, all others are resources. Files, thresholds, device and the options of
    the run are required in any case: a refused batch has to be kept somewhere, what models take of the device is
    reported, and ``previous_rows`` asks whether all is to be computed again.
    """

    def decorate(function: Callable[..., Batch]) -> dg.AssetsDefinition:
        parameters = inspect.signature(function).parameters

        def step(
            context: dg.AssetExecutionContext,
            files: dg.ResourceParam[Files],
            thresholds: Thresholds,
            gpu: Gpu,
            launch: Launch,
            **arguments: Any,
        ) -> Iterator[dg.Output[pd.DataFrame] | dg.AssetCheckResult]:
            started = time.perf_counter()
            with gpu.measured() as usage:
                required = {"files": files, "launch": launch}
                named = {name: value for name, value in required.items() if name in parameters}
                batch = function(context, **arguments, **named)
            seconds = time.perf_counter() - started
            upstream = {name: value for name, value in arguments.items() if name in TABLES}
            verdict = judge(batch.result.rows, table, upstream, thresholds.model_dump())
            if verdict.passed:
                report = _report(table, batch, upstream, seconds)
                # What is taken in is fetched and decoded, and models redact a word of it at most.
                if "models" in parameters and table.upstream:
                    report |= gpu.report(usage)
                yield dg.Output(batch.result.rows, metadata=report)
            yield verdict.to_check_result()
            if not verdict.passed:
                held = files.hold(table, context.partition_key, batch.result.rows)
                context.log.error(f"batch held back in {held}; the table keeps its last good partition")

        _declare(step, parameters)
        with warnings.catch_warnings():
            # One partition a run, so that a gate's result belongs to its partition: a beta parameter says so.
            warnings.simplefilter("ignore", dg.BetaWarning)
            return dg.asset(
                name=table.name,
                description=table.grain,
                group_name=group,
                kinds={CODE},
                owners=OWNERS,
                pool=pool,
                partitions_def=DAILY,
                freshness_policy=FRESH,
                # No backfill policy: with one, multi_run(1) too, backfills start runs that name a range, no day.
                metadata={
                    "dagster/column_schema": _column_schema(table),
                    "key": ", ".join(table.key),
                    "dagster/code_references": _code_reference(function),
                },
                check_specs=[gate_spec(table)],
                output_required=False,
            )(step)

    return decorate


def held_by(assets: Iterable[dg.AssetsDefinition], warehouse: str, marts: str) -> list[dg.AssetsDefinition]:
    """Return the assets as the UI shows them where stores of these kinds hold tables and marts."""

    def with_kind(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.replace_attributes(kinds={*spec.kinds, warehouse if spec.key.path[-1] in STORED else marts})

    return [asset.map_asset_specs(with_kind) for asset in assets]


def previous_rows(context: dg.AssetExecutionContext, warehouse: Warehouse) -> pd.DataFrame | None:
    """Return what the partition that is being materialised holds now, or None; None if all is to be computed again."""
    if context.resources.launch.recompute:
        return None
    return warehouse.read(TABLES[context.asset_key.path[-1]], context.partition_key)


def _declare(step: Callable[..., Any], wrapped: Mapping[str, inspect.Parameter]) -> None:
    """Show Dagster, which finds inputs and resources by name and type, the parameters of the wrapped function."""
    signature = inspect.signature(step)
    named = {name: item for name, item in signature.parameters.items() if item.kind is not item.VAR_KEYWORD}
    parameters = [*named.values(), *(item for name, item in wrapped.items() if name not in named)]
    declared = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    setattr(step, "__signature__", declared)  # noqa: B010  (a function has no such attribute by type)
    step.__annotations__ = {item.name: item.annotation for item in parameters}


def _column_schema(table: Table) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=_TYPE_NAMES.get(str(column.type), str(column.type)),
                description=f"{column.meaning} [{column.unit}]" if column.unit else column.meaning,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in table.columns
        ]
    )


def _code_reference(function: Callable[..., Any]) -> dg.CodeReferencesMetadataValue:
    """Return the link to where an asset is written, which is not where this module makes one of it."""
    code = function.__code__
    reference = dg.LocalFileCodeReference(file_path=code.co_filename, line_number=code.co_firstlineno)
    return dg.CodeReferencesMetadataValue(code_references=[reference])


def _column_lineage(table: Table) -> dg.TableColumnLineage:
    deps: dict[str, list[dg.TableColumnDep]] = {}
    for column in table.columns:
        sources = [source.split(".") for source in column.sources]
        if sources:
            deps[column.name] = [dg.TableColumnDep(dg.AssetKey(parent), name) for parent, name in sources]
    return dg.TableColumnLineage(deps)


def _report(table: Table, batch: Batch, upstream: Mapping[str, pd.DataFrame], seconds: float) -> dict[str, Any]:
    result = batch.result
    report: dict[str, Any] = {
        "rows": len(result.rows),
        "computed": result.computed,
        "reused": result.reused,
        "seconds": round(seconds, 3),
        "model_fingerprints": ", ".join(sorted(set(result.rows[FINGERPRINT_COLUMN]))) or "none",
        "preview": dg.MetadataValue.md(_preview(*_placed(result.rows, batch.preview, upstream))),
        **batch.metadata,
        **{name: draw() for name, draw in batch.pictures.items()},
    }
    if result.words:
        report["words_read"] = result.words
    if result.seconds_of_audio:
        report["audio_seconds"] = round(result.seconds_of_audio, 3)
        report["real_time_factor"] = round(seconds / result.seconds_of_audio, 4)
    return report | as_metadata(_column_lineage(table))


def _placed(
    rows: pd.DataFrame, columns: tuple[str, ...], upstream: Mapping[str, pd.DataFrame]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return rows and columns to show, with the place of a segment instead of its id."""
    if "segment_id" not in columns:
        return rows, columns
    places = upstream["segments"][["segment_id", *_PLACE]].drop_duplicates("segment_id")
    others = tuple(name for name in columns if name != "segment_id")
    return rows[["segment_id", *others]].merge(places, on="segment_id", how="left"), (*_PLACE, *others)


def _preview(rows: pd.DataFrame, columns: tuple[str, ...]) -> str:
    """Return the first rows as a Markdown table, long text cut."""
    if rows.empty:
        return "No rows."
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    shown = rows.head(_PREVIEW_ROWS)[list(columns)].to_dict("records")
    lines += [f"| {' | '.join(_cell(row[name]) for name in columns)} |" for row in shown]
    if len(rows) > _PREVIEW_ROWS:
        lines.append(f"\n… and {len(rows) - _PREVIEW_ROWS} more.")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return ""
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    text = text.replace("|", "/").replace("\n", " ")
    return text if len(text) <= _PREVIEW_CHARACTERS else text[: _PREVIEW_CHARACTERS - 1] + "…"
