"""The charts of a period: how its speech went, and how that changes from day to day and against the period before."""

from collections.abc import Iterator
from typing import Any, Protocol

import altair as alt
import pandas as pd

from emotion_pipeline.report.charts import Layered, bars, tones_by_day, trend
from emotion_pipeline.report.queries import BY_DAY, BY_HOUR, EMOTIONS, TONES_BY_DAY, Filters


class Rows(Protocol):
    """Asks the marts a statement of ``queries`` with its parameters."""

    def __call__(self, sql: str, **parameters: Any) -> pd.DataFrame: ...


def overview_charts(rows: Rows, chosen: Filters) -> Iterator[alt.Chart | Layered]:
    """Yield the charts of what is chosen; those for which there is nothing to draw are left out."""
    parameters, earlier = chosen.parameters(), chosen.before()
    by_day = rows(BY_DAY, **parameters)
    if by_day.empty:
        return
    before = rows(BY_DAY, **earlier.parameters()) if earlier else by_day.head(0)
    yield trend(by_day, before, "share_negative", "Share of negative segments by day")
    yield trend(by_day, before, "share_masked_anger", "Masked anger by day", ".1%")
    tones = rows(TONES_BY_DAY, **parameters)
    if not tones.empty:
        yield tones_by_day(tones)
    emotions = rows(EMOTIONS, **parameters)
    if not emotions.empty:
        yield bars(emotions, "base_emotion", "segments", "What words express, in segments")
    hours = rows(BY_HOUR, **parameters)
    if not hours.empty:
        hours = hours.assign(hour=hours["hour_of_day"].map("{:02d}:00".format))
        yield bars(hours, "hour", "calls", "Calls by hour of the day")
