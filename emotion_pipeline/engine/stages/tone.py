"""``tone_scores``: how every segment sounded.

A speaker's segments are judged relative to each other, so a recording is scored whole: when one of its segments is new,
all of them are scored again.
"""

from dataclasses import replace
from typing import Any

import pandas as pd

from emotion_pipeline.engine.audio.cut import cut
from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.stages.judgements import SEGMENT_KEY
from emotion_pipeline.engine.stages.reuse import FINGERPRINT, StageResult, complete
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.model import ToneModel
from emotion_pipeline.engine.transcribe.recording import channel_of
from emotion_pipeline.engine.types import Channel, Span, ToneScore

_SCORED = ("tone", "tone_probability", *(f"probability_{tone}" for tone in TONES))


def score_tone(
    segments: pd.DataFrame, previous: pd.DataFrame | None, model: ToneModel, store: AudioStore
) -> StageResult:
    """Return the tone of every segment; recordings whose segments are the same as last time are taken over."""
    spoken = ["audio_uri", "speaker", "start_seconds", "end_seconds"]
    wanted = segments[[*SEGMENT_KEY, *spoken]].assign(seconds=segments["end_seconds"] - segments["start_seconds"])
    result = complete(
        wanted,
        _whole_recordings(segments, previous, model.fingerprint),
        key="segment_id",
        made=_SCORED,
        fingerprint=model.fingerprint,
        compute=lambda missing: _score(missing, model, store),
        audio_seconds="seconds",
    )
    return replace(result, rows=result.rows.drop(columns=[*spoken, "seconds"]))


def _whole_recordings(segments: pd.DataFrame, previous: pd.DataFrame | None, fingerprint: str) -> pd.DataFrame | None:
    """Return the previous rows of recordings that have exactly the segments that are wanted now."""
    if previous is None:
        return None
    current = previous[previous[FINGERPRINT] == fingerprint]
    before = current.groupby("recording_id")["segment_id"].agg(frozenset).to_dict()
    now = segments.groupby("recording_id")["segment_id"].agg(frozenset).to_dict()
    unchanged = [recording for recording, ids in now.items() if before.get(recording) == ids]
    return current[current["recording_id"].isin(unchanged)]


def _score(segments: pd.DataFrame, model: ToneModel, store: AudioStore) -> pd.DataFrame:
    utterances: list[Channel] = []
    groups: list[str] = []
    keys: list[str] = []
    for audio_uri, rows in segments.groupby("audio_uri", sort=False):
        with store.audio_file(str(audio_uri)) as path:
            waveform = decode(path, keep_channels=True)
        for row in rows.to_dict("records"):
            channel = channel_of(waveform, row["speaker"])
            utterances.append(cut(channel, Span(row["start_seconds"], row["end_seconds"])))
            groups.append(f"{row['recording_id']}/{row['speaker']}")
            keys.append(row["segment_id"])
    scores = model.score(utterances, groups)
    return pd.DataFrame([{"segment_id": key} | _row(score) for key, score in zip(keys, scores, strict=True)])


def _row(score: ToneScore) -> dict[str, Any]:
    probabilities = {f"probability_{tone}": score.probabilities.get(tone) for tone in TONES}
    return {"tone": score.tone, "tone_probability": score.probability, **probabilities}
