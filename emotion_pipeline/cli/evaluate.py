"""``emotion-clf evaluate``: measuring back ends on labelled data, printed as JSON."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from emotion_pipeline.cli.configured import backends, predictor
from emotion_pipeline.cli.console import print_figures
from emotion_pipeline.warehouse.choice import warehouse_of

app = typer.Typer(
    help="Measure a back end on labelled data and print JSON.\n\nExample: emotion-clf evaluate text --data dev.tsv",
    no_args_is_help=True,
)


class ToneChannel(StrEnum):
    """The channels of ``training.tone.channels``."""

    TELEPHONE = "telephone"
    MP3 = "mp3"


_MODEL_HELP: Final = "A folder that training wrote; by default the model that comes with the package."


@app.command("text")
def evaluate_text_command(
    data: Annotated[Path, typer.Option(help="TSV: text, comma-separated label ids, comment id.")],
    labels: Annotated[Path | None, typer.Option(help="Label names in id order; by default beside the data.")] = None,
    model: Annotated[Path | None, typer.Option(help=_MODEL_HELP)] = None,
) -> None:
    """Measure text emotion on labelled sentences, e.g. GoEmotions' dev.tsv.

    Example: emotion-clf evaluate text --data goemotions/dev.tsv --labels goemotions/labels.txt
    """
    from emotion_pipeline.training.evaluation.text import evaluate_text

    result = evaluate_text(predictor(model), data, labels or data.with_name("labels.txt"))
    print_figures(result.to_dict())


@app.command("intensity")
def evaluate_intensity_command(
    data: Annotated[Path, typer.Option(help="A folder of EI-oc files (*-joy-*.txt, ...).")],
    model: Annotated[Path | None, typer.Option(help=_MODEL_HELP)] = None,
) -> None:
    """Measure emotional intensity on SemEval-2018 EI-oc files.

    Example: emotion-clf evaluate intensity --data ei-oc/dev
    """
    from emotion_pipeline.training.evaluation.text import evaluate_intensity

    print_figures(evaluate_intensity(predictor(model), data).to_dict())


@app.command("conversation")
def evaluate_conversation_command(model: Annotated[Path | None, typer.Option(help=_MODEL_HELP)] = None) -> None:
    """Measure emotion and sentiment on the project's own conversation sentences, those never trained on.

    Example: emotion-clf evaluate conversation
    """
    from emotion_pipeline.training.evaluation.conversation import evaluate_conversation

    print_figures(evaluate_conversation(predictor(model)).to_dict())


@app.command("tone")
def evaluate_tone_command(
    manifest: Annotated[Path, typer.Option(help="CSV with file, speaker, emotion; files lie beside it.")],
    by_speaker: Annotated[
        bool, typer.Option(help="Score a speaker's clips relative to each other, as segments of a recording are.")
    ] = False,
    channel: Annotated[
        ToneChannel | None, typer.Option(help="Send the clips through a telephone line or a low bit rate first.")
    ] = None,
) -> None:
    """Measure acoustic tone over angry, happy, neutral and sad: recall, confusion, calibration, spread of speakers.

    Example: emotion-clf evaluate tone --manifest ravdess/manifest.csv --by-speaker
    """
    from emotion_pipeline.training.evaluation.tone import evaluate_tone

    print_figures(evaluate_tone(backends().tone, manifest, by_speaker, channel.value if channel else None).to_dict())


@app.command("asr")
def evaluate_asr_command(
    manifest: Annotated[Path, typer.Option(help="TSV with file, seconds, reference; files lie beside it.")],
) -> None:
    """Measure the word error rate of the configured transcriber.

    Example: emotion-clf evaluate asr --manifest speech/manifest.tsv
    """
    from emotion_pipeline.training.evaluation.asr import evaluate_asr

    print_figures(evaluate_asr(backends().transcriber, manifest).to_dict())


@app.command("reviews")
def evaluate_reviews_command() -> None:
    """Measure how far the models agree with the people who reviewed segments, over all and by week.

    Example: emotion-clf evaluate reviews
    """
    from emotion_pipeline.config.settings import load_settings
    from emotion_pipeline.training.evaluation.reviews import evaluate_reviews
    from emotion_pipeline.warehouse.reviews import read_reviews

    print_figures(evaluate_reviews(read_reviews(warehouse_of(load_settings()))).to_dict())


@app.command("diarization")
def evaluate_diarization_command(
    manifest: Annotated[Path, typer.Option(help="CSV with file and rttm, both beside it.")],
    each: Annotated[bool, typer.Option(help="Print each recording's figures, too.")] = False,
) -> None:
    """Measure the configured diarizer: diarization error rate (collar 0.25 s, overlap scored), number of speakers.

    Example: emotion-clf evaluate diarization --manifest dialogues/manifest.csv
    """
    from emotion_pipeline.training.evaluation.diarization import evaluate_diarization

    figures = evaluate_diarization(backends().configured_diarizer, manifest).to_dict()
    if not each:
        del figures["recordings"]
    print_figures(figures)
