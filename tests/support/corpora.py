"""Small corpora in which every label is easy to learn: its own name stands in a sentence of everyday words."""

import random
from dataclasses import dataclass
from pathlib import Path

from emotion_pipeline.engine.emotion.taxonomy import INTENSITY_DIMENSIONS, LABELS

FRAMES = ("I feel {} today.", "They said {}!", "It was {}, you know?", "So {} again...", "{} is what we got")
GRADES = ("calm", "a bit", "rather", "extremely")


@dataclass(frozen=True)
class Corpora:
    """Paths as the training functions take them, in their order."""

    train: Path
    dev: Path
    labels: Path
    intensity: Path

    @property
    def paths(self) -> tuple[Path, Path, Path, Path]:
        return self.train, self.dev, self.labels, self.intensity


def write_corpus(path: Path, seed: int, per_label: int = 14) -> Path:
    """Rows whose label's own name, or the next one's too, stands in a sentence of everyday words."""
    chance = random.Random(seed)
    rows = []
    for number, label in enumerate(LABELS):
        for _ in range(per_label):
            both = chance.random() < 0.1
            other = (number + 1) % len(LABELS)
            spoken = f"{label} and {LABELS[other]}" if both else label
            ids = f"{number},{other}" if both else str(number)
            rows.append(f"{chance.choice(FRAMES).format(spoken)}\t{ids}\tid")
    chance.shuffle(rows)
    path.write_text("\n".join(rows) + "\n")
    return path


def write_graded(folder: Path) -> Path:
    """EI-oc files whose texts say their grade."""
    folder.mkdir()
    for dimension in INTENSITY_DIMENSIONS:
        for split, count in (("train", 20), ("dev", 6)):
            rows = [f"x\t{GRADES[n % 4]} {dimension} number {n}\t{dimension}\t{n % 4}: grade" for n in range(count * 4)]
            header = "ID\tTweet\tAffect Dimension\tIntensity Class"
            (folder / f"EI-oc-En-{dimension}-{split}.txt").write_text("\n".join([header, *rows]) + "\n")
    return folder


def write_corpora(folder: Path) -> Corpora:
    """All four below ``folder``."""
    (folder / "labels.txt").write_text("\n".join(LABELS))
    return Corpora(
        train=write_corpus(folder / "train.tsv", 1),
        dev=write_corpus(folder / "dev.tsv", 2),
        labels=folder / "labels.txt",
        intensity=write_graded(folder / "intensity"),
    )
