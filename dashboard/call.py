"""One call: to listen to, to read along, its numbers, and why a person should hear it."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.data import day_of, rows
from dashboard.parts import downloads, empty, listen
from emotion_pipeline.report.charts import quarters, quarters_of
from emotion_pipeline.report.queries import CALL, CALLS, SEGMENTS, Filters


def show() -> None:
    every = rows(CALLS, **Filters().parameters(), search="")
    if every.empty:
        empty("No calls yet. When the pipeline has analysed a day, they are listed here.")
        return
    names = {
        f"{day_of(row['recording_date'])}/{row['recording_id']}": f"{day_of(row['recording_date'])} · {row['file']}"
        for row in every.to_dict("records")
    }
    asked = st.query_params.get("call", "")
    addresses = list(names)
    address = st.selectbox(
        "Call", addresses, index=addresses.index(asked) if asked in names else 0, format_func=names.__getitem__
    )
    st.query_params["call"] = address
    day, _, recording_id = address.partition("/")
    call = {str(name): value for name, value in rows(CALL, recording_id=recording_id, day=day).iloc[0].items()}
    segments = rows(SEGMENTS, recording_id=recording_id, day=day)
    _figures(call)
    if segments.empty:
        empty("Nothing was said in this call that could be understood.")
        return
    left, right = st.columns([3, 2])
    with left:
        listen(call, segments, 660)
    with right:
        _numbers(call, segments)
    downloads(segments, "transcript")


def _figures(call: dict[str, Any]) -> None:
    shown = [
        ("Length", f"{call['recording_seconds']:.0f} s"),
        ("Sounds", call["emotion"] or "–"),
        ("Sentiment", _number(call["sentiment_score"], "+.2f")),
        ("Interruptions", _number(call["interruptions"], ".0f")),
        ("Longest silence", f"{_number(call['longest_non_talk_seconds'], '.1f')} s"),
        ("Agent talks", _number(call["agent_talk_share"], ".0%")),
        ("Escalated", "yes" if call["escalated"] is True or call["escalated"] == 1 else "no"),
    ]
    with st.container(horizontal=True):
        for label, value in shown:
            st.metric(label, value, width=130)


def _number(value: Any, number: str) -> str:
    return "–" if pd.isna(value) else format(value, number)


def _numbers(call: dict[str, Any], segments: pd.DataFrame) -> None:
    by_quarter = quarters_of(call)
    if not by_quarter.empty:
        st.altair_chart(quarters(by_quarter))
    queued = segments.dropna(subset=["reasons"])
    if queued.empty:
        st.caption("Nothing in this call waits for a review.")
    else:
        st.markdown("**Why it is in the queue**")
        why = queued.assign(reasons=queued["reasons"].str.replace("_", " "))
        st.dataframe(
            why[["start_seconds", "reasons", "text"]],
            hide_index=True,
            column_config={"start_seconds": st.column_config.NumberColumn("At", format="%.0f s")},
        )
    with st.expander("All numbers of the call"):
        values = pd.Series(call).dropna()
        st.dataframe(values.astype(str).rename_axis("number").rename("value").reset_index(), hide_index=True)
