"""``emotion-clf models``: which models do the work, whether their weights are here, and whether these are whole."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from emotion_pipeline.cli import configured
from emotion_pipeline.cli.console import ERRORS, OUT, cell, print_table, working
from emotion_pipeline.engine import model_status as inventory
from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.tone.registry import tone_weights

app = typer.Typer(
    help="List, fetch and verify the weights that the settings ask for.\n\nExample: emotion-clf models list",
    no_args_is_help=True,
)

_Json = Annotated[bool, typer.Option("--json", help="Print a JSON array.")]


@app.command("list")
def list_models(as_json: _Json = False) -> None:
    """Show which model each component would use and whether its weights are here; nothing is fetched or loaded.

    Example: emotion-clf models list --json
    """
    found = inventory.models_in_use(configured.choice())
    if as_json:
        _print_json(found)
        return
    shown = ("component", "backend", "model", "state", "licence", "fingerprint")
    print_table([{name: getattr(one, name) for name in shown} for one in found])
    for one in found:
        if one.state == "absent":
            ERRORS.print(f"{one.component}: {one.model} is not here; emotion-clf models fetch gets it", highlight=False)
        if one.problem:
            _print_problem(one.component, one.problem)


@app.command("fetch")
def fetch_models(as_json: _Json = False) -> None:
    """Download the weights that the settings ask for and that are not here.

    Example: EMOTION_PROFILE=standard emotion-clf models fetch
    """
    rows = []
    failed = False
    for component, outcome in inventory.fetch(configured.choice()):
        if isinstance(outcome, EmotionPipelineError):
            failed = True
            _print_problem(component, str(outcome))
        else:
            rows.append({"component": component, "where": str(outcome)})
    if as_json:
        OUT.print_json(json.dumps(rows))
    elif rows:
        print_table(rows)
    if failed:
        raise typer.Exit(1)


@app.command("verify")
def verify_models(
    tone: Annotated[
        str | None, typer.Option(help="A folder that training wrote, one with a wav2vec2 checkpoint, or owner/name.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="With --tone owner/name: branch, tag or commit.")] = None,
    sha256: Annotated[str | None, typer.Option(help="With --tone: what its weights must hash to.")] = None,
    text: Annotated[Path | None, typer.Option(help="A folder with a text emotion model that training wrote.")] = None,
    as_json: _Json = False,
) -> None:
    """Load weights as work does: every key in its place, the hash, an answer that is not flat. Exits 1 if refused.

    Without --tone and --text it is what the settings ask for that is verified.

    Example: emotion-clf models verify --tone path/to/checkpoint
    """
    if tone is None and (revision or sha256):
        raise typer.BadParameter("--revision and --sha256 belong to --tone")
    with working("loading weights"):
        named = [
            *([inventory.check_weights(inventory.TONE, tone_weights(tone, revision, sha256))] if tone else []),
            *([inventory.check_weights(inventory.TEXT, inventory.text_weights(text))] if text else []),
        ]
        checked = named or list(inventory.check(configured.choice()))
    if as_json:
        _print_json(checked)
    else:
        _print_checked(checked)
    if not all(one.whole for one in checked):
        raise typer.Exit(1)


def _print_checked(checked: Sequence[inventory.Checked]) -> None:
    rows = [
        {
            "component": one.component,
            "model": one.model,
            "verdict": "whole" if one.whole else "refused",
            "facts": "\n".join(f"{name}: {cell(value)}" for name, value in one.facts.items()),
        }
        for one in checked
    ]
    print_table(rows)
    for one in checked:
        if one.problem:
            _print_problem(one.component, one.problem)


def _print_problem(component: str, problem: str) -> None:
    ERRORS.print(f"{component}: {problem}", style="red", markup=False, highlight=False)


def _print_json(rows: Sequence[Any]) -> None:
    OUT.print_json(json.dumps([asdict(one) for one in rows]))
