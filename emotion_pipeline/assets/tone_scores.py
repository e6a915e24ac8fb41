"""``tone_scores``: how every segment sounded."""

from functools import partial
from typing import Final

import dagster as dg
import pandas as pd

from emotion_pipeline.assets.figures import mean, share, shares
from emotion_pipeline.assets.pictures import segments_on_waveforms, tone_by_speaker
from emotion_pipeline.assets.table_asset import Batch, previous_rows, table_asset
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.envelope import envelope_of
from emotion_pipeline.engine.stages.tables import TONE_SCORES
from emotion_pipeline.engine.stages.tone_scores import score_tone
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.timeline import tone_timeline
from emotion_pipeline.resources.gpu import POOL
from emotion_pipeline.resources.models import Models
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.files import Files

_PICTURED_RECORDINGS: Final = 6
_PICTURED_VOICES: Final = 10
_MOST_STEPS: Final = 60
_STEPS_SECONDS: Final = (5.0, 15.0, 60.0, 300.0, 900.0)


@table_asset(TONE_SCORES, group="tone", pool=POOL)
def tone_scores(
    context: dg.AssetExecutionContext,
    segments: pd.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    files: dg.ResourceParam[Files],
    models: Models,
) -> Batch:
    result = score_tone(segments, previous_rows(context, warehouse), models.backends.tone, files)
    rows = result.rows
    return Batch(
        result,
        preview=("segment_id", "tone", "tone_probability"),
        metadata={
            **share("uncertain", rows["tone_uncertain"]),
            **mean("confidence", rows["tone_probability"]),
            **shares(rows["tone"], TONES),
        },
        pictures={
            "waveforms": partial(_waveforms, segments, rows, files),
            "tone_by_speaker": partial(_by_speaker, segments, rows),
        }
        if len(rows)
        else {},
    )


def _waveforms(segments: pd.DataFrame, scores: pd.DataFrame, files: Files) -> dg.MarkdownMetadataValue:
    toned = segments.merge(scores[["segment_id", "tone"]], on="segment_id")
    pictured = []
    for (file, audio_uri), rows in list(toned.groupby(["file", "audio_uri"]))[:_PICTURED_RECORDINGS]:
        with files.audio_file(str(audio_uri)) as path:
            pictured.append((str(file), envelope_of(stream(path)), rows))
    return segments_on_waveforms(pictured)


def _by_speaker(segments: pd.DataFrame, scores: pd.DataFrame) -> dg.MarkdownMetadataValue:
    longest = segments["end_seconds"].max()
    step = next((step for step in _STEPS_SECONDS if longest <= step * _MOST_STEPS), _STEPS_SECONDS[-1])
    voices = list(tone_timeline(segments, scores, step).groupby(["file", "speaker"]))[:_PICTURED_VOICES]
    return tone_by_speaker([(f"{file}, {speaker}", rows) for (file, speaker), rows in voices], step)
