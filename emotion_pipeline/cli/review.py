"""``emotion-clf review``: what a person should listen to next, and their labels, which the pipeline keeps."""

import getpass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emotion_pipeline.cli.console import ERRORS, OUT, print_line
from emotion_pipeline.config.settings import Settings, load_settings
from emotion_pipeline.report.clock import clock
from emotion_pipeline.warehouse.choice import warehouse_of

if TYPE_CHECKING:
    import pandas as pd

    from emotion_pipeline.warehouse.base import Warehouse

app = typer.Typer(
    help="List what to listen to next, or write what you heard.\n\nExample: emotion-clf review",
    invoke_without_command=True,
)


@app.callback()
def review(
    context: typer.Context,
    day: Annotated[str | None, typer.Option(help="Only recordings of this day, as in 2026-11-02.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only what has this reason, as in escalation.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many to list.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line, with all columns.")] = False,
) -> None:
    """List the segments that nobody has reviewed, the most urgent first: the mart review_queue.

    Example: emotion-clf review --day 2026-11-02 --reason escalation
    """
    if context.invoked_subcommand is not None:
        return
    from emotion_pipeline.warehouse.reviews import pending, read_reviews

    settings = load_settings()
    warehouse = warehouse_of(settings)
    queue = pending(_queue(settings, warehouse), read_reviews(warehouse))
    queue["recording_date"] = queue["recording_date"].astype(str).str[:10]
    chosen = queue[queue["recording_date"] == day] if day else queue
    chosen = chosen[[reason in reasons.split(", ") for reasons in chosen["reasons"]]] if reason else chosen
    rows = chosen.head(limit).astype(object).where(chosen.head(limit).notna(), None).to_dict("records")
    if as_json:
        for row in rows:
            print_line({str(name): value for name, value in row.items()})
    elif rows:
        for row in rows:
            at = f"{clock(row['start_seconds'])}-{clock(row['end_seconds'])}"
            OUT.print(f"{row['priority']:.2f}  {row['segment_id']}  {row['recording_date']}/{row['file']} {at}")
            OUT.print(f"      {row['reasons']}; sounds {row['tone']}; {row['speaker_role']}: {row['text'] or '…'}")
        OUT.print(
            f"{len(rows)} of {len(chosen)}; emotion-clf review label SEGMENT_ID --sentiment … writes what you heard"
        )
    else:
        ERRORS.print("nothing to review")


@app.command()
def label(
    segment_id: Annotated[str, typer.Argument(help="The segment, as emotion-clf review lists it.")],
    tone: Annotated[str | None, typer.Option(help="How it sounds: angry, calm, happy, neutral, sad, …")] = None,
    emotion: Annotated[str | None, typer.Option(help="What the words express: Anger, Happiness, Sadness, …")] = None,
    sentiment: Annotated[str | None, typer.Option(help="Of the words: negative, neutral or positive.")] = None,
    note: Annotated[str | None, typer.Option(help="What else there is to say.")] = None,
    reviewer: Annotated[str | None, typer.Option(help="Your name; by default that of your login.")] = None,
    day: Annotated[
        str | None, typer.Option(help="The day of the recording; by default the newest that has it.")
    ] = None,
) -> None:
    """Write what you heard in a segment: what you do not give you do not judge. Nothing overwrites it.

    Example: emotion-clf review label 5f8d28209e11008e-0004-1c2d3e4f --tone angry --sentiment negative
    """
    from emotion_pipeline.warehouse.reviews import Label, add_review

    given = Label(reviewer or getpass.getuser(), tone, emotion, sentiment, note)
    review_id = add_review(warehouse_of(load_settings()), segment_id, given, day)
    OUT.print(f"review {review_id} of segment {segment_id} is kept")


def _queue(settings: Settings, warehouse: "Warehouse") -> "pd.DataFrame":
    """Return the mart review_queue, from beside the lake or from Snowflake."""
    if settings.storage.backend == "lake":
        from emotion_pipeline.report.queries import ask

        return ask(settings.storage.marts, "from review_queue")
    import pandas as pd

    from emotion_pipeline.warehouse.snowflake.target import target_of
    from emotion_pipeline.warehouse.snowflake.warehouse import SnowflakeWarehouse

    target = target_of(settings)
    assert isinstance(warehouse, SnowflakeWarehouse)

    def rows(session: Any) -> pd.DataFrame:
        with session.cursor() as cursor:
            cursor.execute(f'SELECT * FROM "{target.database}"."{target.marts}"."REVIEW_QUEUE"')
            return pd.DataFrame(cursor.fetchall(), columns=[column.name.lower() for column in cursor.description])

    return warehouse.ask(rows)
