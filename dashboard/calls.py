"""Calls: a table to sort and to search, out of which a call is opened."""

from typing import Final

import pandas as pd
import streamlit as st

from dashboard.data import day_of, rows
from dashboard.parts import downloads, empty, filters
from emotion_pipeline.report.queries import CALLS, CALLS_FOUND

# Of a page: what a person reads at once, and a browser gets at once.
_ROWS: Final = 50
_COLUMNS: Final = {
    "recording_date": st.column_config.DateColumn("Day"),
    "file": st.column_config.TextColumn("File", width="medium"),
    "title": "Title",
    "channel_name": "Channel",
    "recording_seconds": st.column_config.NumberColumn("Seconds", format="%.0f"),
    "speaker_count": "Speakers",
    "tone": "Tone",
    "sentiment_score": st.column_config.NumberColumn("Sentiment", format="%+.2f"),
    "sentiment_trend": st.column_config.NumberColumn("Its change", format="%+.2f"),
    "tone_sentiment_match": "Tone and words",
    "masked_anger_segments": "Masked anger",
    "escalated": st.column_config.CheckboxColumn("Escalated"),
    "ends_negative": st.column_config.CheckboxColumn("Ends badly"),
    "interruptions": "Interruptions",
    "longest_non_talk_seconds": st.column_config.NumberColumn("Longest silence", format="%.1f s"),
    "talk_ratio": st.column_config.NumberColumn("Agent / customer", format="%.2f"),
    "recording_id": None,
}


def show() -> None:
    chosen = filters()
    if chosen is None:
        return
    left, right = st.columns([5, 2])
    search = left.text_input("Search", placeholder="a file, title, channel or what was said", key="search").strip()
    first = right.selectbox("First", list(CALLS))
    asked = {**chosen.parameters(), "search": search}
    count = int(rows(CALLS_FOUND, **asked)["calls"].iloc[0])
    if not count:
        empty("No call matches; change the search or the filters.")
        return
    st.caption(f"{count:,} calls. Choose a row to open it.")
    place = st.container()
    # Another search or order begins at its first page.
    page = st.pagination(-(-count // _ROWS), key=f"page-{first}-{asked}") if count > _ROWS else 1
    found = rows(CALLS[first], **asked, rows=_ROWS, skipped=(page - 1) * _ROWS)
    event = place.dataframe(
        found.dropna(axis="columns", how="all"),
        hide_index=True,
        height=420,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_COLUMNS,
        key=f"calls-{page}",
        alt="Calls; choose a row to open one",
    )
    downloads(lambda: rows(CALLS[first], **asked, rows=None, skipped=0), "calls")
    chosen_rows = event["selection"]["rows"]
    if chosen_rows:
        open_call(found.iloc[chosen_rows[0]])


def open_call(row: pd.Series) -> None:
    """Go to the page of a call."""
    from dashboard import call

    address = f"{day_of(row['recording_date'])}/{row['recording_id']}"
    st.switch_page(st.Page(call.show, title="One call", url_path="call"), query_params={"call": address})
