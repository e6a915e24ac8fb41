"""How each speaker of a recording sounded over time: segments and their tones, brought to steps of equal length.

Which tone a segment has is decided by a model; here is only arithmetic on tables. The mart ``tone_timeline`` does the
same by the minute for all recordings.
"""

from typing import Final

import pandas as pd

from emotion_pipeline.engine.tone.labels import PROBABILITY_COLUMNS, TONES

MINUTE: Final = 60.0
_PROBABILITIES: Final = [*PROBABILITY_COLUMNS]


def tone_timeline(segments: pd.DataFrame, scores: pd.DataFrame, step_seconds: float = MINUTE) -> pd.DataFrame:
    """Return one row per recording, speaker and step of time in which that speaker was heard, in this order.

    :param segments: rows of the table ``segments``
    :param scores: rows of the table ``tone_scores``; a segment without one takes no part
    :param step_seconds: length of a step, above 0; step ``n`` begins at ``n * step_seconds``
    :returns: ``recording_id``, ``file``, ``speaker``, ``step``, ``start_seconds`` of the step, ``spoken_seconds`` of
        the speaker in it, ``tone`` that is likeliest, and the mean of each ``probability_*``, every segment counting by
        its seconds in the step; null for a tone that the model does not know
    :raises ValueError: a step that is not longer than 0
    """
    if step_seconds <= 0:
        raise ValueError(f"a timeline with steps of {step_seconds} s: a step has to be longer than 0 s")
    spoken = segments[["recording_id", "file", "segment_id", "speaker", "start_seconds", "end_seconds"]]
    parts = _by_step(spoken.merge(scores[["segment_id", *_PROBABILITIES]], on="segment_id"), step_seconds)
    by = ["recording_id", "file", "speaker", "step"]
    seconds = parts["spoken_seconds"]
    weighted = parts[[*by, "spoken_seconds"]].join(parts[_PROBABILITIES].astype(float).mul(seconds, axis=0))
    rows = weighted.groupby(by, sort=True).sum(min_count=1).reset_index()
    rows[_PROBABILITIES] = rows[_PROBABILITIES].div(rows["spoken_seconds"], axis=0)
    rows.insert(len(by), "start_seconds", rows["step"] * step_seconds)
    likeliest = rows[_PROBABILITIES].fillna(-1.0).to_numpy().argmax(axis=1) if len(rows) else []
    rows.insert(len(by) + 2, "tone", [TONES[at] for at in likeliest])
    return rows


def _by_step(segments: pd.DataFrame, step_seconds: float) -> pd.DataFrame:
    """Return each segment once for every step that it touches, with its seconds in it."""
    first = (segments["start_seconds"] // step_seconds).astype(int)
    last = (segments["end_seconds"] // step_seconds).astype(int)
    steps = [list(range(start, end + 1)) for start, end in zip(first, last, strict=True)]
    parts = segments.assign(step=pd.Series(steps, index=segments.index, dtype=object)).explode(
        "step", ignore_index=True
    )
    step = parts["step"].astype(int)
    begins = parts["start_seconds"].clip(lower=step * step_seconds)
    ends = parts["end_seconds"].clip(upper=(step + 1) * step_seconds)
    parts = parts.assign(step=step, spoken_seconds=ends - begins)
    return parts[parts["spoken_seconds"] > 0]
