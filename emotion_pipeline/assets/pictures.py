"""Pictures for the UI, where people would rather look than read: drawn with matplotlib, small, embedded in Markdown
metadata.
"""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import dagster as dg
import numpy as np
import pandas as pd

from emotion_pipeline.engine.types import SAMPLE_RATE, Channel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TONE_COLOURS: Final[Mapping[str, str]] = {
    "angry": "#c0392b",
    "calm": "#7fb3d5",
    "disgust": "#7d6608",
    "fearful": "#7d3c98",
    "happy": "#e5a50a",
    "neutral": "#909497",
    "sad": "#2e6da4",
    "surprised": "#17a589",
}
_COLUMNS: Final = 900
"""Points along a waveform: about one per pixel."""


def tone_timeline(recordings: Sequence[tuple[str, Channel, pd.DataFrame]]) -> dg.MarkdownMetadataValue:
    """Draw each recording's waveform with its segments coloured by tone.

    Args:
        recordings: name, samples, and segments with ``start_seconds``, ``end_seconds`` and ``tone``.
    """
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    figure = Figure(figsize=(9, 0.6 + 0.95 * len(recordings)), layout="constrained")
    axes = figure.subplots(len(recordings), 1, squeeze=False)[:, 0]
    shown: set[str] = set()
    for axis, (name, samples, segments) in zip(axes, recordings, strict=True):
        times, low, high = _envelope(samples)
        axis.fill_between(times, low, high, color="#34495e", linewidth=0)
        for segment in segments.to_dict("records"):
            axis.axvspan(
                segment["start_seconds"], segment["end_seconds"], color=TONE_COLOURS[segment["tone"]], alpha=0.35
            )
            shown.add(segment["tone"])
        axis.set(xlim=(0, len(samples) / SAMPLE_RATE), yticks=[])
        axis.set_title(name, fontsize=8, loc="left", pad=2)
        axis.tick_params(labelsize=7)
    axes[-1].set_xlabel("seconds", fontsize=8)
    handles = [Patch(color=TONE_COLOURS[tone], alpha=0.35, label=tone) for tone in TONE_COLOURS if tone in shown]
    figure.legend(handles=handles, loc="outside upper right", ncols=8, fontsize=7, frameon=False)
    return _as_markdown(figure, "waveform and tone of each segment")


def distribution(counts: Mapping[str, int], what: str = "segments") -> dg.MarkdownMetadataValue:
    """Draw how many of ``what`` have each value, as horizontal bars in the order given."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 0.5 + 0.3 * max(1, len(counts))), layout="constrained")
    axis = figure.subplots()
    bars = axis.barh(list(counts), list(counts.values()), color="#2e6da4")
    axis.bar_label(bars, fontsize=8, padding=3)
    axis.invert_yaxis()
    axis.set_xlabel(what, fontsize=8)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    return _as_markdown(figure, what)


def _envelope(samples: Channel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times in seconds, lowest and highest sample of up to ``_COLUMNS`` equal stretches."""
    width = max(1, -(-len(samples) // _COLUMNS))
    padded = np.pad(samples, (0, -len(samples) % width))
    stretches = padded.reshape(-1, width)
    times = (np.arange(len(stretches)) + 0.5) * width / SAMPLE_RATE
    return times, stretches.min(axis=1), stretches.max(axis=1)


def _as_markdown(figure: "Figure", title: str) -> dg.MarkdownMetadataValue:
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=90)
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(image.getvalue()).decode()})")
