"""``emotion-clf``: the engine on the command line, for a few recordings or texts and for measuring and training.

Commands read settings, call the engine and print; they compute nothing themselves. Whole days of recordings are the
pipeline's work (``make demo`` shows it). Exit codes: 0 done, 1 a file or datum was refused, 2 the command was used
wrongly.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from emotion_pipeline.choices import backend_choice, fetch_limits, snowflake_connection
from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.errors import EmotionPipelineError
from emotion_pipeline.engine.sources.base import FoundRecording
from emotion_pipeline.engine.sources.hub import Sources
from emotion_pipeline.engine.sources.local import found_recording, recordings_below
from emotion_pipeline.logs import to_logging
from emotion_pipeline.settings import load_settings

if TYPE_CHECKING:
    import pandas as pd

    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor

app = typer.Typer(help="Speech emotion analytics on the command line.", no_args_is_help=True, add_completion=True)
evaluate_app = typer.Typer(help="Measure a back end on labelled data and print JSON.", no_args_is_help=True)
train_app = typer.Typer(help="Train the shipped models, on your own data if you like.", no_args_is_help=True)
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(train_app, name="train")

_LEFT_TO_JSON: Final = {
    "base_probabilities",
    "features",
    "intensity_probability",
    "label_scores",
    "notices",
    "segments",
    "sub_probability",
}
"""What a table for people leaves out: it would be too wide to read."""

_WRITERS: Final[Mapping[str, Callable[["pd.DataFrame", Path], object]]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
    ".jsonl": lambda frame, path: frame.to_json(path, orient="records", lines=True),
}
"""How a result is written, by the suffix of its file."""

_MODEL_HELP: Final = "A folder that training wrote; by default the model that comes with the package."

_out = Console(soft_wrap=True)
_errors = Console(stderr=True, soft_wrap=True)


def main() -> None:
    """Run the command line; errors of ours end with one line, not with a traceback."""
    to_logging()
    try:
        app()
    except EmotionPipelineError as error:
        _errors.print(f"error: {error}", style="red", markup=False, highlight=False)
        raise SystemExit(1) from error


@app.command()
def predict(
    text: Annotated[list[str] | None, typer.Option(help="A text to judge; may be given several times.")] = None,
    file: Annotated[list[Path] | None, typer.Option(help="A recording to analyse; may be given several times.")] = None,
    url: Annotated[
        list[str] | None,
        typer.Option(help="The address of a recording or of a page with a video; as often as you like."),
    ] = None,
    dir: Annotated[Path | None, typer.Option(help="A folder of recordings.")] = None,  # noqa: A002
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    output: Annotated[Path | None, typer.Option(help="Write a .csv, .parquet or .jsonl file instead.")] = None,
) -> None:
    """Say what texts or recordings express.

    Example: emotion-clf predict --file call.wav --json
    """
    sources = _sources()
    recordings = [found_recording(path) for path in file or []] + (recordings_below(dir) if dir else [])
    recordings += [sources.find(address) for address in url or []]
    if bool(text) == bool(recordings):
        raise typer.BadParameter("give either --text, or --file, --url and --dir; and the folder must hold recordings")
    if output is not None and output.suffix not in _WRITERS:
        raise typer.BadParameter(f"{output} must end in {', '.join(_WRITERS)}")
    rows = _predict_texts(text) if text else _predict_recordings(recordings, sources)
    if output is not None:
        _write(rows, output)
    elif as_json:
        for row in rows:
            _out.print_json(json.dumps(row), indent=None)
    else:
        _print_table(rows)
    if any(row.get("status") in {"rejected", "failed"} for row in rows):
        raise typer.Exit(1)


@evaluate_app.command("text")
def evaluate_text_command(
    data: Annotated[Path, typer.Option(help="TSV: text, comma-separated label ids, comment id.")],
    labels: Annotated[Path | None, typer.Option(help="Label names in id order; by default beside the data.")] = None,
    model: Annotated[Path | None, typer.Option(help=_MODEL_HELP)] = None,
) -> None:
    """Measure text emotion on labelled sentences, e.g. GoEmotions' dev.tsv."""
    from emotion_pipeline.engine.emotion.evaluation import evaluate_text

    result = evaluate_text(_predictor(model), data, labels or data.with_name("labels.txt"))
    _print_figures(result.to_dict())


