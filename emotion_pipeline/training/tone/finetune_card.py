"""The model card that fine-tuning writes beside a checkpoint: figures of its report, nothing is measured here."""

from collections.abc import Mapping
from typing import Any, Final

CARD: Final = "model_card.md"
# The report as JSON; a folder that holds one was written by fine-tuning and may be replaced by it.
METRICS: Final = "training.json"


def render(name: str, report: Mapping[str, Any]) -> str:
    """The card as Markdown; ``report`` is that of ``finetuning.FineTuningReport``."""
    recipe, speakers = report["recipe"], report["speakers"]
    lines = [
        f"# Tone of voice (`wav2vec2:{name}`)",
        "",
        f"{', '.join(report['labels'])} from the sound alone. Fine-tuned from {report['started_from']}: the head and "
        f"the upper {recipe['layers']} layers, {report['best_epoch']} epochs of {report['epochs']} (the best for the "
        f"speakers to stop by). The licences of that checkpoint and of the recordings hold for these weights.",
        "",
        "**Data.** " + "; ".join(f"{corpus}: {count} clips" for corpus, count in report["clips"].items())
        + f"; {report['duplicates']} duplicates left out"
        + (f"; {report['review_clips']} segments that people reviewed" if report["review_clips"] else "")
        + f". {speakers['train']} speakers to learn from, "
        f"{speakers['dev']} to stop by, {speakers['test']} to measure on; no speaker is in two of them.",
        "",
        f"**Weights.** SHA-256 `{report['sha256']}`; probabilities calibrated with the temperature "
        f"{report['temperature']:g}, which is part of them.",
        "",
        "**Measured**, every clip alone. Unweighted average recall (chance 0.25) with the middle 95 % of bootstrap "
        "draws over speakers, recall by tone, expected calibration error.",
        "",
        "| speakers | n | recall | " + " | ".join(report["labels"]) + " | calibration error |",
        "|---|---|---|" + "---|" * (len(report["labels"]) + 1),
        _row("nothing was chosen on", report["test"]),
        _row("to stop by (a little too good)", report["dev"]),
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _row(name: str, figures: Mapping[str, Any]) -> str:
    low, high = figures["uar_4_interval"]
    recalls = " | ".join("-" if value is None else f"{value:.3f}" for value in figures["recall"].values())
    overall = f"{figures['uar_4']:.3f} ({low:.3f}–{high:.3f})"
    return f"| {name} | {figures['n']} | {overall} | {recalls} | {figures['ece']:.3f} |"
