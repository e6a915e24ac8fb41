"""Quality: whether the numbers can be trusted: files refused and why, confidence over time, models, people, costs."""

import pandas as pd
import streamlit as st

from dashboard.data import rows
from dashboard.parts import downloads, empty, table
from emotion_pipeline.report.charts import bars, trend
from emotion_pipeline.report.queries import (
    AGREEMENT,
    CONFIDENCE,
    COSTS,
    MODELS_BY_DAY,
    QUALITY_BY_DAY,
    REJECTS,
)


def show() -> None:
    by_day = rows(QUALITY_BY_DAY)
    if by_day.empty:
        empty("No recordings yet. When the pipeline has seen a day, its quality is shown here.")
        return
    found, refused = int(by_day["recordings_found"].sum()), int(by_day["recordings_rejected"].sum())
    with st.container(horizontal=True):
        st.metric("Files found", f"{found:,}", width=150)
        st.metric("Rejected", f"{refused:,}", width=150)
        st.metric("Share rejected", f"{refused / found:.0%}", width=150)
        _agreement()
    none = by_day.head(0)
    left, right = st.columns(2)
    left.altair_chart(trend(by_day, none, "share_rejected", "Share of files rejected by day"))
    right.altair_chart(trend(by_day, none, "share_uncertain", "Share of uncertain text emotions by day"))
    confidence = rows(CONFIDENCE)
    if not confidence.empty:
        left.altair_chart(trend(confidence, none, "tone", "Mean probability of the tone by day", ".2f"))
        right.altair_chart(trend(confidence, none, "words", "Mean probability of the words by day", ".2f"))
    _rejects()
    _models()
    _costs()


def _agreement() -> None:
    said = rows(AGREEMENT).iloc[0]
    if said["reviews"]:
        agrees = "–" if pd.isna(said["tone_agrees"]) else f"{said['tone_agrees']:.0%}"
        st.metric("People agree with the tone", agrees, help=f"of {said['reviews']} reviews", width=200)


def _rejects() -> None:
    st.subheader("Files that were not analysed, and why")
    rejects = rows(REJECTS)
    if rejects.empty:
        st.caption("All files were analysed.")
    else:
        table(rejects)
        downloads(rejects, "rejects")


def _models() -> None:
    st.subheader("Which models made the numbers")
    models = rows(MODELS_BY_DAY)
    if models.empty:
        st.caption("No segment has been judged yet.")
    else:
        table(models)


def _costs() -> None:
    st.subheader("What it cost")
    costs = rows(COSTS)
    if costs.empty:
        st.caption("No costs have been recorded yet.")
    else:
        st.altair_chart(bars(costs, "table_name", "wall_seconds", "Seconds of each table, of all runs", ",.1f"))
        table(costs)
        downloads(costs, "costs")
