"""The charts of the dashboard and of the report, as Altair specifications.

Colours are those of ``tone.labels``. A chart says in its title what it shows: a page may be read without the rest.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import altair as alt
import pandas as pd

from emotion_pipeline.engine.tone.labels import TONE_COLOURS

# What ``alt.layer`` says that it returns.
Layered: TypeAlias = alt.LayerChart | alt.FacetChart

_BLUE: Final = "#0072B2"
_ORANGE: Final = "#D55E00"
_HEIGHT: Final = 260


def specification(chart: alt.Chart | Layered) -> dict[str, Any]:
    """Return what a browser draws. It is not held to its schema once more, which costs more than to ask the marts."""
    return chart.to_dict(validate=False)


def trend(now: pd.DataFrame, before: pd.DataFrame, column: str, title: str, number: str = ".0%") -> Layered:
    """Draw a figure by day, and as a dashed line the previous period, moved so that first days lie above each other.

    Args:
        now, before: rows with ``recording_date`` and the column; ``before`` may be empty.
        number: how values are written, in d3's notation.
    """
    frames = [now.assign(period="this period", day=now["recording_date"])]
    if not before.empty and not now.empty:
        moved = before["recording_date"] + (now["recording_date"].min() - before["recording_date"].min())
        frames.append(before.assign(period="previous period", day=moved))
    rows = pd.concat(frames, ignore_index=True)
    periods = alt.Scale(domain=["this period", "previous period"], range=[_BLUE, _ORANGE])
    days = alt.Axis(format="%d %b", labelOverlap=True, tickCount={"interval": "day", "step": 1})
    # Where all is 0 the line is to lie on the ground.
    scale = alt.Scale() if rows[column].abs().max() > 0 else alt.Scale(domain=[0, 0.1])
    # Without a period to compare with there is nothing to tell apart.
    legend = None if before.empty else alt.Legend(title=None, orient="bottom", symbolType="stroke")
    # Data that layers share are given to all at once: altair would compare copies, which takes longer than to ask.
    base = alt.Chart().encode(
        x=alt.X("day:T", title=None, axis=days),
        y=alt.Y(f"{column}:Q", title=None, axis=alt.Axis(format=number, tickCount=5), scale=scale),
        color=alt.Color("period:N", scale=periods, legend=legend),
        tooltip=[
            alt.Tooltip("recording_date:T", title="day"),
            alt.Tooltip(f"{column}:Q", format=number, title=title),
            alt.Tooltip("period:N"),
        ],
    )
    dash = alt.StrokeDash("period:N", legend=None, scale=alt.Scale(domain=periods.domain, range=[[1, 0], [5, 4]]))
    lines, points = base.mark_line().encode(strokeDash=dash), base.mark_point(filled=True, size=45)
    return alt.layer(lines, points, data=rows, title=title, height=_HEIGHT)


def tones_by_day(rows: pd.DataFrame) -> alt.Chart:
    """Draw how much of the speech of each day had which tone: rows of recording_date, tone, minutes."""
    present = [tone for tone in TONE_COLOURS if tone in set(rows["tone"])]
    tones = alt.Scale(domain=present, range=[TONE_COLOURS[tone] for tone in present])
    return (
        alt.Chart(rows, title="Tone of the speech by day")
        .mark_bar()
        .encode(
            x=alt.X("yearmonthdate(recording_date):O", title=None, axis=alt.Axis(format="%d %b", labelAngle=0)),
            y=alt.Y("minutes:Q", stack="normalize", title=None, axis=alt.Axis(format=".0%")),
            color=alt.Color("tone:N", scale=tones, legend=alt.Legend(title=None, orient="bottom", columns=4)),
            tooltip=[
                alt.Tooltip("recording_date:T", title="day"),
                "tone:N",
                alt.Tooltip("minutes:Q", format=".1f"),
            ],
        )
        .properties(height=_HEIGHT)
    )


def bars(
    rows: pd.DataFrame, name: str, value: str, title: str, number: str = ",.0f", in_order: bool = False
) -> Layered:
    """Draw one number for each name as a bar with the number beside it, the longest first or in the order of rows."""
    base = alt.Chart().encode(
        y=alt.Y(f"{name}:N", sort=None if in_order else "-x", title=None, axis=alt.Axis(labelLimit=240)),
        x=alt.X(f"{value}:Q", title=None, axis=None),
        tooltip=[f"{name}:N", alt.Tooltip(f"{value}:Q", format=number)],
    )
    # A grey that is read on white and on black.
    text = base.mark_text(align="left", dx=4, color="#808080").encode(text=alt.Text(f"{value}:Q", format=number))
    return alt.layer(base.mark_bar(color=_BLUE), text, data=rows, title=title, height=alt.Step(24))


def quarters(rows: pd.DataFrame, title: str = "Sentiment by quarter of the call") -> alt.Chart:
    """Draw the sentiment of the four quarters of a call: rows of quarter, sentiment."""
    below = alt.condition(alt.datum["sentiment"] < 0, alt.value(_ORANGE), alt.value(_BLUE))
    return (
        alt.Chart(rows, title=title)
        .mark_bar()
        .encode(
            x=alt.X("quarter:N", title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("sentiment:Q", title=None, scale=alt.Scale(domain=[-1, 1])),
            color=below,
            tooltip=["quarter:N", alt.Tooltip("sentiment:Q", format="+.2f")],
        )
        .properties(height=_HEIGHT)
    )


def calibration(rows: pd.DataFrame) -> Layered:
    """Draw how often people agree beside how sure the model was: rows of ``queries.CALIBRATION``.

    Points on the dashed line are of a model that is as often right as it says (a reliability diagram).
    """
    share, axis = alt.Scale(domain=[0, 1]), alt.Axis(format=".0%", tickCount=5)
    points = (
        alt.Chart(rows)
        .mark_point(filled=True, color=_BLUE)
        .encode(
            x=alt.X("model_says:Q", title="how sure the model was", scale=share, axis=axis),
            y=alt.Y("people_agree:Q", title="people said the same", scale=share, axis=axis),
            size=alt.Size("reviews:Q", legend=None, scale=alt.Scale(range=[60, 400], zero=False)),
            tooltip=[
                "reviews:Q",
                alt.Tooltip("model_says:Q", format=".0%"),
                alt.Tooltip("people_agree:Q", format=".0%"),
            ],
        )
    )
    ends = pd.DataFrame({"model_says": [0, 1], "people_agree": [0, 1]})
    honest = alt.Chart(ends).mark_line(color="#808080", strokeDash=[5, 4]).encode(x="model_says:Q", y="people_agree:Q")
    return alt.layer(honest, points, title="Calibration of the tone", height=_HEIGHT)


def quarters_of(call: Mapping[str, object]) -> pd.DataFrame:
    """Return the quarters of a row of ``fct_calls`` that have a sentiment."""
    rows = pd.DataFrame(
        [(f"Q{index}", call[f"sentiment_q{index}"], call[f"tone_q{index}"]) for index in range(1, 5)],
        columns=["quarter", "sentiment", "tone"],
    )
    return rows.dropna(subset=["sentiment"])
