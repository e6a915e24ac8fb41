"""What people say of segments: labels that are written beside the pipeline, and what of a queue is left to be reviewed.

A review is a row of its own in the table ``reviews``. It says what the model had said then, too, so that it keeps its
meaning when the day is made anew by another model. No run writes to that table, and nothing is ever changed in it.
"""

import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import pandas as pd

from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.common.suggestions import did_you_mean
from emotion_pipeline.engine.stages.reuse import value_or_none
from emotion_pipeline.engine.stages.tables import (
    EMOTION_LABELS,
    REVIEWS,
    SEGMENTS,
    SENTIMENT_SCORES,
    TONE_SCORES,
    Table,
)
from emotion_pipeline.warehouse.base import Warehouse

_JUDGED: Final = ("tone", "emotion", "sentiment")
# Where the model's own judgements lie, and what reviews call them.
_MODELS: Final = (
    (TONE_SCORES, "tone", "model_tone"),
    (EMOTION_LABELS, "base_emotion", "model_emotion"),
    (SENTIMENT_SCORES, "sentiment_score", "model_sentiment_score"),
)


class ReviewError(EmotionPipelineError):
    """A review that cannot be written; the message says why."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a person says of one segment; None is what they do not judge.

    ``tone`` is one of ``tone.labels.TONES``, ``emotion`` a base emotion, ``sentiment`` negative, neutral or positive.
    Raises ReviewError where another value is given, or nothing at all.
    """

    reviewer: str
    tone: str | None = None
    emotion: str | None = None
    sentiment: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if not self.reviewer.strip():
            raise ReviewError("a review needs the name of its reviewer")
        if all(value is None for value in (self.tone, self.emotion, self.sentiment, self.note)):
            raise ReviewError("a review says nothing: give a tone, an emotion, a sentiment or a note")
        for name in _JUDGED:
            value, allowed = getattr(self, name), REVIEWS.column(name).allowed or ()
            if value is not None and value not in allowed:
                raise ReviewError(f"{name}: {value!r} is none of {', '.join(allowed)}{did_you_mean(value, allowed)}")


def add_review(warehouse: Warehouse, segment_id: str, label: Label, day: str | None = None) -> str:
    """Write a person's label of a segment and return the id of the review. Any number may be written at once.

    :param day: the day of the recording; without it the newest day that has the segment is looked for
    :raises ReviewError: there is no such segment
    """
    days = [day] if day else reversed(warehouse.partitions(SEGMENTS))
    for found in days:
        segment = _row_of(warehouse, SEGMENTS, found, segment_id, REVIEWS.column_names)
        if segment is not None:
            break
    else:
        raise ReviewError(f"there is no segment {segment_id}{f' on {day}' if day else ''}; see emotion-clf review")
    review = {
        **segment,
        **asdict(label),
        **{name: _judgement(warehouse, table, found, segment_id, column) for table, column, name in _MODELS},
        "recording_date": date.fromisoformat(found),
        "review_id": uuid.uuid4().hex,
        "reviewed_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    warehouse.append(REVIEWS, found, pd.DataFrame([review], columns=list(REVIEWS.column_names)))
    return review["review_id"]


def read_reviews(warehouse: Warehouse) -> pd.DataFrame:
    """Return all reviews, the oldest first; of a reviewer who reviewed a segment again, the newest."""
    days = warehouse.partitions(REVIEWS)
    if not days:
        return pd.DataFrame(columns=list(REVIEWS.column_names))
    rows = warehouse.read_all(REVIEWS, days).sort_values("reviewed_at", kind="stable", ignore_index=True)
    return rows.drop_duplicates(["recording_date", "segment_id", "reviewer"], keep="last", ignore_index=True)


def segments_of(warehouse: Warehouse, reviews: pd.DataFrame) -> pd.DataFrame:
    """Return all segments of the days that the reviews are of, as they are now."""
    days = {str(day)[:10] for day in reviews["recording_date"]} & set(warehouse.partitions(SEGMENTS))
    if not days:
        return pd.DataFrame(columns=list(SEGMENTS.column_names))
    return warehouse.read_all(SEGMENTS, sorted(days))


def pending(queue: pd.DataFrame, reviews: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the mart ``review_queue`` that nobody has reviewed since it was built, each segment once."""
    left = queue[~queue["segment_id"].isin(reviews["segment_id"])]
    return left.sort_values("priority", ascending=False, kind="stable").drop_duplicates("segment_id", ignore_index=True)


def _judgement(warehouse: Warehouse, table: Table, day: str, segment_id: str, column: str) -> Any:
    row = _row_of(warehouse, table, day, segment_id, [column])
    return None if row is None else row[column]


def _row_of(
    warehouse: Warehouse, table: Table, day: str, segment_id: str, columns: Collection[str]
) -> dict[str, Any] | None:
    """Return those of the columns that the table has, of one segment of a day; None where it is not there."""
    needed = {"segment_id", *(name for name in table.column_names if name in columns)}
    rows = warehouse.read(table, day, sorted(needed))
    found = [] if rows is None else rows[rows["segment_id"] == segment_id].to_dict("records")
    return {str(name): value_or_none(value) for name, value in found[0].items()} if found else None
