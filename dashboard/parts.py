"""Pieces that pages share: filters, downloads of what is shown, words where nothing is to be shown, a call to hear."""

import io
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, Final

import altair as alt
import pandas as pd
import streamlit as st

from dashboard.data import day_of, rows, sound_address, waveform
from emotion_pipeline.cli.output import csv_text
from emotion_pipeline.report.charts import Layered, specification
from emotion_pipeline.report.player import player
from emotion_pipeline.report.queries import ATTRIBUTES, CHANNELS, EXTENT, Filters

ROLES: Final = ("agent", "customer", "unknown")
_DAYS_AT_FIRST: Final = 28
_PARQUET: Final = "application/vnd.apache.parquet"


def empty(what: str) -> None:
    """Say why there is nothing to see here."""
    st.info(what, icon=":material/inbox:")


def filters() -> Filters | None:
    """Show the filters and return what they say; None, and words in their place, where the marts hold no day."""
    extent = rows(EXTENT).iloc[0]
    if pd.isna(extent["first"]):
        empty("No recordings yet. When the pipeline has analysed a day, it is shown here.")
        return None
    first, last = day_of(extent["first"]), day_of(extent["last"])
    channels = rows(CHANNELS)["channel_name"].tolist()
    left, middle, right, end = st.columns([2, 2, 2, 1], vertical_alignment="bottom")
    days = left.date_input(
        "Days", (max(first, last - timedelta(days=_DAYS_AT_FIRST - 1)), last), min_value=first, max_value=last
    )
    chosen = middle.multiselect("Channel", channels, placeholder="all", disabled=len(channels) < 2)
    attributes = rows(ATTRIBUTES)["attribute"].tolist()
    names = ", ".join(dict.fromkeys(attribute.partition(":")[0].replace("_", " ") for attribute in attributes))
    named = st.multiselect(names.capitalize(), attributes, placeholder="all") if attributes else []
    roles = right.multiselect("Speaker role", ROLES, placeholder="all")
    certain = end.toggle("Certain only", help="Leave out segments of which a model said that it is not sure.")
    # While a range is being picked there is one day only.
    picked = tuple(days) if isinstance(days, tuple) else (days,)
    if not picked:
        picked = (first, last)
    return Filters(picked[0], picked[-1], tuple(chosen), tuple(named), tuple(roles), certain)


def table(frame: pd.DataFrame) -> None:
    """Show a table, its days without a time, its columns under names in words."""
    days = set(frame.select_dtypes("datetime").columns)
    names = {str(name): str(name).replace("_", " ").capitalize() for name in frame.columns}
    columns = {
        name: st.column_config.DateColumn(words) if name in days else st.column_config.Column(words)
        for name, words in names.items()
    }
    st.dataframe(frame, hide_index=True, column_config=columns)


def draw(chart: alt.Chart | Layered | dict[str, Any]) -> None:
    """Draw a chart, or the specification of one."""
    st.vega_lite_chart(chart if isinstance(chart, dict) else specification(chart))


def draw_in_two_columns(charts: Iterable[alt.Chart | Layered | dict[str, Any]]) -> None:
    """Draw charts side by side, on a phone one below the other."""
    columns = st.columns(2)
    for place, chart in enumerate(charts):
        with columns[place % 2]:
            draw(chart)


def downloads(frame: pd.DataFrame | Callable[[], pd.DataFrame], name: str) -> None:
    """Offer a table as CSV and as Parquet; it is made, and asked for where it is a function, when that is clicked."""

    def whole() -> pd.DataFrame:
        return frame() if callable(frame) else frame

    def parquet() -> bytes:
        file = io.BytesIO()
        whole().to_parquet(file, index=False)
        return file.getvalue()

    with st.container(horizontal=True):
        for label, made, kind in (("CSV", lambda: csv_text(whole()), "text/csv"), ("Parquet", parquet, _PARQUET)):
            suffix = label.lower()
            st.download_button(label, made, f"{name}.{suffix}", kind, key=f"{name}-{suffix}", on_click="ignore")


def listen(call: dict[str, Any], segments: pd.DataFrame, height: int, first: float = 0.0) -> None:
    """Show the player of a call; without its sound where that has been erased or is not to be heard."""
    audio_uri = call["audio_uri"]
    address = sound_address(audio_uri)
    if address is None:
        st.caption("The sound of this call is not here: it has been erased, or the settings keep it.")
    theme = st.context.theme.type or ""
    seconds = float(call["recording_seconds"])
    st.iframe(player(segments, seconds, waveform(audio_uri), address, theme, first), height=height)
