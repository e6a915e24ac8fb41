"""``emotion-clf train``: training the shipped models again, or models of the user's own data."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from emotion_pipeline.cli import configured
from emotion_pipeline.cli.console import print_figures, progress
from emotion_pipeline.cli.output import check_folder
from emotion_pipeline.config.settings import load_settings
from emotion_pipeline.warehouse.choice import warehouse_of

if TYPE_CHECKING:
    from emotion_pipeline.training.reviews import ReviewedClips, ReviewedTexts

app = typer.Typer(
    help="Train the shipped models, on your own data if you like.\n\n"
    "Example: emotion-clf train tone --manifest corpus/manifest.csv --output models/tone",
    no_args_is_help=True,
)

_REVIEWS_HELP: Final = "Learn also from what people said of segments, see emotion-clf review; a fifth is held out."


@app.command("text")
def train_text_command(
    train: Annotated[Path, typer.Option(help="Training data: GoEmotions' TSV, or .csv, .jsonl, .parquet.")],
    dev: Annotated[Path, typer.Option(help="Data of the same form, for calibration and thresholds.")],
    labels: Annotated[Path, typer.Option(help="Label names in id order, or a JSON map from your labels to ours.")],
    intensity: Annotated[Path, typer.Option(help="A folder of EI-oc files.")],
    output: Annotated[Path, typer.Option(help="Folder for weights, card and metrics.")],
    seed: int = 0,
    encoder: Annotated[
        str | None,
        typer.Option(help="Fine-tune this encoder too: a folder, a hub's name, all-MiniLM-L6-v2 or all-mpnet-base-v2."),
    ] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="Take only so many of its lowest layers.")] = None,
    distil: Annotated[Path | None, typer.Option(help="Learn also what the model in this folder says.")] = None,
    conversation: Annotated[
        int, typer.Option(min=0, help="Learn the conversation set too, in so many wordings; 0: not.")
    ] = 0,
    blend: Annotated[bool, typer.Option(help="Average the result with the model in --encoder.")] = False,
    work: Annotated[Path | None, typer.Option(help="Where checkpoints lie; a run that was cut off goes on.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each student network.")] = 5,
    students: Annotated[int, typer.Option(min=1, help="Networks of different seeds that are averaged.")] = 1,
    teachers: Annotated[int, typer.Option(min=0, help="Parts of the data that are labelled by the rest; 0: none.")] = 0,
    batch: Annotated[int, typer.Option(min=1)] = 48,
    rate: Annotated[float, typer.Option(help="Learning rate of the encoder's last layer.")] = 1e-4,
    frozen: Annotated[int, typer.Option(min=0, help="Lowest layers that do not learn, with the embeddings.")] = 0,
    encoder_dropout: Annotated[
        float | None, typer.Option(min=0, max=1, help="Dropout inside the encoder; left out: as it was made.")
    ] = None,
    focus: Annotated[float, typer.Option(min=0, help="How much easy negatives are damped; 0: not at all.")] = 0.0,
    balance: Annotated[float, typer.Option(min=0, help="How much rare labels weigh more; 0: not at all.")] = 0.25,
    reviews: Annotated[bool, typer.Option("--reviews", help=_REVIEWS_HELP)] = False,
) -> None:
    """Train the text emotion model: TF-IDF alone, or with --encoder a network beside it.

    With --reviews the JSON says how many reviewed segments were learnt from, and how often the new model and the one
    that ran before agree with people on recordings that are never learnt from.

    Example: emotion-clf train text --train train.tsv --dev dev.tsv --labels labels.txt --intensity ei --output out
    """
    check_folder(output)
    reviewed = _reviewed_texts() if reviews else None
    learnt = reviewed.learnt if reviewed else None
    if encoder is None:
        from emotion_pipeline.training.text.tfidf_training import train_text_model

        trained = train_text_model(train, dev, labels, intensity, output, seed=seed, reviewed=learnt)
        print_figures(trained.to_dict() | _agreement_of_texts(reviewed, output))
        return
    from emotion_pipeline.training.text.encoder_fit import Recipe
    from emotion_pipeline.training.text.encoder_training import Plan, train_encoder_model
    from emotion_pipeline.training.text.losses import LossWeights

    student = Recipe(
        epochs=epochs, batch=batch, encoder_rate=rate, frozen=frozen, encoder_dropout=encoder_dropout,
        losses=LossWeights(focus=focus, balance=balance),
    )  # fmt: skip
    plan = Plan(
        encoder, seed, teachers, students, layers=layers, distil=str(distil) if distil else None,
        conversation=conversation, blend=blend, student=student, teacher=replace(student, epochs=min(epochs, 2)),
    )  # fmt: skip
    folder = work or output.with_name(f"{output.name}.work")
    with progress() as show:
        report = train_encoder_model(
            train, dev, labels, intensity, output, plan, work=folder, progress=show, reviewed=learnt
        )
    print_figures(report.to_dict() | _agreement_of_texts(reviewed, output))


@app.command("features")
def train_features_command(
    train: Annotated[Path, typer.Option(help="GoEmotions-style TSV whose words are counted.")],
    labels: Annotated[Path, typer.Option(help="Label names in id order.")],
    output: Annotated[Path, typer.Option(help="Folder for weights and card.")],
) -> None:
    """Freeze the TF-IDF space behind six of the 42 linguistic features.

    Example: emotion-clf train features --train train.tsv --labels labels.txt --output models/features
    """
    check_folder(output)
    from emotion_pipeline.training.text.tfidf_training import train_feature_projection

    print_figures({"fingerprint": train_feature_projection(train, labels, output).fingerprint})


@app.command("tone")
def train_tone_command(
    manifest: Annotated[list[Path], typer.Option(help="CSV of a corpus; give it once per corpus.")],
    output: Annotated[Path, typer.Option(help="Folder for weights, card and metrics.")],
    seed: int = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that measure clips; changes no result.")] = 1,
    checkpoint: Annotated[
        str | None, typer.Option(help="Fine-tune this wav2vec2 checkpoint instead: a folder, or owner/name on the hub.")
    ] = None,
    revision: Annotated[str | None, typer.Option(help="With a checkpoint of the hub: branch, tag or commit.")] = None,
    work: Annotated[Path | None, typer.Option(help="Where unfinished training lies; a run cut off goes on.")] = None,
    layers: Annotated[int, typer.Option(min=0, help="Upper layers of the checkpoint that learn beside the head.")] = 6,
    epochs: Annotated[int, typer.Option(min=1, help="Most epochs; held-out speakers may end it sooner.")] = 12,
    batch: Annotated[int, typer.Option(min=1, help="Windows of up to 10 s that are learnt from at once.")] = 16,
    rate: Annotated[float, typer.Option(help="Learning rate of the uppermost layer.")] = 3e-5,
    head_rate: Annotated[float, typer.Option(help="Learning rate of the head.")] = 1e-3,
    reviews: Annotated[bool, typer.Option("--reviews", help=_REVIEWS_HELP)] = False,
) -> None:
    """Train the acoustic tone model on corpora, or with --checkpoint fine-tune a wav2vec2 checkpoint on them.

    Figures are of speakers, and without --checkpoint also of corpora, that were held out. With --reviews the JSON says
    how many reviewed segments were learnt from, and how often the new model and the one that ran before agree with
    people on recordings that are never learnt from.

    Example: emotion-clf train tone --manifest corpus/manifest.csv --output models/tone
    """
    check_folder(output)
    with TemporaryDirectory() as scratch:
        reviewed = _reviewed_clips(Path(scratch)) if reviews else None
        clips = reviewed.learnt if reviewed else None
        if checkpoint is None:
            from emotion_pipeline.training.tone.acoustic_training import train_tone_model

            report = train_tone_model(manifest, output, seed=seed, workers=workers, work=work, reviewed=clips)
        else:
            from emotion_pipeline.training.tone.finetune_fit import Recipe
            from emotion_pipeline.training.tone.finetuning import FineTuning, finetune_tone_model

            settings = load_settings()
            plan = FineTuning(
                checkpoint,
                Recipe(epochs=epochs, batch=batch, layers=layers, encoder_rate=rate, head_rate=head_rate),
                seed,
                settings.compute.device,
                settings.compute.precision,
                revision,
                settings.tone.download_root,
            )
            folder = work or output.with_name(f"{output.name}.work")
            with progress() as show:
                report = finetune_tone_model(manifest, output, plan, work=folder, progress=show, reviewed=clips or ())
        agreement = _agreement_of_tones(reviewed, "wav2vec2" if checkpoint else "acoustic", output)
    print_figures(report.to_dict() | agreement)


@app.command("voices")
def train_voices_command(
    source: Annotated[Path, typer.Option(help="resemblyzer/pretrained.pt of the package Resemblyzer 0.1.4.")],
    manifest: Annotated[list[Path], typer.Option(help="CSV of a corpus with speakers; give it once per corpus.")],
    output: Annotated[Path, typer.Option(help="Folder for weights and card.")],
    seed: int = 0,
) -> None:
    """Make the weights by which voices are told apart, and print how well on speakers held out.

    Example: emotion-clf train voices --source pretrained.pt --manifest crema_d/manifest.csv --output models/voices
    """
    check_folder(output)
    from emotion_pipeline.training.voices import train_voices

    print_figures(train_voices(source, manifest, output, seed=seed).to_dict())


def _reviewed_texts() -> "ReviewedTexts":
    from emotion_pipeline.training.reviews import reviewed_texts
    from emotion_pipeline.warehouse.reviews import read_reviews

    reviews = read_reviews(warehouse_of(load_settings()))
    return reviewed_texts(reviews, configured.backends().emotion.label_probabilities)


def _agreement_of_texts(reviewed: "ReviewedTexts | None", model: Path) -> dict[str, Any]:
    if reviewed is None:
        return {}
    from emotion_pipeline.training.reviews import text_agreement

    return {"reviews": text_agreement(reviewed, configured.predictor(model)).to_dict()}


def _reviewed_clips(folder: Path) -> "ReviewedClips":
    from emotion_pipeline.training.reviews import reviewed_clips
    from emotion_pipeline.warehouse.files import Files
    from emotion_pipeline.warehouse.reviews import read_reviews, segments_of

    settings = load_settings()
    warehouse = warehouse_of(settings)
    reviews = read_reviews(warehouse)
    return reviewed_clips(reviews, segments_of(warehouse, reviews), Files(settings.storage.root), folder)


def _agreement_of_tones(reviewed: "ReviewedClips | None", backend: str, model: Path) -> dict[str, Any]:
    if reviewed is None:
        return {}
    from emotion_pipeline.engine.tone.base import ToneOptions
    from emotion_pipeline.engine.tone.registry import load_tone_model
    from emotion_pipeline.training.reviews import tone_agreement

    compute = load_settings().compute
    options = ToneOptions(str(model), device=compute.device, precision=compute.precision)
    return {"reviews": tone_agreement(reviewed, load_tone_model(backend, options)).to_dict()}