@evaluate_app.command("intensity")
def evaluate_intensity_command(
    data: Annotated[Path, typer.Option(help="A folder of EI-oc files (*-joy-*.txt, ...).")],
    model: Annotated[Path | None, typer.Option(help=_MODEL_HELP)] = None,
) -> None:
    """Measure emotional intensity on SemEval-2018 EI-oc files."""
    from emotion_pipeline.engine.emotion.evaluation import evaluate_intensity

    _print_figures(evaluate_intensity(_predictor(model), data).to_dict())


@evaluate_app.command("tone")
def evaluate_tone_command(
    manifest: Annotated[Path, typer.Option(help="CSV with file, speaker, emotion; files lie beside it.")],
    by_speaker: Annotated[
        bool, typer.Option(help="Judge a speaker's clips relative to each other, as segments of a recording are.")
    ] = False,
) -> None:
    """Measure acoustic tone over angry, happy, neutral and sad: recall, confusion, calibration, spread of speakers."""
    from emotion_pipeline.engine.tone.evaluation import evaluate_tone

    _print_figures(evaluate_tone(_backends().tone, manifest, normalise_by_speaker=by_speaker).to_dict())


@evaluate_app.command("asr")
def evaluate_asr_command(
    manifest: Annotated[Path, typer.Option(help="TSV with file, seconds, reference; files lie beside it.")],
) -> None:
    """Measure the word error rate of the configured transcriber."""
    from emotion_pipeline.engine.transcribe.evaluation import evaluate_asr

    _print_figures(evaluate_asr(_backends().transcriber, manifest).to_dict())


@train_app.command("text")
def train_text_command(
    train: Annotated[Path, typer.Option(help="What to learn from: GoEmotions' TSV, or .csv, .jsonl, .parquet.")],
    dev: Annotated[Path, typer.Option(help="The same, to calibrate and to choose thresholds on.")],
    labels: Annotated[Path, typer.Option(help="Label names in id order, or a JSON map from your labels to ours.")],
    intensity: Annotated[Path, typer.Option(help="A folder of EI-oc files.")],
    output: Annotated[Path, typer.Option(help="Folder for weights, card and metrics.")],
    seed: int = 0,
    encoder: Annotated[
        str | None, typer.Option(help="Fine-tune this encoder too: a folder, a hub's name, or all-MiniLM-L6-v2.")
    ] = None,
    work: Annotated[Path | None, typer.Option(help="Where checkpoints lie; a run that was cut off goes on.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each student network.")] = 5,
    students: Annotated[int, typer.Option(min=1, help="Networks of different seeds that are averaged.")] = 1,
    teachers: Annotated[int, typer.Option(min=0, help="Parts of the data that are labelled by the rest; 0: none.")] = 0,
    batch: Annotated[int, typer.Option(min=1)] = 48,
    rate: Annotated[float, typer.Option(help="Learning rate of the encoder's last layer.")] = 1e-4,
) -> None:
    """Train the text emotion model: TF-IDF alone, or with --encoder a network beside it."""
    if encoder is None:
        from emotion_pipeline.engine.emotion.training import train_text_model

        _print_figures(train_text_model(train, dev, labels, intensity, output, seed=seed).to_dict())
        return
    from emotion_pipeline.engine.emotion.encoder_fit import Recipe
    from emotion_pipeline.engine.emotion.encoder_training import Plan, train_encoder_model

    student = Recipe(epochs=epochs, batch=batch, encoder_rate=rate)
    plan = Plan(encoder, seed, teachers, students, student=student, teacher=replace(student, epochs=min(epochs, 2)))
    folder = work or output.with_name(f"{output.name}.work")
    with _progress() as progress:
        report = train_encoder_model(train, dev, labels, intensity, output, plan, work=folder, progress=progress)
    _print_figures(report.to_dict())


