"""All stages one after the other, in memory: what the command line and the Python API run on a few recordings.

The pipeline runs the same stages as assets, with storage, gates and reuse around each; both give the same rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from emotion_pipeline.engine.audio.inspect import FINGERPRINT as INSPECTION
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.backends import Backends
from emotion_pipeline.engine.sources.base import FoundRecording
from emotion_pipeline.engine.sources.router import Sources
from emotion_pipeline.engine.stages import raw_audio as recordings
from emotion_pipeline.engine.stages import segment_scores as judgements
from emotion_pipeline.engine.stages import tone_scores as tone
from emotion_pipeline.engine.stages import tone_sentiment as result
from emotion_pipeline.engine.stages import transcripts as words
from emotion_pipeline.engine.text.segmentation import FINGERPRINT as SEGMENTATION
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints


@dataclass(frozen=True, slots=True)
class Analysis:
    """The rows of every table for the recordings that were analysed, columns as in ``schema.tables``."""

    raw_audio: pd.DataFrame
    transcripts: pd.DataFrame
    segments: pd.DataFrame
    linguistic_features: pd.DataFrame
    tone_scores: pd.DataFrame
    sentiment_scores: pd.DataFrame
    emotion_labels: pd.DataFrame
    tone_sentiment: pd.DataFrame


def fingerprint(backends: Backends) -> str:
    """Return what an analysis depends on besides the recording: rules and models of all stages. Loads no weights."""
    models = (backends.listener, backends.features, backends.tone, backends.sentiment, backends.emotion)
    return "\n".join((INSPECTION, SEGMENTATION, result.RULE, *(one.fingerprint for one in models)))


def analyse(
    day: str,
    found: Sequence[FoundRecording],
    sources: Sources,
    backends: Backends,
    store: AudioStore,
    *,
    on_stage: Callable[[str], None] = lambda _stage: None,
    checkpoints: Callable[[str], Checkpoints] | None = None,
) -> Analysis:
    """Take recordings through all stages. A recording that cannot be read becomes a rejected row, never an error.

    :param on_stage: told the name of each stage before it begins: taking_in, transcribing, judging
    :param checkpoints: where unfinished transcriptions are kept, see ``words.transcribe``; None keeps none
    """
    on_stage("taking_in")
    raw_audio = recordings.take_in(day, found, None, store, sources).rows
    on_stage("transcribing")
    transcripts = words.transcribe(raw_audio, None, backends.listener, store, checkpoints).rows
    on_stage("judging")
    segments = words.segment(transcripts).rows
    features = judgements.describe(segments, None, backends.features).rows
    tone_scores = tone.score_tone(segments, None, backends.tone, store).rows
    emotions = judgements.label_emotions(segments, features, None, backends.emotion).rows
    sentiment = judgements.score_sentiment(segments, None, backends.sentiment, emotions).rows
    compared = result.compare(transcripts, segments, tone_scores, sentiment, emotions).rows
    return Analysis(raw_audio, transcripts, segments, features, tone_scores, sentiment, emotions, compared)
