"""A day or a call as one HTML page that needs nothing but itself: no network, no library, the charts drawn as SVG.

Its policy (CSP) forbids the browser to fetch anything. It follows the reader's light or dark, and prints.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import altair as alt
import pandas as pd
import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from emotion_pipeline.engine.audio.envelope import Envelope
from emotion_pipeline.report.charts import Layered, quarters, quarters_of
from emotion_pipeline.report.clock import clock
from emotion_pipeline.report.figures import OVERVIEW_FIGURES, call_figures
from emotion_pipeline.report.overview import beside_the_one_before, overview_charts
from emotion_pipeline.report.player import player
from emotion_pipeline.report.queries import (
    CALL,
    CALLS,
    EXTENT,
    FILES,
    QUEUE,
    SEGMENTS,
    Filters,
    MartsError,
    ask,
)

# What a trend is drawn over, the day of the report being the last.
_DAYS: Final = 28
_CHART_WIDTH: Final = 460
# Words and lines take the colour of the page's text, which its theme chooses.
_INK: Final = "currentColor"
_STYLE: Final = {
    "background": "transparent",
    "view": {"stroke": None, "continuousWidth": _CHART_WIDTH, "discreteWidth": _CHART_WIDTH},
    "font": "system-ui, sans-serif",
    "title": {"color": _INK, "anchor": "start", "fontSize": 14},
    "axis": {
        "labelColor": _INK,
        "titleColor": _INK,
        "tickColor": _INK,
        "domainColor": _INK,
        "gridColor": _INK,
        "gridOpacity": 0.15,
        "labelFontSize": 12,
    },
    "legend": {"labelColor": _INK, "labelFontSize": 12, "symbolLimit": 0},
    "text": {"color": _INK},
}
# What is read of calls at one glance; the rest is in the marts.
_CALL_COLUMNS: Final = {
    "file": "file",
    "title": "title",
    "channel_name": "channel",
    "recording_seconds": "seconds",
    "tone": "sounds",
    "sentiment_score": "sentiment",
    "escalated": "escalated",
    "ends_negative": "ends badly",
    "masked_anger_segments": "masked anger",
    "interruptions": "interruptions",
    "longest_non_talk_seconds": "longest silence, s",
}


@dataclass(frozen=True, slots=True)
class Sound:
    """What is kept of the sound of a call: its waveform, and an address of it (``data:``) where it is to be heard."""

    envelope: Envelope | None = None
    address: str | None = None


def day_page(marts: Path, day: date) -> str:
    """Return how a day went; raises MartsError where the marts do not hold it, naming the days that they hold."""
    files = ask(marts, FILES, {"day": day})
    if files.empty:
        extent = ask(marts, EXTENT).iloc[0]
        held = "holds no day" if pd.isna(extent["first"]) else f"holds {extent['first']:%F} to {extent['last']:%F}"
        raise MartsError(f"{day}: no recording of this day is in {marts}, which {held}; name a day that has been run")
    only = Filters(day, day)
    weeks = Filters(day - timedelta(days=_DAYS - 1), day)

    now, before = (period.figures if period else {"segments": 0} for period in beside_the_one_before(marts, only))
    asked = {**only.parameters(), "search": "", "rows": None, "skipped": 0}
    calls = ask(marts, CALLS["Escalated first"], asked)
    queue = ask(marts, QUEUE)
    queue = queue[pd.to_datetime(queue["recording_date"]).dt.date == day]
    refused = files[files["status"] != "accepted"]
    return _template("day.html").render(
        title=f"Calls of {day}",
        figures=[
            (figure.label, figure.of(now), figure.change(now, before) if before["segments"] else None, figure.meaning)
            for figure in OVERVIEW_FIGURES
        ],
        files=len(files),
        charts=[_drawn(chart) for chart in overview_charts(*beside_the_one_before(marts, weeks))],
        weeks=weeks,
        calls=_table(calls[list(_CALL_COLUMNS)].rename(columns=_CALL_COLUMNS)),
        queue=_table(_for_people(queue)[["file", "at", "reasons", "speaker_role", "tone", "text"]]),
        refused=_table(refused),
    )


def call_page(marts: Path, day: date, recording_id: str, sound: Sound) -> str:
    """Return a call with its transcript; raises MartsError where the marts do not hold it."""
    where = {"day": day, "recording_id": recording_id}
    found = ask(marts, CALL, where)
    if found.empty:
        raise MartsError(f"{day}/{recording_id}: no such call is in {marts}; emotion-clf report --day {day} lists them")
    call = {str(name): value for name, value in found.iloc[0].items()}
    segments = ask(marts, SEGMENTS, where)
    by_quarter = quarters_of(call)
    queued = segments.dropna(subset=["reasons"])
    numbers = pd.DataFrame({"number": name, "value": value} for name, value in call.items() if pd.notna(value))
    return _template("call.html").render(
        title=f"{call['file']}, {day}",
        figures=[(label, value, None, None) for label, value in call_figures(call)],
        player=Markup(player(segments, float(call["recording_seconds"]), sound.envelope, sound.address, scrolls=False)),
        spoken=not segments.empty,
        charts=[] if by_quarter.empty else [_drawn(quarters(by_quarter))],
        queue=_table(_for_people(queued)[["at", "reasons", "text"]]),
        numbers=_table(numbers.assign(number=numbers["number"].str.replace("_", " "))),
    )


def _drawn(chart: alt.Chart | Layered) -> Markup:
    """Return a chart as SVG in a figure whose name is the chart's title."""
    drawn = chart.configure(**_STYLE)
    svg = vl_convert.vegalite_to_svg(drawn.to_dict(), vl_version=".".join(alt.SCHEMA_VERSION[1:].split(".")[:2]))
    named = Markup('<figure role="img" aria-label="{}">{}</figure>')
    return named.format(drawn.title if isinstance(drawn.title, str) else "chart", Markup(svg))


def _for_people(queued: pd.DataFrame) -> pd.DataFrame:
    """Return segments of the queue with their time and their reasons as people write them."""
    return queued.assign(at=queued["start_seconds"].map(clock), reasons=queued["reasons"].str.replace("_", " "))


def _table(rows: pd.DataFrame) -> list[dict[str, str]]:
    """Return rows as text under the names of their columns; columns in which nothing stands are left out."""
    shown = rows.dropna(axis="columns", how="all")
    return [
        {str(name).replace("_", " "): _cell(value) for name, value in row.items()} for row in shown.to_dict("records")
    ]


def _cell(value: Any) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, pd.Timestamp):
        return f"{value:%F}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@cache
def _template(name: str) -> Template:
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
