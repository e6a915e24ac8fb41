"""What people said of segments, as further rows to train on: texts with labels, and clips with tones.

The newest label of a reviewer counts; where reviewers disagree on a segment, it is left out. A fifth of the recordings,
always the same, is held out from every training: on their segments a new model is compared with people. Rows of the
table ``reviews`` come in as a frame; who reads the warehouse is the command.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.common.types import Channel
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import BASE_OF, LABELS, SENTIMENT_GROUPS
from emotion_pipeline.engine.stages.reuse import value_or_none
from emotion_pipeline.engine.stages.tone_scores import utterances
from emotion_pipeline.engine.text.tokens import says_something
from emotion_pipeline.engine.tone.acoustic.descriptors import mel_filters
from emotion_pipeline.engine.tone.acoustic.features import functionals
from emotion_pipeline.engine.tone.base import ToneModel
from emotion_pipeline.engine.tone.labels import FOUR_CLASS
from emotion_pipeline.engine.tone.windows import windows
from emotion_pipeline.training.text.data import LabelledTexts
from emotion_pipeline.training.tone.corpus import Clip, read_clip

# One recording in so many is held out.
HELD_OUT: Final = 5
# What corpora of reviewed clips are called, which is what their folders are.
LEARNT: Final = "reviews"
MEASURED: Final = "reviews_held_out"

_SENTIMENTS: Final = {
    "positive": SENTIMENT_GROUPS["positive"],
    "negative": SENTIMENT_GROUPS["negative"],
    "neutral": (*SENTIMENT_GROUPS["neutral"], *SENTIMENT_GROUPS["ambiguous"]),
}


@dataclass(frozen=True, slots=True)
class ReviewCounts:
    """What became of the segments that people judged, and how often models agree with people on those held out."""

    # Segments that are trained on.
    learnt: int
    held_out: int
    # Left out, since reviewers say different things of them.
    disagreed: int
    # Left out, since there is nothing to learn from: no words, no voice, or the segment or its audio is gone.
    without_data: int
    # Shares of the held-out segments; None where there are none. Before: by the model that ran when they were reviewed.
    agreement: float | None = None
    agreement_before: float | None = None

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ReviewedTexts:
    """Texts that are trained on with labels, and the rows of those held out."""

    learnt: LabelledTexts
    held_out: pd.DataFrame
    counts: ReviewCounts


@dataclass(frozen=True, slots=True)
class ReviewedClips:
    """Clips that are trained on, those held out, and what the model had said of the latter."""

    learnt: list[Clip]
    held_out: list[Clip]
    tones_before: list[str | None]
    counts: ReviewCounts


def is_held_out(recording_id: str) -> bool:
    """Tell whether a recording is among those that are never trained on; ``recording_id`` is hexadecimal."""
    return int(recording_id[-8:], 16) % HELD_OUT == 0


def reviewed_texts(
    reviews: pd.DataFrame, probabilities_of: Callable[[Sequence[str]], NDArray[np.float32]]
) -> ReviewedTexts:
    """Return the texts whose emotion or sentiment people judged.

    People name a base emotion, a sentiment or both, which are groups of labels; the present model says which label of
    the group it is. Where emotion and sentiment have no label in common, the emotion counts.

    :param reviews: rows of the table ``reviews``, the oldest first
    :param probabilities_of: gives the probability of each of ``taxonomy.LABELS`` for texts, shape ``(n, 28)``
    """
    agreed, disagreed = _agreed(reviews, ["emotion", "sentiment"])
    says = np.array([says_something(text or "") for text in agreed["text"]], dtype=bool)
    rows, held = _split(agreed[says])
    texts = tuple(rows["text"].astype(str))
    said = ([value_or_none(value) for value in rows[name]] for name in ("emotion", "sentiment"))
    groups = [_labels_of(*both) for both in zip(*said, strict=True)]
    labels = np.zeros((len(texts), len(LABELS)), dtype=np.bool_)
    if texts:
        likely = np.where(np.array(groups), probabilities_of(texts), -1.0).argmax(axis=1)
        labels[np.arange(len(texts)), likely] = True
    counts = ReviewCounts(len(rows), len(held), disagreed, int((~says).sum()))
    return ReviewedTexts(LabelledTexts(texts, labels), held, counts)


def text_agreement(reviewed: ReviewedTexts, predictor: EmotionPredictor) -> ReviewCounts:
    """Return the counts with how often people and a newly trained model name the same base emotion."""
    held = reviewed.held_out.dropna(subset=["emotion"])
    now = [result.base for result in predictor.predict(held["text"].tolist())] if len(held) else []
    return _compared(reviewed.counts, held["emotion"].tolist(), now, held["model_emotion"].tolist())


def reviewed_clips(reviews: pd.DataFrame, segments: pd.DataFrame, store: AudioStore, folder: Path) -> ReviewedClips:
    """Cut the segments whose tone people judged out of the stored recordings, into files below ``folder``.

    :param reviews: rows of the table ``reviews``, the oldest first
    :param segments: rows of the table ``segments`` for the days of the reviews; one that is not there is left out
    """
    agreed, disagreed = _agreed(reviews, ["tone"])
    columns = ["segment_id", "audio_uri", "channel", "speaker"]
    found = agreed.merge(segments[columns].drop_duplicates("segment_id"), on="segment_id")
    found = found[found["audio_uri"].astype(str).map(store.has_audio).astype(bool)]
    ordered = found.sort_values(["audio_uri", "start_seconds"], kind="stable")
    filters = mel_filters()
    clips: dict[bool, list[Clip]] = {False: [], True: []}
    before: list[str | None] = []
    for row, samples in zip(ordered.to_dict("records"), utterances(ordered, store), strict=True):
        if not any(functionals(window, filters)[1] > 0 for window in windows(samples)):
            continue
        held = is_held_out(row["recording_id"])
        clips[held].append(_clip(row, samples, folder / (MEASURED if held else LEARNT), len(clips[held])))
        if held:
            before.append(value_or_none(row["model_tone"]))
    counts = ReviewCounts(len(clips[False]), len(clips[True]), disagreed, len(agreed) - sum(map(len, clips.values())))
    return ReviewedClips(clips[False], clips[True], before, counts)


def tone_agreement(reviewed: ReviewedClips, model: ToneModel) -> ReviewCounts:
    """Return the counts with how often people and a newly trained model hear the same of the four tones."""
    scores = model.score(map(read_clip, reviewed.held_out)) if reviewed.held_out else []
    people = [FOUR_CLASS.get(clip.emotion) for clip in reviewed.held_out]
    now = [FOUR_CLASS.get(score.tone) for score in scores]
    before = [FOUR_CLASS.get(tone or "") for tone in reviewed.tones_before]
    of_four = [row for row, tone in enumerate(people) if tone is not None]
    return _compared(reviewed.counts, *([tones[row] for row in of_four] for tones in (people, now, before)))


def _agreed(reviews: pd.DataFrame, judged: list[str]) -> tuple[pd.DataFrame, int]:
    """Return a row for each segment on which all who judged it agree, and the number of those on which they do not."""
    newest = reviews.drop_duplicates(["segment_id", "reviewer"], keep="last")
    said = newest.dropna(subset=judged, how="all").groupby("segment_id", sort=True)
    agree = (said[judged].nunique() <= 1).all(axis=1)
    first = said.first()  # of each column the first value that is there
    return first[agree].reset_index(), int((~agree).sum())


def _split(rows: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the rows that are trained on, and those that are held out."""
    held = rows["recording_id"].map(is_held_out).astype(bool)
    yield rows[~held]
    yield rows[held]


