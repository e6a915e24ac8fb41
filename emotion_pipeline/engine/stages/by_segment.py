"""What the stages that read segments share: taking over what is done, and the columns that name a segment."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd

from emotion_pipeline.engine.stages.reuse import StageResult, complete

SEGMENT_KEY = ["recording_date", "recording_id", "segment_id"]


def complete_by_segment(
    segments: pd.DataFrame,
    previous: pd.DataFrame | None,
    made: Sequence[str],
    fingerprint: str,
    compute: Callable[[pd.DataFrame], pd.DataFrame],
) -> StageResult:
    wanted = segments[[*SEGMENT_KEY, "text"]]
    result = complete(
        wanted, previous, key="segment_id", made=made, fingerprint=fingerprint, compute=compute, text="text"
    )
    return replace(result, rows=result.rows.drop(columns="text"))
