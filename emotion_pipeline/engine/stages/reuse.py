"""Reuse of finished work: the rule that every stage shares.

A row of the last output is reused when its key is still requested and its fingerprint is the current one. Keys name
content (a recording by its bytes, a segment by its words and times), so an equal key means an equal input.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd

from emotion_pipeline.engine.stages.tables import FINGERPRINT_COLUMN, Table
from emotion_pipeline.engine.text.tokens import words

SEGMENT_KEY = ["recording_date", "recording_id", "segment_id"]


@dataclass(frozen=True, slots=True)
class StageResult:
    """A stage's rows, and how many of them were computed now and how many reused.

    Rows that follow from the inputs by a rule, with no model and no listening, count as neither.
    """

    rows: pd.DataFrame
    computed: int
    reused: int
    # Audio that went through a model in this call, for the real-time factor.
    seconds_of_audio: float = 0.0
    # Words of text that went through a model in this call.
    words: int = 0
    # Files of the day's folder that are no recordings and have no row, in order of name.
    no_recordings: tuple[str, ...] = ()


def complete(
    inputs: pd.DataFrame,
    previous: pd.DataFrame | None,
    table: Table,
    fingerprint: str,
    compute: Callable[[pd.DataFrame], pd.DataFrame],
    *,
    key: str = "segment_id",
    audio_seconds: str | None = None,
    text: str | None = None,
) -> StageResult:
    """Return the rows of ``table`` for ``inputs``, in their order: reused where possible, else computed.

    ``inputs`` holds the columns of the table that are handed on, and whatever else ``compute`` needs. All other columns
    of the table are made.

    :param previous: the last rows of the table, None where there are none
    :param compute: takes the rows of ``inputs`` that cannot be reused, at least one, and returns ``key`` and the made
        columns for each of them
    :param audio_seconds: the column of ``inputs`` with the length of a row's audio, where computing means listening
    :param text: the column of ``inputs`` with the words of a row, where computing means reading
    """
    columns = [name for name in table.column_names if name not in inputs and name != FINGERPRINT_COLUMN]
    reusable = _reusable(previous, [key, *columns], fingerprint)
    missing = inputs[~inputs[key].isin(reusable[key])]
    computed = compute(missing)[[key, *columns]] if len(missing) else reusable.iloc[:0]
    made = pd.concat([reusable.astype(object), computed.astype(object)], ignore_index=True).infer_objects()
    rows = inputs.astype({key: object}).merge(made.drop_duplicates(key), on=key, how="left", validate="many_to_one")
    rows[FINGERPRINT_COLUMN] = fingerprint
    seconds = float(missing[audio_seconds].sum()) if audio_seconds else 0.0
    word_count = sum(len(words(str(value))) for value in missing[text]) if text else 0
    return StageResult(rows[list(table.column_names)], len(missing), len(inputs) - len(missing), seconds, word_count)


def complete_by_segment(
    segments: pd.DataFrame,
    previous: pd.DataFrame | None,
    table: Table,
    fingerprint: str,
    compute: Callable[[pd.DataFrame], pd.DataFrame],
) -> StageResult:
    """Return the rows of a table that is made from the words of segments; see ``complete``."""
    return complete(segments[[*SEGMENT_KEY, "text", "language"]], previous, table, fingerprint, compute, text="text")


def is_read(language: Any, languages: Collection[str]) -> bool:
    """Tell whether words in a language can be read by a model of ``languages``; where nobody told, they are tried."""
    code = value_or_none(language)
    return code is None or code in languages


def value_or_none(value: Any) -> Any:
    """Return the value of a cell, None where a frame marks it as missing."""
    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value


def _reusable(previous: pd.DataFrame | None, columns: list[str], fingerprint: str) -> pd.DataFrame:
    if previous is None:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
    return previous.loc[previous[FINGERPRINT_COLUMN] == fingerprint, columns]
