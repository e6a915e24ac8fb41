"""``raw_audio``: the recordings of a day, inspected and copied."""

import dagster as dg

from emotion_pipeline.assets.figures import share
from emotion_pipeline.assets.table_asset import Batch, previous_rows, table_asset
from emotion_pipeline.engine.stages.raw_audio import take_in
from emotion_pipeline.engine.stages.tables import RAW_AUDIO
from emotion_pipeline.resources.launch import Launch
from emotion_pipeline.resources.models import Models
from emotion_pipeline.resources.recordings import RecordingSource
from emotion_pipeline.warehouse.base import Warehouse
from emotion_pipeline.warehouse.files import Files


@table_asset(RAW_AUDIO, group="recordings")
def raw_audio(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    files: dg.ResourceParam[Files],
    recordings: RecordingSource,
    models: Models,
    launch: Launch,
) -> Batch:
    day_recordings = recordings.recordings(context.partition_key)
    taken_in = day_recordings[: launch.max_recordings]
    result = take_in(
        context.partition_key,
        taken_in,
        previous_rows(context, warehouse),
        files,
        recordings.sources,
        models.backends.redactor,
    )
    rows = result.rows
    reasons = rows["reason"].dropna().value_counts().to_dict()
    return Batch(
        result,
        preview=("file", "status", "reason", "seconds", "sample_rate_hz", "channels", "warnings"),
        metadata={
            "recordings": int((rows["status"] == "accepted").sum()),
            "audio_seconds_accepted": float(rows.loc[rows["status"] == "accepted", "seconds"].sum()),
            "rejected": int((rows["status"] == "rejected").sum()),
            **share("rejected", rows["status"] == "rejected"),
            "left_out": len(day_recordings) - len(taken_in),
            "no_recordings": dg.MetadataValue.json(list(result.no_recordings)),
            "reject_reasons": dg.MetadataValue.json({str(reason): int(count) for reason, count in reasons.items()}),
        },
    )
