"""Overview: how many calls, how they went, and how that changes from day to day and against the period before."""

import streamlit as st

from dashboard.data import period
from dashboard.parts import downloads, draw_in_two_columns, empty, filters, table
from emotion_pipeline.report.figures import OVERVIEW_FIGURES
from emotion_pipeline.report.overview import Overview


def show() -> None:
    chosen = filters()
    if chosen is None:
        return
    shown = period(chosen)
    now = shown.now
    if not now.figures["segments"]:
        empty("No speech matches these filters; widen them.")
        return
    _figures(now, shown.before)
    draw_in_two_columns(shown.charts)
    with st.expander("The numbers by day"):
        table(now.by_day)
        downloads(now.by_day, "by_day")


def _figures(now: Overview, before: Overview | None) -> None:
    compared = before.figures if before is not None and before.figures["segments"] else None
    with st.container(horizontal=True):
        for figure in OVERVIEW_FIGURES:
            delta = None if compared is None else figure.change(now.figures, compared)
            st.metric(
                figure.label,
                figure.of(now.figures),
                delta,
                delta_color=figure.leaning,
                width=150,
                help=figure.meaning,
            )
    if compared is None:
        st.caption("There is no speech in the period of equal length before, so no change is shown.")