@train_app.command("features")
def train_features_command(
    train: Annotated[Path, typer.Option(help="GoEmotions-style TSV whose words are counted.")],
    labels: Annotated[Path, typer.Option(help="Label names in id order.")],
    output: Annotated[Path, typer.Option(help="Folder for weights and card.")],
) -> None:
    """Freeze the TF-IDF space behind six of the 42 linguistic features."""
    from emotion_pipeline.engine.emotion.training import train_feature_projection

    _print_figures({"fingerprint": train_feature_projection(train, labels, output).fingerprint})


@train_app.command("tone")
def train_tone_command(
    manifest: Annotated[list[Path], typer.Option(help="CSV of a corpus; give it once per corpus.")],
    output: Annotated[Path, typer.Option(help="Folder for weights, card and metrics.")],
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that measure clips; changes no result.")] = 1,
) -> None:
    """Train the acoustic tone model on corpora; figures are of speakers and corpora that were held out."""
    from emotion_pipeline.engine.tone.training import train_tone_model

    _print_figures(train_tone_model(manifest, output, seed=seed, workers=workers).to_dict())


def _backends() -> Backends:
    return Backends(backend_choice(load_settings()))


def _sources() -> Sources:
    settings = load_settings()
    return Sources(fetch_limits(settings.sources), snowflake_connection(settings.snowflake))


def _predictor(model: Path | None) -> "EmotionPredictor":
    from emotion_pipeline.engine.emotion.predictor import EmotionPredictor

    return EmotionPredictor(model) if model else _backends().emotion


def _predict_texts(texts: Sequence[str]) -> list[dict[str, Any]]:
    backends = _backends()
    emotions, sentiments = backends.emotion.predict(texts), backends.sentiment.score(texts)
    return [
        {"text": text, **asdict(emotion), "sentiment_score": sentiment}
        for text, emotion, sentiment in zip(texts, emotions, sentiments, strict=True)
    ]


def _predict_recordings(recordings: Sequence[FoundRecording], sources: Sources) -> list[dict[str, Any]]:
    from emotion_pipeline.engine.stages.chain import analyse
    from emotion_pipeline.engine.stages.report import report

    with tempfile.TemporaryDirectory() as folder, _working(f"analysing {len(recordings)} recordings"):
        today = datetime.now(UTC).strftime("%Y-%m-%d")
        analysis = analyse(today, recordings, sources, _backends(), FolderAudioStore(Path(folder)))
        return [one.to_dict() for one in report(analysis)]


@contextmanager
def _working(what: str) -> Iterator[None]:
    with _errors.status(what):
        yield


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int, str], None]]:
    """A bar for people; plain lines, one in a hundred steps, where nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_errors, disable=not _errors.is_terminal) as bar:
        task = bar.add_task("")

        def told(what: str, step: int, steps: int, remark: str) -> None:
            bar.update(task, description=f"{what}: {remark}", completed=step, total=steps or 1)
            if not _errors.is_terminal and step % 100 == 0:
                _errors.print(f"{datetime.now(UTC):%H:%M:%S} {what} {step}/{steps} {remark}", highlight=False)

        yield told


def _print_figures(figures: dict[str, Any]) -> None:
    _out.print_json(json.dumps(figures))


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    names = [name for name in rows[0] if name not in _LEFT_TO_JSON]
    table = Table()
    for name in names:
        table.add_column(name)
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    _out.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3f}"
    return ", ".join(value) if isinstance(value, (list, tuple)) else str(value)


def _write(rows: Sequence[dict[str, Any]], output: Path) -> None:
    import pandas as pd

    unfinished = output.with_name(f".{output.name}.tmp")
    try:
        _WRITERS[output.suffix](pd.DataFrame(rows), unfinished)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)
