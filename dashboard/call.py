"""One call: to listen to, to read along, its numbers, and why a person should hear it."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.data import day_of, rows
from dashboard.parts import downloads, empty, listen
from emotion_pipeline.report.charts import quarters, quarters_of
from emotion_pipeline.report.figures import call_figures
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
    with st.container(horizontal=True):
        for label, value in call_figures(call):
            st.metric(label, value, width=130)
    if segments.empty:
        empty("Nothing was said in this call that could be understood.")
        return
    left, right = st.columns([3, 2])
    with left:
        listen(call, segments, 660)
    with right:
        _numbers(call, segments)
    downloads(segments, "transcript")


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
