"""The model card that training writes beside the weights: what was trained on what, how, and how well it does.

Figures come from the training report; nothing is measured here.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

CARD: Final = "model_card.md"

_FIGURES: Final[Mapping[str, str]] = {
    "macro_f1_28": "macro-F1, 28 labels",
    "macro_f1_ekman": "macro-F1, Ekman groups",
    "base_accuracy": "accuracy over three bases",
    "sub_macro_f1": "macro-F1, seven sub-emotions",
    "ece_28": "calibration error, 28 labels",
    "ece_base": "calibration error, base",
}


def write_card(folder: Path, card: Mapping[str, Any]) -> None:
    """Write ``model_card.md`` into the artefact's ``folder``; ``card`` is what went into its ``card.json``."""
    (folder / CARD).write_text(render(card), encoding="utf-8")


def render(card: Mapping[str, Any]) -> str:
    """The card as Markdown."""
    metrics = card["metrics"]
    lines = [
        f"# Text emotion (`encoder:{card['name']}`, version {card['version']})",
        "",
        f"A fine-tuned encoder ({metrics['encoder']}) with attention pooling and the 42 linguistic features, beside "
        "logistic regressions over TF-IDF terms; the scores of both are averaged, calibrated and thresholded.",
        "",
        "**Data.** " + "; ".join(card["data"]) + f". {metrics['train_rows']:,} texts to learn from, "
        f"{metrics['dev_rows']:,} to choose on, {metrics['intensity_rows']:,} graded for intensity.",
        "",
        "**Made with**",
        "",
        f"    {card['made_with']}",
        "",
        "**Measured** on the development texts, cross-fitted: calibration and thresholds chosen on one half, scored on "
        "the other, both ways. In brackets the middle 95 % of bootstrap draws.",
        "",
        "| | as written | lower case, no punctuation |",
        "|---|---|---|",
        *(_row(name, title, metrics) for name, title in _FIGURES.items()),
        "",
        "Intensity, Pearson's r on the EI-oc development files: "
        + ", ".join(f"{name} {value:.3f}" for name, value in metrics["intensity_pearson"].items())
        + f"; mean {sum(metrics['intensity_pearson'].values()) / len(metrics['intensity_pearson']):.3f}.",
        "",
        "| label | development texts | F1 |",
        "|---|---|---|",
        *(f"| {name} | {metrics['label_rows'][name]} | {value:.3f} |" for name, value in metrics["label_f1"].items()),
    ]
    return "\n".join(lines) + "\n"


def _row(name: str, title: str, metrics: Mapping[str, Any]) -> str:
    low, high = metrics["intervals"][name]
    return f"| {title} | {metrics['written'][name]:.3f} ({low:.3f}–{high:.3f}) | {metrics['bare'][name]:.3f} |"
