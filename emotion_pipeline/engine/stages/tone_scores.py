"""``tone_scores``: how every segment sounded.

A speaker's segments are scored relative to each other, so a recording is scored whole: when one of its segments is new,
all of them are scored again.
"""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from emotion_pipeline.engine.audio.cut import cuts
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.common.types import Channel, Span, ToneScore
from emotion_pipeline.engine.stages.reuse import SEGMENT_KEY, StageResult, complete
from emotion_pipeline.engine.stages.tables import FINGERPRINT_COLUMN, TONE_SCORES
from emotion_pipeline.engine.tone.base import ToneModel
from emotion_pipeline.engine.tone.labels import CERTAIN, TONES


def score_tone(
    segments: pd.DataFrame, previous: pd.DataFrame | None, model: ToneModel, store: AudioStore
) -> StageResult:
    """Return the tone of every segment; recordings whose segments are the same as last time are reused."""
    inputs = segments[[*SEGMENT_KEY, "audio_uri", "speaker", "channel", "start_seconds", "end_seconds"]]
    return complete(
        inputs.assign(seconds=segments["end_seconds"] - segments["start_seconds"]),
        _whole_recordings(segments, previous, model.fingerprint),
        TONE_SCORES,
        model.fingerprint,
        lambda missing: _score(missing, model, store),
        audio_seconds="seconds",
    )


def _whole_recordings(segments: pd.DataFrame, previous: pd.DataFrame | None, fingerprint: str) -> pd.DataFrame | None:
    """Return the previous rows of recordings that have exactly the segments that are requested now, and all columns."""
    if previous is None or not set(TONE_SCORES.column_names) <= set(previous.columns):
        return None
    current = previous[previous[FINGERPRINT_COLUMN] == fingerprint]
    before = current.groupby("recording_id")["segment_id"].agg(frozenset).to_dict()
    now = segments.groupby("recording_id")["segment_id"].agg(frozenset).to_dict()
    unchanged = [recording for recording, ids in now.items() if before.get(recording) == ids]
    return current[current["recording_id"].isin(unchanged)]


def _score(segments: pd.DataFrame, model: ToneModel, store: AudioStore) -> pd.DataFrame:
    ordered = segments.sort_values(["audio_uri", "start_seconds"], kind="stable")
    groups = (ordered["recording_id"] + "/" + ordered["speaker"]).tolist()
    scores = model.score(utterances(ordered, store), groups)
    return pd.DataFrame(
        [{"segment_id": key} | _row(score) for key, score in zip(ordered["segment_id"], scores, strict=True)]
    )


def utterances(ordered: pd.DataFrame, store: AudioStore) -> Iterator[Channel]:
    """Yield the audio of segments, one at a time: a recording may last for hours.

    :param ordered: audio_uri, channel, start_seconds and end_seconds of segments, by audio_uri and start
    """
    for audio_uri, rows in ordered.groupby("audio_uri", sort=False):
        spans = [Span(start, end) for start, end in zip(rows["start_seconds"], rows["end_seconds"], strict=True)]
        with store.audio_file(str(audio_uri)) as path:
            waveforms = cuts(stream(path, keep_channels=True), spans)
            for channel, waveform in zip(rows["channel"], waveforms, strict=True):
                yield waveform.mean(axis=0) if pd.isna(channel) else waveform[int(channel)]


def _row(score: ToneScore) -> dict[str, Any]:
    probabilities = {f"probability_{tone}": score.probabilities.get(tone) for tone in TONES}
    return {
        "tone": score.tone,
        "tone_probability": score.probability,
        **probabilities,
        "tone_uncertain": score.probability < CERTAIN,
        "valence": score.valence,
        "arousal": score.arousal,
    }
