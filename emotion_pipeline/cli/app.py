"""``emotion-clf``: the engine on the command line, for a few recordings or texts and for measuring and training.

Commands read settings, call the engine and print. Their modules import the engine only when a command runs, so that
help and completion are fast.
"""

import atexit
import gc
import sys

import typer

from emotion_pipeline.api.commands import serve_app, token_app
from emotion_pipeline.cli import erase, evaluate, models, predict, report, review, smoke, train
from emotion_pipeline.cli.console import run_command
from emotion_pipeline.config.logs import to_logging

app = typer.Typer(
    help="Speech emotion analytics on the command line.\n\n"
    "Exit codes: 0 done; 1 a recording, setting, model or file is missing, broken or was refused; 2 the command was "
    "used wrongly; 130 interrupted.\n\n"
    'Example: emotion-clf predict --text "Exciting news!"',
    no_args_is_help=True,
    add_completion=True,
)
app.add_typer(predict.app)
app.add_typer(erase.app)
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(train.app, name="train")
app.add_typer(review.app, name="review")
app.add_typer(report.app)
app.add_typer(models.app, name="models")
app.add_typer(smoke.app)
app.add_typer(serve_app, name="serve")
app.add_typer(token_app, name="token")


def main() -> None:
    """Run the command line; see ``run_command`` for how it ends."""
    to_logging()
    # Imports make many objects and no garbage: looking for it, then and at the end, would take over half a second.
    gc.set_threshold(50_000)
    atexit.register(_leave_objects)
    run_command(app)


def _leave_objects() -> None:
    # The compiler that training imports, and DuckDB, count what is never freed, and would end the output with a page.
    if not {"triton", "duckdb"} & set(sys.modules):
        gc.freeze()
