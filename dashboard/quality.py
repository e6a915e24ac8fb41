"""Quality: whether the numbers can be trusted: gates, files refused and why, confidence, people, models, costs."""

from collections.abc import Callable
from typing import Final

import pandas as pd
import streamlit as st

from dashboard.data import rows, settings
from dashboard.parts import downloads, draw, draw_in_two_columns, empty, table
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
    draw_in_two_columns(charts)
    with st.expander("The numbers by day"):
        shown = by_day if confidence.empty else by_day.merge(confidence, on="recording_date", how="left")
        table(shown)
        downloads(shown, "quality_by_day")


def _gates(refused: list[tuple[str, str]]) -> None:
    _section(
        "Gates: batches held back",
        pd.DataFrame(refused, columns=["day", "table"]),
        "held_back",
        "Every gate has let the newest batch of its table pass, for every day.",
        lambda: st.caption(
            "The last good partition is still shown. The gate's check in Dagster lists which expectation broke."
        ),
    )


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
    judged = rows(CALIBRATION)
    _section(
        "How sure the model is, and how often people agree",
        judged,
        "calibration",
        "Nobody has judged a tone yet: the page Review asks for it.",
        lambda: draw(calibration(judged)),
    )


def _models() -> None:
    _section("Which models made the numbers", rows(MODELS_BY_DAY), "models", "No segment has been judged yet.")


def _costs() -> None:
    costs = rows(COSTS)
    _section(
        "What it cost",
        costs,
        "costs",
        "No costs have been recorded yet.",
        lambda: draw(bars(costs, "table_name", "wall_seconds", "Seconds of each table, of all runs", ",.1f")),
    )


def _section(
    title: str, shown: pd.DataFrame, name: str, nothing: str, above: Callable[[], object] = lambda: None
) -> None:
    """Show a table to take along under its title, what stands ``above`` it first, or that there is ``nothing``."""
    st.subheader(title)
    if shown.empty:
        st.caption(nothing)
        return
    above()
    table(shown)
    downloads(shown, name)
