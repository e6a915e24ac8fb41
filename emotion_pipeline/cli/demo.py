"""What ``make demo`` runs: samples, or a user's own recordings, through the real jobs, and the result as a table.

It uses the definitions and the Dagster instance that ``make dev`` shows afterwards.
"""

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Final

import dagster as dg
import duckdb
import typer
from rich.table import Table as RichTable

from emotion_pipeline.cli.console import run_command
from emotion_pipeline.cli.in_process import CONSOLE, build_marts, make_day
from emotion_pipeline.config.logs import to_logging
from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.sources.local import dated_folders
from emotion_pipeline.engine.stages.tables import RAW_AUDIO, TABLES
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.choice import warehouse_of
from emotion_pipeline.warehouse.files import Files

SAMPLES: Final = Path("samples")
_NUMBERS: Final = {"Emotion_Score", "Sentiment_Score", "At", "Sentiment", "Match", "Do Not Match"}


def main(
    audio: Annotated[Path | None, typer.Option(help="A recording, a folder of recordings or of dated folders.")] = None,
) -> None:
    """Materialise every day of the recordings, build the marts, print the result."""
    to_logging()
    settings = load_settings()
    root = SAMPLES if audio is None else _dated(audio, settings)
    days = dated_folders(root)
    range_of_days = {"first_day": date.fromisoformat(days[0]), "last_day": date.fromisoformat(days[-1])} if days else {}
    settings = settings.model_copy(
        update={
            "sources": settings.sources.model_copy(update={"root": str(root), **range_of_days}),
            "storage": settings.storage.model_copy(update={"backend": "lake"}),  # what the marts are built from
        }
    )
    started = time.perf_counter()
    succeeded = _materialise(settings, days)
    partitions = "1 partition" if len(days) == 1 else f"{len(days)} partitions"
    CONSOLE.print(f"{partitions} and the marts in {time.perf_counter() - started:.1f} s\n", style="dim")
    if settings.storage.marts.is_file():
        with duckdb.connect(str(settings.storage.marts), read_only=True) as marts:
            _print_result(marts, days)
            _print_segments(marts, days)
            print_voices(marts, days)
    print_not_analysed(warehouse_of(settings), Files(root=settings.storage.root), days)
    _print_next(settings)
    raise typer.Exit(0 if succeeded else 1)


def _dated(audio: Path, settings: Settings) -> Path:
    """Return a folder of dated folders for what the user named, copying loose recordings into today's."""
    if not audio.exists():
        raise typer.BadParameter(f"{audio} does not exist; name a recording or a folder of recordings")
    if audio.is_dir() and dated_folders(audio):
        return audio
    root = Path(settings.storage.root).parent / "own_recordings"
    today = root / datetime.now(UTC).strftime("%Y-%m-%d")
    shutil.rmtree(root, ignore_errors=True)
    if audio.is_dir():
        shutil.copytree(audio, today)
    else:
        today.mkdir(parents=True)
        shutil.copy2(audio, today)
    return root


def _materialise(settings: Settings, days: list[str]) -> bool:
    definitions = build_defs(settings)
    succeeded = True
    with dg.DagsterInstance.get() as instance:
        for day in days:
            run = make_day(definitions, instance, day)
            CONSOLE.print(_day_line(day, run))
            succeeded &= run.success
        return build_marts(definitions, instance) and succeeded


def _day_line(day: str, run: dg.ExecuteInProcessResult) -> str:
    """Return what became of a day: rows computed and reused, or the gate that held it back, or what broke."""
    checks = run.get_asset_check_evaluations()
    failed = [check for check in checks if not check.passed and check.severity is dg.AssetCheckSeverity.ERROR]
    if failed:
        return "\n".join(
            f"{day}  the gate of {check.asset_key.to_user_string()}: {check.description}" for check in failed
        )
    if not run.success:
        failures = (event.step_failure_data.error for event in run.all_events if event.is_step_failure)
        return "\n".join(
            f"{day}  FAILED: {error.message.strip() if error else 'no reason given'}" for error in failures
        )
    materializations = [event.materialization for event in run.get_asset_materialization_events()]
    reports = [made.metadata for made in materializations if made.asset_key.path[-1] in TABLES]
    computed, reused = (sum(int(str(report[name].value)) for report in reports) for name in ("computed", "reused"))
    return f"{day}  ok: {computed} rows computed, {reused} taken over from the last run"


