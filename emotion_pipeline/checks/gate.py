"""The gate of a table: judges a batch before it replaces the last good partition.

A gate is one blocking check per table and partition, built from the table's contract and the stage's rules and judged
by Great Expectations, which takes seconds to import: only for the first batch.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
import pandas as pd

from emotion_pipeline.checks.rules import COMPLETENESS, RULES, SHARES
from emotion_pipeline.engine.stages.tables import RAW_AUDIO, Column, Table
from emotion_pipeline.partitions import DAILY

if TYPE_CHECKING:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

GATE: Final = "gate"
_SAMPLE: Final = 5
_REJECTED_SHOWN: Final = 50


class Thresholds(dg.ConfigurableResource):
    """Shares of a batch above which it is held back, under the names that rules use."""

    max_reject_share: float
    max_empty_transcript_share: float
    max_contradictory_share: float


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation that a batch did not meet: how many rows, and the keys of some of them."""

    expectation: str
    blocking: bool
    failing: int
    sample: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a gate says of one batch: passed unless a blocking expectation failed."""

    table: Table
    rows: int
    expectations: int
    findings: tuple[Finding, ...]
    # File and reason of every recording that was refused; of the table of recordings only.
    rejected: tuple[tuple[str, str], ...] = ()

    @property
    def passed(self) -> bool:
        return not any(finding.blocking for finding in self.findings)

    def to_check_result(self) -> dg.AssetCheckResult:
        """Return the verdict as Dagster records it.

        A verdict with warnings only is passed and says so: automation conditions wait for passed checks, and a day with
        one broken file is not to be waited for.
        """
        return dg.AssetCheckResult(
            passed=self.passed,
            asset_key=self.table.name,
            check_name=GATE,
            severity=dg.AssetCheckSeverity.ERROR,
            description=self._summary(),
            metadata={
                "rows": self.rows,
                "expectations": self.expectations,
                "blocking_failures": sum(finding.blocking for finding in self.findings),
                "warnings": sum(not finding.blocking for finding in self.findings),
                "findings": dg.MetadataValue.md(self._as_markdown()),
                **({"rejected": dg.MetadataValue.md(self._rejected_as_markdown())} if self.rejected else {}),
            },
        )

    def _summary(self) -> str:
        if not self.findings:
            return f"all {self.expectations} expectations met by {self.rows} rows"
        # The only warning about recordings is that some were rejected.
        shown = [finding for finding in self.findings if finding.blocking or not self.rejected]
        lines = [f"{len(self.rejected)} of {self.rows} recordings rejected"] if self.rejected else []
        lines += [f"{finding.expectation}: {finding.failing} of {self.rows} rows" for finding in shown]
        return ("passed with warnings: " if self.passed else "held back: ") + "; ".join(lines)

    def _as_markdown(self) -> str:
        if not self.findings:
            return "Every expectation is met."
        lines = ["| expectation | severity | failing | of rows | for example |", "|---|---|---|---|---|"]
        for finding in self.findings:
            severity = "error" if finding.blocking else "warning"
            sample = "<br>".join(finding.sample).replace("|", "\\|")
            lines.append(f"| {finding.expectation} | {severity} | {finding.failing} | {self.rows} | {sample} |")
        return "\n".join(lines)

    def _rejected_as_markdown(self) -> str:
        lines = ["| file | reason |", "|---|---|"]
        lines += [f"| {file} | {reason} |".replace("\n", " ") for file, reason in self.rejected[:_REJECTED_SHOWN]]
        left = len(self.rejected) - _REJECTED_SHOWN
        return "\n".join(lines) + (f"\n\n… and {left} more." if left > 0 else "")


def gate_spec(table: Table) -> dg.AssetCheckSpec:
    """Return the check that stands behind a table: blocking, and judged per partition."""
    with warnings.catch_warnings():
        # Checks with partitions are a preview feature; docs/adr/0001 says why it is used and that it is used here only.
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            GATE,
            asset=table.name,
            description=f"Contract and stage rules of {table.name}; a batch that breaks them is held back.",
            blocking=True,
            partitions_def=DAILY,
        )


def judge(
    frame: pd.DataFrame, table: Table, upstream: Mapping[str, pd.DataFrame], shares: Mapping[str, float]
) -> Verdict:
    """Judge a batch of ``table`` that was made from ``upstream``; ``shares`` holds the thresholds by name."""
    view = _judged_view(frame, table)
    expectations = [*_of_contract(table), *_of_rules(table, upstream, shares)]
    findings = tuple(_finding(result) for result in _failures(view, expectations, table.key))
    return Verdict(table, len(view), len(expectations), findings, _rejected(frame) if table is RAW_AUDIO else ())


def _rejected(frame: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    rows = frame[frame["status"] == "rejected"]
    return tuple(
        (str(file).replace("|", "\\|"), str(reason)) for file, reason in zip(rows["file"], rows["reason"], strict=True)
    )


def _judged_view(frame: pd.DataFrame, table: Table) -> pd.DataFrame:
    """Return the batch with one column per rule; cells that are lists stay out, rules have looked into them."""
    nested = [column.name for column in table.columns if column.name in frame and _is_nested(column)]
    view = frame.drop(columns=nested)
    for rule in RULES.get(table.name, ()):
        view[rule.name] = rule.holds(frame)
    for name in table.key:
        view[name] = view[name].astype(str)
    return view.reset_index(drop=True)


def _is_nested(column: Column) -> bool:
    return column.type.num_fields > 0


def _of_contract(table: Table) -> list["Expectation"]:
    import great_expectations.expectations as gxe

    expectations: list[Expectation] = [gxe.ExpectCompoundColumnsToBeUnique(column_list=list(table.key))]
    for column in table.columns:
        if _is_nested(column):
            continue
        if not column.nullable:
            expectations.append(gxe.ExpectColumnValuesToNotBeNull(column=column.name))
        if column.minimum is not None or column.maximum is not None:
            expectations.append(
                gxe.ExpectColumnValuesToBeBetween(
                    column=column.name, min_value=column.minimum, max_value=column.maximum
                )
            )
        if column.allowed is not None:
            expectations.append(gxe.ExpectColumnValuesToBeInSet(column=column.name, value_set=list(column.allowed)))
    return expectations


def _of_rules(table: Table, upstream: Mapping[str, pd.DataFrame], shares: Mapping[str, float]) -> list["Expectation"]:
    import great_expectations.expectations as gxe
    from great_expectations.expectations.metadata_types import FailureSeverity

    expectations: list[Expectation] = [
        gxe.ExpectColumnValuesToBeInSet(column=rule.name, value_set=[True], description=rule.sentence)
        for rule in RULES.get(table.name, ())
    ]
    if table.name in COMPLETENESS:
        rule = COMPLETENESS[table.name]
        expectations.append(
            gxe.ExpectColumnDistinctValuesToEqualSet(
                column=rule.column,
                value_set=sorted(rule.expected_keys(upstream)),
                description=f"every {rule.column} of {', '.join(table for table, _ in rule.parents)}, and no other",
            )
        )
    if table.name in SHARES:
        column, values, named, setting = SHARES[table.name]
        unusual = {"column": column, "value_set": list(values)}
        expectations += [
            gxe.ExpectColumnValuesToNotBeInSet(
                **unusual,
                mostly=1.0 - shares[setting],
                description=f"at most {shares[setting]:.0%} of the rows are {named}",
            ),
            gxe.ExpectColumnValuesToNotBeInSet(
                **unusual, severity=FailureSeverity.WARNING, description=f"no row is {named}"
            ),
        ]
    return expectations


def _failures(
    view: pd.DataFrame, expectations: Sequence["Expectation"], key: Sequence[str]
) -> Sequence["ExpectationValidationResult"]:
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    definition = (
        context.data_sources.add_pandas("batch")
        .add_dataframe_asset("batch")
        .add_batch_definition_whole_dataframe("batch")
    )
    batch = definition.get_batch({"dataframe": view})
    suite = gx.ExpectationSuite(name="gate", expectations=list(expectations))
    # Which rows fail takes as long again to find as whether any does: it is asked of what failed alone.
    results = batch.validate(suite, result_format="BOOLEAN_ONLY").results
    failed = [_config(result).to_domain_obj() for result in results if not result.success]
    report = {"result_format": "COMPLETE", "unexpected_index_column_names": list(key)}
    return batch.validate(gx.ExpectationSuite(name="failed", expectations=failed), result_format=report).results


def _finding(result: "ExpectationValidationResult") -> Finding:
    config = _config(result)
    details = result.result or {}
    return Finding(
        expectation=config.description or _in_words(config.type, config.kwargs),
        blocking=config.severity == "critical",
        failing=details.get("unexpected_count", 0) + len(details.get("partial_missing_list") or ()),
        sample=_sample(details),
    )


def _config(result: "ExpectationValidationResult") -> "ExpectationConfiguration":
    if result.expectation_config is None:
        raise TypeError("Great Expectations returned a result that does not say which expectation it judged")
    return result.expectation_config


def _in_words(kind: str, arguments: Mapping[str, Any]) -> str:
    """Return a contract's expectation as a sentence about its column."""
    column = arguments.get("column", "")
    allowed = ", ".join(str(value) for value in arguments.get("value_set", ()))
    sentences = {
        "expect_compound_columns_to_be_unique": f"{' and '.join(arguments.get('column_list', ()))} tell rows apart",
        "expect_column_values_to_not_be_null": f"{column} is never null",
        "expect_column_values_to_be_between": (
            f"{column} lies in [{arguments.get('min_value', '-inf')}, {arguments.get('max_value', 'inf')}]"
        ),
        "expect_column_values_to_be_in_set": f"{column} is one of {allowed}",
    }
    return sentences[kind]


def _sample(details: Mapping[str, Any]) -> tuple[str, ...]:
    """Return some offenders: the keys and values of rows, or the values that are missing or unexpected."""
    rows = details.get("unexpected_index_list") or []
    if rows:
        return tuple(", ".join(f"{name}={value}" for name, value in row.items()) for row in rows[:_SAMPLE])
    missing = [f"missing {value}" for value in details.get("partial_missing_list") or []]
    extra = [f"unexpected {value}" for value in details.get("partial_unexpected_list") or []]
    return tuple((missing + extra)[:_SAMPLE])
