"""Overview: how many calls, how they went, and how that changes from day to day and against the period before."""

from typing import Final, Literal, TypeAlias

import pandas as pd
import streamlit as st

from dashboard.data import rows
from dashboard.parts import downloads, empty, filters, table
from emotion_pipeline.report.charts import bars, tones_by_day, trend
from emotion_pipeline.report.queries import BY_DAY, BY_HOUR, EMOTIONS, OVERVIEW, TONES_BY_DAY, Filters

# Whether more is good (normal), bad (inverse) or neither.
_Colour: TypeAlias = Literal["normal", "inverse", "off"]


def show() -> None:
    chosen = filters()
    if chosen is None:
        return
    figures = rows(OVERVIEW, **chosen.parameters()).iloc[0]
    if not figures["segments"]:
        empty("No speech matches these filters; widen them.")
        return
    earlier = chosen.before()
    _figures(figures, rows(OVERVIEW, **earlier.parameters()).iloc[0] if earlier else None)
    by_day = rows(BY_DAY, **chosen.parameters())
    before = rows(BY_DAY, **earlier.parameters()) if earlier else by_day.head(0)
    _charts(chosen, by_day, before)
    with st.expander("The numbers by day"):
        table(by_day)
        downloads(by_day, "by_day")


def _figures(now: pd.Series, before: pd.Series | None) -> None:
    shown: list[tuple[str, str, str, _Colour]] = [
        ("Calls", "calls", "{:,.0f}", "off"),
        ("Minutes spoken", "spoken_minutes", "{:,.1f}", "off"),
        ("Share negative", "share_negative", "{:.0%}", "inverse"),
        ("Masked anger", "share_masked_anger", "{:.1%}", "inverse"),
        ("Mean sentiment", "mean_sentiment", "{:+.2f}", "normal"),
        ("Uncertain", "share_uncertain", "{:.0%}", "inverse"),
    ]
    compared = before is not None and before["segments"] > 0
    with st.container(horizontal=True):
        for label, column, number, colour in shown:
            value = now[column]
            delta = None
            if compared and before is not None and pd.notna(before[column]) and pd.notna(value):
                delta = number.replace("{:,", "{:+,").replace("{:.", "{:+.").format(value - before[column])
            st.metric(
                label,
                "–" if pd.isna(value) else number.format(value),
                delta,
                delta_color=colour,
                width=150,
                help=_HELP.get(column),
            )
    if not compared:
        st.caption("There is no speech in the period of equal length before, so no change is shown.")


_HELP: Final = {
    "share_negative": "Segments whose words are negative, of those that were scored.",
    "share_masked_anger": "Segments in which an angry voice speaks words that are not, of those that were judged.",
    "mean_sentiment": "From -1 to 1, by words.",
    "share_uncertain": "Segments of which a model said that it is not sure.",
}


def _charts(chosen: Filters, by_day: pd.DataFrame, before: pd.DataFrame) -> None:
    left, right = st.columns(2)
    left.altair_chart(trend(by_day, before, "share_negative", "Share of negative segments by day"))
    right.altair_chart(trend(by_day, before, "share_masked_anger", "Masked anger by day", ".1%"))
    tones = rows(TONES_BY_DAY, **chosen.parameters())
    if not tones.empty:
        left.altair_chart(tones_by_day(tones))
    emotions = rows(EMOTIONS, **chosen.parameters())
    if not emotions.empty:
        right.altair_chart(bars(emotions, "base_emotion", "segments", "What words express, in segments"))
    hours = rows(BY_HOUR, **chosen.parameters())
    if not hours.empty:
        hours = hours.assign(hour=hours["hour_of_day"].map("{:02d}:00".format))
        left.altair_chart(bars(hours, "hour", "calls", "Calls by hour of the day"))
