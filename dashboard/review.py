"""Review: what a person should hear next, and what they say of it: one click for a label, one to keep it."""

import getpass
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from dashboard.data import day_of, rows, warehouse
from dashboard.parts import downloads, empty, listen, table
from emotion_pipeline.engine.stages.tables import REVIEWS
from emotion_pipeline.report.clock import clock
from emotion_pipeline.report.queries import CALL, QUEUE, SEGMENTS
from emotion_pipeline.warehouse.reviews import Label, add_review, pending, read_reviews

_SHOWN: Final = 100
_JUDGED: Final = ("tone", "emotion", "sentiment")


def show() -> None:
    reviews = read_reviews(warehouse())
    queue = pending(rows(QUEUE), reviews)
    passed = st.session_state.setdefault("passed", set())
    left = queue[~queue["segment_id"].isin(passed)].reset_index(drop=True)
    st.caption(f"{len(queue)} segments wait to be heard · {len(reviews)} reviews are kept")
    if "kept" in st.session_state:
        st.toast(st.session_state.pop("kept"))
    if left.empty:
        empty("Nothing to review: the queue is empty." if queue.empty else "You have passed over all that is left.")
    else:
        _next(left.iloc[0].to_dict())
        with st.expander(f"The queue: {len(left)}"):
            shown = left[["recording_date", "file", "start_seconds", "reasons", "priority", "speaker_role", "text"]]
            table(shown.head(_SHOWN))
            if len(left) > _SHOWN:
                st.caption(f"The first {_SHOWN}; the files hold all.")
            downloads(left, "review_queue")
    with st.expander(f"What was said so far: {len(reviews)}"):
        if reviews.empty:
            st.caption("No reviews yet.")
        else:
            columns = ["reviewed_at", "reviewer", "tone", "emotion", "sentiment", "note", "model_tone", "text"]
            table(reviews[columns].iloc[::-1].head(_SHOWN))
            downloads(reviews, "reviews")


def _next(item: Mapping[Any, Any]) -> None:
    day, segment = str(day_of(item["recording_date"])), item["segment_id"]
    calls = rows(CALL, recording_id=item["recording_id"], day=day)
    st.markdown(f"**{item['file']}**, {day}, at {clock(item['start_seconds'])} · {item['reasons'].replace('_', ' ')}")
    left, right = st.columns([3, 2])
    with left:
        if not calls.empty:
            call = {str(name): value for name, value in calls.iloc[0].items()}
            segments = rows(SEGMENTS, recording_id=item["recording_id"], day=day)
            listen(call, segments, 500, first=float(item["start_seconds"]))
    with right:
        st.markdown(f"“{item['text'] or '…'}”")
        chosen = {name: _choice(name, item, segment) for name in _JUDGED}
        note = st.text_input("Note", key=f"note-{segment}")
        reviewer = st.text_input("Your name", _login(), key="reviewer")
        with st.container(horizontal=True):
            st.button(
                "Keep and go on",
                type="primary",
                shortcut="Ctrl+Enter",
                on_click=_keep,
                args=(segment, day, chosen, note, reviewer),
                disabled=not (reviewer.strip() and (note.strip() or any(chosen.values()))),
            )
            st.button("Not now", shortcut="Ctrl+ArrowRight", on_click=_pass_over, args=(segment,))


def _choice(name: str, item: Mapping[Any, Any], segment: str) -> str | None:
    """Show the values of a label as buttons, and say what the model chose."""
    model = {"tone": item["tone"], "emotion": item["base_emotion"], "sentiment": _number(item["sentiment_score"])}
    allowed = REVIEWS.column(name).allowed or ()
    label = f"{name.capitalize()} (model: {model[name] or 'none'})"
    return st.pills(label, allowed, key=f"{name}-{segment}", wrap=True)


def _number(value: float | None) -> str | None:
    return None if pd.isna(value) else f"{value:+.2f}"


def _login() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return ""


def _keep(segment: str, day: str, chosen: dict[str, str | None], note: str, reviewer: str) -> None:
    label = Label(reviewer.strip(), **chosen, note=note.strip() or None)
    add_review(warehouse(), segment, label, day)
    st.session_state["kept"] = f"Kept: {', '.join(value for value in (*chosen.values(), note.strip()) if value)}"


def _pass_over(segment: str) -> None:
    st.session_state["passed"].add(segment)
