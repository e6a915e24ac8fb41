"""Pictures for the UI: drawn with matplotlib, small, embedded in Markdown metadata."""

import base64
import io
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg
import numpy as np
import pandas as pd

from emotion_pipeline.engine.audio.envelope import Envelope
from emotion_pipeline.engine.tone.labels import TONE_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def segments_on_waveforms(recordings: Sequence[tuple[str, Envelope, pd.DataFrame]]) -> dg.MarkdownMetadataValue:
    """Draw each recording's waveform with its segments coloured by tone.

    Args:
        recordings: name, envelope, and segments with ``start_seconds``, ``end_seconds`` and ``tone``.
    """
    figure, axes = _rows_of_axes([name for name, _, _ in recordings], 0.95)
    for axis, (_, envelope, segments) in zip(axes, recordings, strict=True):
        axis.fill_between(envelope.times, envelope.lowest, envelope.highest, color="#34495e", linewidth=0)
        for segment in segments.to_dict("records"):
            colour = TONE_COLOURS[segment["tone"]]
            axis.axvspan(segment["start_seconds"], segment["end_seconds"], color=colour, alpha=0.35)
        axis.set(xlim=(0, envelope.seconds))
    _add_legend(figure, {tone for _, _, segments in recordings for tone in segments["tone"]}, alpha=0.35)
    return _as_markdown(figure, "waveform and tone of each segment")


def tone_by_speaker(voices: Sequence[tuple[str, pd.DataFrame]], step_seconds: float) -> dg.MarkdownMetadataValue:
    """Draw how each voice sounded over time: a bar a step, divided by the mean probabilities of the tones.

    Args:
        voices: name, and rows of ``tone.timeline.tone_timeline`` of one speaker of one recording.
        step_seconds: length of their steps.
    """
    figure, axes = _rows_of_axes([name for name, _ in voices], 0.75)
    tones = [tone for tone in TONE_COLOURS if any(rows[f"probability_{tone}"].notna().any() for _, rows in voices)]
    end = max(rows["start_seconds"].max() for _, rows in voices) + step_seconds
    for axis, (_, rows) in zip(axes, voices, strict=True):
        below = np.zeros(len(rows))
        for tone in tones:
            height = rows[f"probability_{tone}"].fillna(0.0).to_numpy()
            axis.bar(rows["start_seconds"], height, step_seconds, below, align="edge", color=TONE_COLOURS[tone])
            below += height
        axis.set(xlim=(0, end), ylim=(0, 1))
    _add_legend(figure, tones)
    return _as_markdown(figure, "tone of each speaker over time")


def _rows_of_axes(names: Sequence[str], height: float) -> tuple["Figure", list["Axes"]]:
    """Return a figure with one plot over seconds per name, ``height`` inches each."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.6 + height * len(names)), layout="constrained")
    axes = figure.subplots(len(names), 1, squeeze=False)[:, 0]
    for axis, name in zip(axes, names, strict=True):
        axis.set(yticks=[])
        axis.set_title(name, fontsize=8, loc="left", pad=2)
        axis.tick_params(labelsize=7)
    axes[-1].set_xlabel("seconds", fontsize=8)
    return figure, list(axes)


def _add_legend(figure: "Figure", tones: Collection[str], alpha: float = 1.0) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(color=TONE_COLOURS[tone], alpha=alpha, label=tone) for tone in TONE_COLOURS if tone in tones]
    figure.legend(handles=handles, loc="outside upper right", ncols=8, fontsize=7, frameon=False)


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


def _as_markdown(figure: "Figure", title: str) -> dg.MarkdownMetadataValue:
    image = io.BytesIO()
    figure.savefig(image, format="png", dpi=90)
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(image.getvalue()).decode()})")