def _print_result(marts: duckdb.DuckDBPyConnection, days: list[str]) -> None:
    rows = marts.execute(
        """
        select recording_date || '/' || file, emotion, emotion_score, transcript, sentiment_score, tone_sentiment_match
        from fct_recordings
        where status = 'accepted' and recording_date::varchar in (select unnest($days))
        order by 1
        """,
        {"days": days},
    ).fetchall()
    names = ("File", "Emotion", "Emotion_Score", "Transcript", "Sentiment_Score", "Tone_Sentiment_Match")
    _print_table(
        "What was said, how it sounded, and whether the two agree",
        names,
        [
            (file, emotion or "-", _number(score), _excerpt(transcript), _number(sentiment, "+"), match)
            for file, emotion, score, transcript, sentiment, match in rows
        ],
    )


def _print_segments(marts: duckdb.DuckDBPyConnection, days: list[str]) -> None:
    """Print of each recording the segment with the strongest sentiment: tables hold all of them."""
    rows = marts.execute(
        """
        select recording_date || '/' || file, speaker, start_seconds, tone,
            concat_ws(', ', base_emotion, sub_emotion, intensity), sentiment_score, text
        from fct_segments
        where recording_date::varchar in (select unnest($days))
        qualify row_number() over (
            partition by recording_date, recording_id order by abs(sentiment_score) desc, start_seconds
        ) = 1
        order by 1
        """,
        {"days": days},
    ).fetchall()
    _print_table(
        "The strongest segment of each recording",
        ("File", "Speaker", "At", "Tone", "Text emotion", "Sentiment", "Words"),
        [
            (file, speaker, f"{start:.1f} s", tone, emotion, _number(sentiment, "+"), _excerpt(words))
            for file, speaker, start, tone, emotion, sentiment, words in rows
        ],
    )


def print_voices(marts: duckdb.DuckDBPyConnection, days: list[str]) -> None:
    """Print of each speaker how long every tone lasted, and in how many segments tone and words agree."""
    rows = marts.execute(
        """
        with tones as (
            select recording_date || '/' || file as name, speaker, tone, sum(duration_seconds) as seconds,
                count(*) filter (where tone_sentiment_match = 'Match') as agree,
                count(*) filter (where tone_sentiment_match = 'Do Not Match') as disagree
            from fct_segments
            where tone is not null and recording_date::varchar in (select unnest($days))
            group by all
        )
        select name, speaker, string_agg(format('{} {:.0f} s', tone, seconds), ', ' order by seconds desc),
            sum(agree)::varchar, sum(disagree)::varchar
        from tones
        group by all
        order by name, speaker
        """,
        {"days": days},
    ).fetchall()
    names = ("File", "Speaker", "Tones, by how long they lasted", "Match", "Do Not Match")
    _print_table("How every voice sounded, and its segments in which tone and words agree or not", names, rows)


def print_not_analysed(warehouse: Warehouse, files: Files, days: list[str]) -> None:
    """Print rejected and duplicate files with their reasons, of days that were held back too."""
    shown = []
    for day in days:
        rows = files.held(RAW_AUDIO, day)
        if rows is None:
            rows = warehouse.read(RAW_AUDIO, day)
        if rows is not None:
            refused = rows[rows["status"] != "accepted"].to_dict("records")
            shown += [(f"{day}/{row['file']}", row["status"], row["reason"], row["detail"]) for row in refused]
    _print_table("Not analysed, and why", ("File", "Status", "Reason", "Detail"), shown)


def _print_table(title: str, names: Sequence[str], rows: Sequence[tuple[str | None, ...]]) -> None:
    """Print rows under their title, numbers to the right; nothing where there are none."""
    table = RichTable(title=title, title_justify="left")
    for name in names:
        table.add_column(name, justify="right" if name in _NUMBERS else "left")
    for row in rows:
        table.add_row(*row)
    if rows:
        CONSOLE.print(table)


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}.2f}"


def _excerpt(text: str | None, characters: int = 80) -> str:
    text = text or "-"
    return text if len(text) <= characters else text[: characters - 1].rsplit(" ", 1)[0] + " …"


def _print_next(settings: Settings) -> None:
    CONSOLE.print("Look further:")
    CONSOLE.print(f"  every segment   duckdb.connect('{settings.storage.marts}').sql('from fct_segments')")
    CONSOLE.print(f"  the tables      {settings.storage.root}/{{{','.join(TABLES)}}}/<day>.parquet", soft_wrap=True)
    CONSOLE.print("  the pipeline    make dev, then http://localhost:3000")
    CONSOLE.print("  your own audio  AUDIO=path make demo")


if __name__ == "__main__":
    run_command(lambda: typer.run(main))
