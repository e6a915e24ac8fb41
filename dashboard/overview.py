"""Overview: how many calls, how they went, and how that changes from day to day and against the period before."""

import pandas as pd
import streamlit as st

from dashboard.data import rows
from dashboard.parts import downloads, empty, filters, table
from emotion_pipeline.report.figures import OVERVIEW_FIGURES
from emotion_pipeline.report.overview import overview_charts
from emotion_pipeline.report.queries import BY_DAY, OVERVIEW


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
    columns = st.columns(2)
    for place, chart in enumerate(overview_charts(rows, chosen)):
        columns[place % 2].altair_chart(chart)
    by_day = rows(BY_DAY, **chosen.parameters())
    with st.expander("The numbers by day"):
        table(by_day)
        downloads(by_day, "by_day")


def _figures(now: pd.Series, before: pd.Series | None) -> None:
    compared = before if before is not None and before["segments"] else None
    with st.container(horizontal=True):
        for figure in OVERVIEW_FIGURES:
            delta = None if compared is None else figure.change(now, compared)
            st.metric(figure.label, figure.of(now), delta, delta_color=figure.leaning, width=150, help=figure.meaning)
    if compared is None:
        st.caption("There is no speech in the period of equal length before, so no change is shown.")
