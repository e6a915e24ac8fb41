"""``emotion-clf train``: training the shipped models again, or models of the user's own data."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from emotion_pipeline.cli.console import print_figures, progress
from emotion_pipeline.cli.output import check_folder
from emotion_pipeline.config.settings import load_settings

app = typer.Typer(
    help="Train the shipped models, on your own data if you like.\n\n"
    "Example: emotion-clf train tone --manifest corpus/manifest.csv --output models/tone",
    no_args_is_help=True,
)


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
) -> None:
    """Train the text emotion model: TF-IDF alone, or with --encoder a network beside it.

    Example: emotion-clf train text --train train.tsv --dev dev.tsv --labels labels.txt --intensity ei --output out
    """
    check_folder(output)
    if encoder is None:
        from emotion_pipeline.training.text.tfidf_training import train_text_model

        print_figures(train_text_model(train, dev, labels, intensity, output, seed=seed).to_dict())
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
        report = train_encoder_model(train, dev, labels, intensity, output, plan, work=folder, progress=show)
    print_figures(report.to_dict())


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
) -> None:
    """Train the acoustic tone model on corpora, or with --checkpoint fine-tune a wav2vec2 checkpoint on them.

    Figures are of speakers, and without --checkpoint also of corpora, that were held out.

    Example: emotion-clf train tone --manifest corpus/manifest.csv --output models/tone
    """
    check_folder(output)
    if checkpoint is None:
        from emotion_pipeline.training.tone.acoustic_training import train_tone_model

        print_figures(train_tone_model(manifest, output, seed=seed, workers=workers, work=work).to_dict())
        return
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
        report = finetune_tone_model(manifest, output, plan, work=folder, progress=show)
    print_figures(report.to_dict())


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
