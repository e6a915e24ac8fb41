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
from emotion_pipeline.engine.stages.conversation_metrics import fingerprint as measurement
from emotion_pipeline.engine.stages.conversation_metrics import measure
from emotion_pipeline.engine.stages.emotion_labels import label_emotions
from emotion_pipeline.engine.stages.linguistic_features import describe
from emotion_pipeline.engine.stages.raw_audio import take_in
from emotion_pipeline.engine.stages.segments import FINGERPRINT as SEGMENTATION
from emotion_pipeline.engine.stages.segments import segment
from emotion_pipeline.engine.stages.sentiment_scores import score_sentiment
from emotion_pipeline.engine.stages.tone_scores import score_tone
from emotion_pipeline.engine.stages.tone_sentiment import RULE, compare
from emotion_pipeline.engine.stages.transcripts import transcribe
from emotion_pipeline.engine.transcribe.checkpoints import Checkpoints


@dataclass(frozen=True, slots=True)
class Analysis:
    """The rows of every table for the recordings that were analysed, columns as in ``engine.stages.tables``."""

    raw_audio: pd.DataFrame
    transcripts: pd.DataFrame
    segments: pd.DataFrame
    linguistic_features: pd.DataFrame
    tone_scores: pd.DataFrame
    sentiment_scores: pd.DataFrame
    emotion_labels: pd.DataFrame
    tone_sentiment: pd.DataFrame
    conversation_metrics: pd.DataFrame


def fingerprint(backends: Backends) -> str:
    """Return what an analysis depends on besides the recording: rules and models of all stages. Loads no weights."""
    models = (backends.transcript_maker, backends.features, backends.tone, backends.sentiment, backends.emotion)
    rules = (INSPECTION, SEGMENTATION, RULE, measurement(backends.roles_by_channel))
    return "\n".join((*rules, *(model.fingerprint for model in models)))


def analyse(
    day: str,
    recordings: Sequence[FoundRecording],
    sources: Sources,
    backends: Backends,
    store: AudioStore,
    *,
    on_stage: Callable[[str], None] = lambda _stage: None,
    checkpoints: Callable[[str], Checkpoints] | None = None,
) -> Analysis:
    """Take recordings through all stages. A recording that cannot be read becomes a rejected row, never an error.

    :param on_stage: told the name of each stage before it begins: taking_in, transcribing, judging
    :param checkpoints: where unfinished transcriptions are kept, see ``transcripts.transcribe``; None keeps none
    """
    on_stage("taking_in")
    raw_audio = take_in(day, recordings, None, store, sources, backends.redactor).rows
    on_stage("transcribing")
    transcripts = transcribe(raw_audio, None, backends.transcript_maker, store, checkpoints).rows
    on_stage("judging")
    segments = segment(transcripts).rows
    features = describe(segments, None, backends.features).rows
    tone_scores = score_tone(segments, None, backends.tone, store).rows
    emotions = label_emotions(segments, features, None, backends.emotion).rows
    sentiment = score_sentiment(segments, None, backends.sentiment, emotions).rows
    compared = compare(transcripts, segments, tone_scores, sentiment, emotions).rows
    metrics = measure(transcripts, segments, tone_scores, sentiment, None, store, backends.roles_by_channel).rows
    return Analysis(raw_audio, transcripts, segments, features, tone_scores, sentiment, emotions, compared, metrics)
