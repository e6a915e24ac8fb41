"""A period at a glance: its numbers, and charts of how they change from day to day and against the period before."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd

from emotion_pipeline.report.charts import Layered, bars, tones_by_day, trend
from emotion_pipeline.report.queries import (
    BY_DAY,
    BY_HOUR,
    EMOTIONS,
    OVERVIEW,
    TONES_BY_DAY,
    Filters,
    ask_of_chosen,
)


@dataclass(frozen=True, slots=True)
class Overview:
    """What the marts say of a period; rows as the statements of ``queries`` give them."""

    figures: dict[str, Any]
    by_day: pd.DataFrame
    tones: pd.DataFrame
    emotions: pd.DataFrame
    hours: pd.DataFrame


def overviews(marts: Path, *chosen: Filters) -> list[Overview]:
    """Return periods; raises MartsError where the marts cannot be asked."""
    statements = (OVERVIEW, BY_DAY, TONES_BY_DAY, EMOTIONS, BY_HOUR)
    return [
        Overview({str(name): value for name, value in figures.iloc[0].items()}, *frames)
        for figures, *frames in ask_of_chosen(marts, statements, *chosen)
    ]


def beside_the_one_before(marts: Path, chosen: Filters) -> tuple[Overview, Overview | None]:
    """Return a period and the one of equal length before it, None where it has no beginning or end."""
    earlier = chosen.before()
    now, *before = overviews(marts, chosen, *([earlier] if earlier else []))
    return now, before[0] if before else None


def overview_charts(now: Overview, before: Overview | None) -> Iterator[alt.Chart | Layered]:
    """Yield the charts of a period beside the one before; those for which there is nothing to draw are left out."""
    if now.by_day.empty:
        return
    earlier = now.by_day.head(0) if before is None else before.by_day
    yield trend(now.by_day, earlier, "share_negative", "Share of negative segments by day")
    yield trend(now.by_day, earlier, "share_masked_anger", "Masked anger by day", ".1%")
    if not now.tones.empty:
        yield tones_by_day(now.tones)
    if not now.emotions.empty:
        yield bars(now.emotions, "base_emotion", "segments", "What words express, in segments")
    if not now.hours.empty:
        hours = now.hours.assign(hour=now.hours["hour_of_day"].map("{:02d}:00".format))
        yield bars(hours, "hour", "calls", "Calls by hour of the day", in_order=True)
