"""Runs of the real jobs in this process, for ``make demo`` and ``make backfill``, and the console they print to."""

import contextlib
import io
import sys
from typing import Final

import dagster as dg
from rich.console import Console

_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# File names may hold square brackets, which are no markup.
CONSOLE: Final = Console(width=None if sys.stdout.isatty() else 150, markup=False, highlight=False)


def make_day(definitions: dg.Definitions, instance: dg.DagsterInstance, day: str) -> dg.ExecuteInProcessResult:
    """Materialise all tables of a day; a run that fails does not raise."""
    job = definitions.resolve_job_def("tables_only")
    return job.execute_in_process(partition_key=day, instance=instance, run_config=_QUIET, raise_on_error=False)


def build_marts(definitions: dg.Definitions, instance: dg.DagsterInstance) -> bool:
    """Build the marts, print what became of them, and return whether they were built; dbt's lines only where not."""
    job = definitions.resolve_job_def("marts_only")
    with contextlib.redirect_stdout(io.StringIO()) as dbt_output:
        run = job.execute_in_process(instance=instance, run_config=_QUIET, raise_on_error=False)
    if not run.success:
        CONSOLE.out(dbt_output.getvalue(), highlight=False)
    CONSOLE.print(f"marts       {'built and tested' if run.success else 'FAILED, the old ones stay'}")
    return run.success
