"""``python -m benchmarks.conversation``: what metrics of calls, and the marts that show them, add to the run of a day.

A day of calls goes from recordings to marts in one run. Added is the time of the step of ``conversation_metrics``, its
gate included, and what dbt says of the models that are about conversations and their tests.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import dagster as dg
import typer

from benchmarks.support.recordings import write_recordings
from emotion_pipeline.cli.in_process import QUIET
from emotion_pipeline.config.settings import Settings, Sources, Storage
from emotion_pipeline.definitions import build_defs

_DAY: Final = "2026-11-02"
_STEP: Final = "conversation_metrics"
_MARTS: Final = {"fct_calls", "fct_turns", "speaker_day", "weekly_trend", "review_queue", "fct_reviews"}
_STAGING: Final = {"stg_conversation_metrics", "stg_reviews"}


def measure(calls: int, seconds: float) -> dict[str, Any]:
    """Return the seconds of the run, of what is added, and their share: added / (run - added)."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        write_recordings(root / "recordings" / _DAY, calls, seconds)
        settings = Settings(
            storage=Storage(root=str(root / "lake"), marts=root / "marts.duckdb"),
            sources=Sources(root=str(root / "recordings"), settle_seconds=0.0),
        )
        with dg.DagsterInstance.ephemeral(tempdir=folder) as instance:
            job = build_defs(settings).resolve_job_def("daily_emotion")
            run = job.execute_in_process(partition_key=_DAY, instance=instance, run_config=QUIET)
            stats = {step.step_key: step for step in instance.get_run_step_stats(run.run_id)}
    steps = {name: (step.end_time or 0.0) - (step.start_time or 0.0) for name, step in stats.items()}
    total = max(step.end_time or 0.0 for step in stats.values()) - min(
        step.start_time or 0.0 for step in stats.values()
    )
    marts = sum(
        float(str(made.metadata["Execution Duration"].value))
        for made in (event.materialization for event in run.get_asset_materialization_events())
        if made.asset_key.path[-1] in _MARTS | _STAGING
    ) + sum(
        float(str(check.metadata["Execution Duration"].value))
        for check in run.get_asset_check_evaluations()
        if check.asset_key.path[-1] in _MARTS | _STAGING and "Execution Duration" in check.metadata
    )
    added = steps[_STEP] + marts
    return {
        "calls": calls,
        "audio_seconds": calls * seconds,
        "run_seconds": round(total, 1),
        "metrics_seconds": round(steps[_STEP], 2),
        "marts_seconds": round(marts, 2),
        "added_share": round(added / (total - added), 4),
    }


def main(
    calls: Annotated[int, typer.Option(help="Calls of the day.")] = 20,
    seconds: Annotated[float, typer.Option(help="Length of each.")] = 180.0,
) -> None:
    """Print one JSON line."""
    typer.echo(json.dumps(measure(calls, seconds)))


if __name__ == "__main__":
    typer.run(main)
