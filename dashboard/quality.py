"""Quality: whether the numbers can be trusted: gates, files refused and why, confidence, people, models, costs."""

from typing import Final

import pandas as pd
import streamlit as st

from dashboard.data import rows, settings
from dashboard.parts import downloads, draw, empty, table
from emotion_pipeline.report.charts import bars, calibration, trend
from emotion_pipeline.report.queries import (
    AGREEMENT,
    CALIBRATION,
    CONFIDENCE,
    COSTS,
    MODELS_BY_DAY,
    QUALITY_BY_DAY,
    REASONS,
    REJECTS,
)
from emotion_pipeline.warehouse.files import Files

# Of refused files: more than a person reads.
_SHOWN: Final = 100


def show() -> None:
    refused = Files(settings().storage.root).refused()
    by_day = rows(QUALITY_BY_DAY)
    if by_day.empty:
        empty("No recordings yet. When the pipeline has seen a day, its quality is shown here.")
        return
    found, rejected = int(by_day["recordings_found"].sum()), int(by_day["recordings_rejected"].sum())
    with st.container(horizontal=True):
        st.metric("Days", f"{len(by_day):,}", width=120)
        st.metric(
            "Batches held back", f"{len(refused):,}", width=170, help="Refused by their gate, and not mended yet."
        )
        st.metric("Files found", f"{found:,}", width=150)
        st.metric("Rejected", f"{rejected:,}", width=150)
        st.metric("Share rejected", f"{rejected / found:.0%}", width=150)
        _agreement()
    _trends(by_day)
    _gates(refused)
    _rejects()
    _calibration()
    _models()
    _costs()


def _agreement() -> None:
    said = rows(AGREEMENT).iloc[0]
    if said["reviews"]:
        agrees = "–" if pd.isna(said["tone_agrees"]) else f"{said['tone_agrees']:.0%}"
        st.metric("People agree with the tone", agrees, help=f"of {said['reviews']} reviews", width=200)


def _trends(by_day: pd.DataFrame) -> None:
    none, confidence = by_day.head(0), rows(CONFIDENCE)
    charts = [
        trend(by_day, none, "share_rejected", "Share of files rejected by day"),
        trend(by_day, none, "share_uncertain", "Share of uncertain text emotions by day"),
    ]
    if not confidence.empty:
        charts += [
            trend(confidence, none, "tone", "Mean probability of the tone by day", ".2f"),
            trend(confidence, none, "words", "Mean probability of the words by day", ".2f"),
        ]
    columns = st.columns(2)
    for place, chart in enumerate(charts):
        with columns[place % 2]:
            draw(chart)
    with st.expander("The numbers by day"):
        shown = by_day if confidence.empty else by_day.merge(confidence, on="recording_date", how="left")
        table(shown)
        downloads(shown, "quality_by_day")


def _gates(refused: list[tuple[str, str]]) -> None:
    st.subheader("Gates: batches held back")
    if not refused:
        st.caption("Every gate has let the newest batch of its table pass, for every day.")
        return
    st.caption("The last good partition is still shown. The gate's check in Dagster lists which expectation broke.")
    held = pd.DataFrame(refused, columns=["day", "table"])
    table(held)
    downloads(held, "held_back")


def _rejects() -> None:
    st.subheader("Files that were not analysed, and why")
    rejects = rows(REJECTS)
    if rejects.empty:
        st.caption("All files were analysed.")
        return
    draw(bars(rows(REASONS), "reason", "files", "Reasons, in files"))
    table(rejects.head(_SHOWN))
    if len(rejects) > _SHOWN:
        st.caption(f"The newest {_SHOWN}; the files hold all.")
    downloads(rejects, "rejects")


def _calibration() -> None:
    st.subheader("How sure the model is, and how often people agree")
    judged = rows(CALIBRATION)
    if judged.empty:
        st.caption("Nobody has judged a tone yet: the page Review asks for it.")
        return
    draw(calibration(judged))
    table(judged)
    downloads(judged, "calibration")


def _models() -> None:
    st.subheader("Which models made the numbers")
    models = rows(MODELS_BY_DAY)
    if models.empty:
        st.caption("No segment has been judged yet.")
    else:
        table(models)
        downloads(models, "models")


def _costs() -> None:
    st.subheader("What it cost")
    costs = rows(COSTS)
    if costs.empty:
        st.caption("No costs have been recorded yet.")
    else:
        draw(bars(costs, "table_name", "wall_seconds", "Seconds of each table, of all runs", ",.1f"))
        table(costs)
        downloads(costs, "costs")
