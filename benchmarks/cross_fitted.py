"""``python -m benchmarks.cross_fitted``: how text emotion does on rows that nothing was chosen on, for several halves.

Calibration and thresholds are chosen on one half of the development file and applied to the other, both ways, as
training does it for one way of drawing the halves. Which rows fall into which half moves the figures, too: this draws
them ten times. Several models are measured as one: the means of their scores.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.encoder_model import EncoderEmotionModel
from emotion_pipeline.engine.emotion.model import SHIPPED
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.text.tokens import bare
from emotion_pipeline.training.text.data import LabelledTexts, read_labelled
from emotion_pipeline.training.text.decisions import cross_fit


def main(
    data: Annotated[Path, typer.Option(help="GoEmotions' dev.tsv, or rows of the same form.")],
    labels: Annotated[Path, typer.Option(help="Its label names in id order.")],
    model: Annotated[list[Path] | None, typer.Option(help="Folders that training wrote; else the shipped one.")] = None,
    draws: Annotated[int, typer.Option(help="How often the halves are drawn.", min=1)] = 10,
) -> None:
    """Print mean, least and most of each figure over the draws as JSON."""
    models = [EncoderEmotionModel.load(folder) for folder in model or [SHIPPED]]
    typer.echo(json.dumps(measure(models, read_labelled(data, labels), draws)))


def measure(models: Sequence[EncoderEmotionModel], development: LabelledTexts, draws: int) -> dict[str, Any]:
    """Return mean, least and most of each figure over the draws, as written and lower-cased without punctuation."""
    forms = [mean_scores(models, texts) for texts in (development.texts, [bare(text) for text in development.texts])]
    figures = [
        [asdict(form.figures(development)) for form in cross_fit(forms, development, seed)] for seed in range(draws)
    ]
    return {
        "n": len(development.texts),
        "draws": draws,
        "models": [model.fingerprint for model in models],
        "written": spread([written for written, _ in figures]),
        "bare": spread([plain for _, plain in figures]),
    }


def mean_scores(models: Sequence[EncoderEmotionModel], texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the mean of the models' scores of labels and bases, ``(n, HEADS)``, before calibration."""
    features = FeatureExtractor().extract(texts)
    scores = np.stack([model.joined(texts, features).scores for model in models])
    return scores.mean(axis=0)


def spread(figures: Sequence[dict[str, float]]) -> dict[str, tuple[float, float, float]]:
    """Return mean, least and most of each figure."""
    values = {name: [draw[name] for draw in figures] for name in figures[0]}
    return {name: (round(float(np.mean(of)), 4), round(min(of), 4), round(max(of), 4)) for name, of in values.items()}


if __name__ == "__main__":
    typer.run(main)
