"""One call: to listen to, to read along, its numbers, and why a person should hear it."""

from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard.data import day_of, rows
from dashboard.parts import downloads, draw, empty, listen
from emotion_pipeline.report.charts import quarters, quarters_of
from emotion_pipeline.report.figures import call_figures
from emotion_pipeline.report.queries import CALL, CALL_NAMED, CALLS, SEGMENTS, Filters

# Of calls to choose among: more than a person reads in a list.
_OFFERED: Final = 100


def show() -> None:
    address = _choose()
    if address is None:
        return
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


def _choose() -> str | None:
    """Return the address, day/id, of the call that is asked for in the browser's address or chosen here."""
    left, right = st.columns([2, 3])
    search = left.text_input("Find", placeholder="a file, title, channel or what was said").strip()
    found = rows(CALLS["Escalated first"], **Filters().parameters(), search=search, rows=_OFFERED, skipped=0)
    names = {
        f"{day_of(row['recording_date'])}/{row['recording_id']}": f"{day_of(row['recording_date'])} · {row['file']}"
        for row in found.to_dict("records")
    }
    asked = st.query_params.get("call", "")
    if asked and asked not in names and not search:
        day, _, recording_id = asked.partition("/")
        named = rows(CALL_NAMED, recording_id=recording_id, day=day)
        if not named.empty:
            names = {asked: f"{day} · {named['file'].iloc[0]}"} | names
    if not names:
        empty("No call matches." if search else "No calls yet. When the pipeline has analysed a day, they are here.")
        return None
    addresses = list(names)
    address = right.selectbox(
        "Call",
        addresses,
        index=addresses.index(asked) if asked in names else 0,
        format_func=names.__getitem__,
        help=f"The first {_OFFERED}, escalated ones before others; Find looks among all."
        if len(found) == _OFFERED
        else None,
    )
    st.query_params["call"] = address
    return address


def _numbers(call: dict[str, Any], segments: pd.DataFrame) -> None:
    by_quarter = quarters_of(call)
    if not by_quarter.empty:
        draw(quarters(by_quarter))
    queued = segments.dropna(subset=["reasons"])
    if queued.empty:
        st.caption("Nothing in this call waits for a review.")
    else:
        st.markdown("**Why it is in the queue**")
        why = queued.assign(reasons=queued["reasons"].str.replace("_", " "))
        st.dataframe(
            why[["start_seconds", "reasons", "text"]],
            hide_index=True,
            column_config={
                "start_seconds": st.column_config.NumberColumn("At", format="%.0f s"),
                "reasons": "Reasons",
                "text": "Text",
            },
        )
    with st.expander("All numbers of the call"):
        values = pd.Series(call).dropna()
        numbers = values.astype(str).rename_axis("number").rename("value").reset_index()
        st.dataframe(numbers, hide_index=True)
        downloads(numbers, "numbers")
