"""A call to listen to: its waveform coloured by tone, the transcript that follows the sound; HTML without a library.

Segments that cut in on another voice, silences and the quarters of the call are marked; without audio the same page is
read and clicked through.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final

import pandas as pd

from emotion_pipeline.engine.audio.envelope import Envelope
from emotion_pipeline.engine.tone.labels import TONE_COLOURS
from emotion_pipeline.report.clock import clock

_PAGE: Final = Template((Path(__file__).parent / "player.html").read_text(encoding="utf-8"))
_WIDTH: Final = 1000
# What counts as a silence in the tables, too.
_SILENCE_SECONDS: Final = 3.0
_UNKNOWN: Final = "#808080"


def player(
    segments: pd.DataFrame,
    seconds: float,
    envelope: Envelope | None = None,
    audio: str | None = None,
    theme: str = "",
    first: float = 0.0,
    scrolls: bool = True,
) -> str:
    """Return a call as a fragment of HTML.

    Args:
        segments: rows of ``queries.SEGMENTS``, in the order of the call.
        seconds: length of the recording.
        envelope: its waveform; without it tones are drawn as bars.
        audio: address of the sound, which a data: address may be too; without it there is no player.
        theme: light or dark; the reader's own where it is empty.
        first: where the player stands at first, in seconds.
        scrolls: the transcript scrolls in a box, as it does beside other things on a screen.
    """
    rows: list[Mapping[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in segments.to_dict("records")
    ]
    return _PAGE.substitute(
        theme=theme,
        scheme=theme or "light dark",
        audio=f'<audio controls preload="metadata" src="{escape(audio)}"></audio>' if audio else "",
        waveform=_waveform(rows, seconds, envelope) + _quarters(),
        legend=_legend({row["tone"] for row in rows}),
        transcript="".join(_line(row) for row in rows),
        scrolls="scrolls" if scrolls else "",
        seconds=max(seconds, 0.001),
        width=_WIDTH,
        first=first,
    )


def _waveform(rows: list[Mapping[str, Any]], seconds: float, envelope: Envelope | None) -> str:
    if envelope is None:
        return "".join(
            f'<rect x="{_x(row["start_seconds"], seconds):.1f}" y="30" height="40" fill="{_colour(row["tone"])}" '
            f'width="{max(1.0, _x(row["end_seconds"] - row["start_seconds"], seconds)):.1f}"/>'
            for row in rows
        )
    highest = max(0.01, float(abs(envelope.lowest).max()), float(envelope.highest.max()))
    strokes: dict[str, list[str]] = {}
    at = iter(rows)
    row = next(at, None)
    for time, low, high in zip(envelope.times, envelope.lowest, envelope.highest, strict=True):
        while row is not None and row["end_seconds"] < time:
            row = next(at, None)
        spoken = row is not None and row["start_seconds"] <= time
        colour = _colour(row["tone"]) if row is not None and spoken else _UNKNOWN
        top, bottom = 50 - 46 * high / highest - 0.5, 50 - 46 * low / highest + 0.5
        strokes.setdefault(colour, []).append(f"M{_x(time, seconds):.1f} {top:.1f}V{bottom:.1f}")
    return "".join(
        f'<path d="{"".join(lines)}" stroke="{colour}" stroke-width="1.3" fill="none"/>'
        for colour, lines in strokes.items()
    )


def _x(time: float, seconds: float) -> float:
    return time / max(seconds, 0.001) * _WIDTH


def _quarters() -> str:
    return "".join(
        f'<line x1="{_WIDTH * quarter / 4}" x2="{_WIDTH * quarter / 4}" y1="0" y2="100" stroke="{_UNKNOWN}" '
        'stroke-dasharray="4 4" vector-effect="non-scaling-stroke"/>'
        for quarter in (1, 2, 3)
    )


def _legend(tones: set[Any]) -> str:
    named = [
        f'<span><i style="background:{TONE_COLOURS[tone]}"></i>{tone}</span>' for tone in TONE_COLOURS if tone in tones
    ]
    return "".join([*named, "<span>┆ quarters of the call</span>"])


def _line(row: Mapping[str, Any]) -> str:
    start, end = row["start_seconds"], row["end_seconds"]
    role = "" if row["speaker_role"] == "unknown" else f" ({row['speaker_role']})"
    parts = [f"{clock(start)} {row['speaker']}{role}"]
    if pd.notna(row["tone"]):
        parts.append(f"sounds {row['tone']}{' (?)' if row['tone_uncertain'] is True else ''}")
    if pd.notna(row["base_emotion"]):
        parts.append(f"says {row['base_emotion'].lower()}")
    if pd.notna(row["sentiment_score"]):
        parts.append(f"sentiment {row['sentiment_score']:+.2f}")
    marks = "".join(f'<span class="mark">{escape(mark)}</span>' for mark in _marks(row))
    return (
        f'<li data-start="{start:.2f}" data-end="{end:.2f}" style="--tone:{_colour(row["tone"])}"><button>'
        f"<small>{escape(' · '.join(parts))}{marks}</small>{escape(row['text'] or '…')}</button></li>"
    )


def _marks(row: Mapping[str, Any]) -> list[str]:
    marks = []
    if row["interrupts"] is True:
        marks.append("interrupts")
    if pd.notna(row["silence_before"]) and row["silence_before"] > _SILENCE_SECONDS:
        marks.append(f"after {row['silence_before']:.0f} s of silence")
    if row["masked"] is True:
        marks.append("voice against polite words")
    if isinstance(row["reasons"], str):
        marks.append(f"to review: {row['reasons'].replace('_', ' ')}")
    return marks


def _colour(tone: Any) -> str:
    return TONE_COLOURS.get(tone, _UNKNOWN) if isinstance(tone, str) else _UNKNOWN
