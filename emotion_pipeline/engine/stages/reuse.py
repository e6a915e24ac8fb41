"""Work that is done is not done again: the rule that every stage shares.

A row of the last output is taken over when its key is still wanted and its fingerprint is the current one. Keys name
content (a recording by its bytes, a segment by its words and times), so an equal key means an equal input.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from emotion_pipeline.engine.text.tokens import words

FINGERPRINT = "model_fingerprint"


@dataclass(frozen=True, slots=True)
class StageResult:
    """A stage's rows, and how many of them were computed now and how many taken over.

    Rows that follow from the inputs by a rule, with no model and no listening, count as neither.
    """

    rows: pd.DataFrame
    computed: int
    reused: int
    # Audio that went through a model in this call, for the real-time factor.
    seconds_of_audio: float = 0.0
    # Words of text that went through a model in this call.
    words: int = 0


def complete(
    wanted: pd.DataFrame,
    previous: pd.DataFrame | None,
    *,
    key: str,
    made: Sequence[str],
    fingerprint: str,
    compute: Callable[[pd.DataFrame], pd.DataFrame],
    audio_seconds: str | None = None,
    text: str | None = None,
) -> StageResult:
    """Return ``wanted`` with the columns ``made`` and the fingerprint added.

    ``compute`` is given the rows of ``wanted`` that cannot be taken over, at least one, and returns a frame with
    ``key`` and ``made`` for each of them. ``audio_seconds`` names the column of ``wanted`` that holds the length of a
    row's audio, where computing means listening; ``text`` the one of its words, where it means reading. Order and other
    columns of ``wanted`` stay as they are.
    """
    done = _still_valid(previous, key, made, fingerprint)
    missing = wanted[~wanted[key].isin(done[key])]
    fresh = compute(missing)[[key, *made]] if len(missing) else done.iloc[:0]
    known = pd.concat([done.astype(object), fresh.astype(object)], ignore_index=True).infer_objects()
    rows = wanted.astype({key: object}).merge(known.drop_duplicates(key), on=key, how="left", validate="many_to_one")
    rows[FINGERPRINT] = fingerprint
    heard = float(missing[audio_seconds].sum()) if audio_seconds else 0.0
    read = sum(len(words(str(one))) for one in missing[text]) if text else 0
    return StageResult(rows, len(missing), len(wanted) - len(missing), heard, read)


def _still_valid(previous: pd.DataFrame | None, key: str, made: Sequence[str], fingerprint: str) -> pd.DataFrame:
    columns = [key, *made]
    if previous is None:
        return pd.DataFrame({column: pd.Series(dtype=object) for column in columns})
    return previous.loc[previous[FINGERPRINT] == fingerprint, columns]
