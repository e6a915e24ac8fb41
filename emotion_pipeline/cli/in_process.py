"""Runs of the real jobs in this process, for ``make demo`` and ``make backfill``, and the console they print to.

By itself it builds all marts, as ``emotion-clf erase`` has it do.
"""

import contextlib
import io
import sys
from typing import Final

import dagster as dg
from rich.console import Console

from emotion_pipeline.cli.console import run_command
from emotion_pipeline.config.settings import load_settings
from emotion_pipeline.definitions import build_defs

QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

# File names may hold square brackets, which are no markup.
CONSOLE: Final = Console(width=None if sys.stdout.isatty() else 150, markup=False, highlight=False)


def make_day(definitions: dg.Definitions, instance: dg.DagsterInstance, day: str) -> dg.ExecuteInProcessResult:
    """Materialise all tables of a day; a run that fails does not raise."""
    job = definitions.resolve_job_def("tables_only")
    return job.execute_in_process(partition_key=day, instance=instance, run_config=QUIET, raise_on_error=False)


def build_marts(definitions: dg.Definitions, instance: dg.DagsterInstance) -> bool:
    """Build the marts, print what became of them, and return whether they were built; dbt's lines only where not."""
    job = definitions.resolve_job_def("marts_only")
    with contextlib.redirect_stdout(io.StringIO()) as dbt_output:
        run = job.execute_in_process(instance=instance, run_config=QUIET, raise_on_error=False)
    if not run.success:
        CONSOLE.out(dbt_output.getvalue(), highlight=False)
    CONSOLE.print(f"marts       {'built and tested' if run.success else 'FAILED, the old ones stay'}")
    return run.success


def main() -> None:
    """Build the marts of all days as the settings say; exit code 1 where that failed."""
    with dg.DagsterInstance.get() as instance:
        built = build_marts(build_defs(load_settings()), instance)
    raise SystemExit(0 if built else 1)


if __name__ == "__main__":
    run_command(main)