def _labels_of(emotion: str | None, sentiment: str | None) -> list[bool]:
    """Tell for each of the labels whether it is one of those that a person may have meant."""
    by_sentiment = [sentiment is None or label in _SENTIMENTS[sentiment] for label in LABELS]
    if emotion is None:
        return by_sentiment
    by_emotion = [BASE_OF[label] == emotion for label in LABELS]
    both = [one and other for one, other in zip(by_emotion, by_sentiment, strict=True)]
    return both if any(both) else by_emotion


def _clip(row: dict[Any, Any], samples: Channel, folder: Path, number: int) -> Clip:
    path = folder / f"{number:05d}.flac"
    folder.mkdir(parents=True, exist_ok=True)
    encode_flac(samples[np.newaxis], path)
    speaker = f"{row['recording_id']}/{row['speaker']}"
    return Clip(folder / "manifest.csv", number + 2, path, speaker, row["tone"], "", str(row["text"] or ""))


def _compared(
    counts: ReviewCounts, people: Sequence[object], now: Sequence[object], before: Sequence[object]
) -> ReviewCounts:
    if not people:
        return counts

    def share(models: Sequence[object]) -> float:
        return round(float(np.mean([said == heard for said, heard in zip(people, models, strict=True)])), 4)

    return replace(counts, agreement=share(now), agreement_before=share(before))
