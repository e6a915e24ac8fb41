"""The questions that people ask of the marts, each one statement of SQL, and the connection that answers them.

A statement takes its values as named parameters. ``build_of`` changes with every build of the marts: who keeps answers
keeps them under it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd

from emotion_pipeline.engine.common.errors import EmotionPipelineError


class MartsError(EmotionPipelineError):
    """Marts that cannot be asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which calls and segments count: days from ``first`` to ``last``, both included; an empty tuple means all.

    ``attributes`` are those of ``ATTRIBUTES``, as in ``queue: sales``: a call counts that has one of them.
    ``certain`` leaves out segments of which a model said that it is not sure.
    """

    first: date | None = None
    last: date | None = None
    channels: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    certain: bool = False

    def before(self) -> "Filters | None":
        """Return the period of equal length that ends where this one begins; None where it has no beginning or end."""
        if self.first is None or self.last is None:
            return None
        days = self.last - self.first + timedelta(days=1)
        return replace(self, first=self.first - days, last=self.first - timedelta(days=1))

    def parameters(self) -> dict[str, Any]:
        return {
            "first": self.first,
            "last": self.last,
            "channels": list(self.channels),
            "attributes": list(self.attributes),
            "roles": list(self.roles),
            "certain": self.certain,
        }


# The bounds of a period, so that days outside of it are not even read.
_IN_PERIOD: Final = """recording_date between coalesce($first::date, date '0001-01-01')
    and coalesce($last::date, date '9999-12-31')"""
# Columns of a manifest, each as its name and value.
_NAMED: Final = (
    "list_transform(json_keys(attributes), lambda name: name || ': ' || json_extract_string(attributes, name))"
)
_CALLS: Final = f"""
select * from fct_calls
where {_IN_PERIOD}
    and (len($channels::varchar[]) = 0 or list_contains($channels::varchar[], coalesce(channel_name, 'none')))
    and (len($attributes::varchar[]) = 0 or list_has_any($attributes::varchar[], {_NAMED}))
"""
_CHOSEN_CALLS: Final = f"select recording_date, recording_id, hour_of_day, sentiment_score from ({_CALLS})"
# A segment counts where its call is of the period and the channel, and its speaker has one of the roles.
_SEGMENTS: Final = f"""
with roles as (
    select distinct recording_date, recording_id, speaker, speaker_role from fct_turns where {_IN_PERIOD}
),

said as (from fct_segments where {_IN_PERIOD})

select said.recording_date, said.recording_id, said.duration_seconds, said.word_count, said.tone, said.tone_uncertain,
    said.base_emotion, said.uncertain, said.sentiment_score, said.masked
from said
inner join calls using (recording_date, recording_id)
left join roles using (recording_date, recording_id, speaker)
where (len($roles::varchar[]) = 0 or list_contains($roles::varchar[], coalesce(roles.speaker_role, 'unknown')))
    and (not $certain or not (coalesce(said.uncertain, true) or coalesce(said.tone_uncertain, true)))
"""

# Of the calls and segments that are chosen: to be asked by ``ask_of_chosen``.
_FIGURES: Final = """
    count(distinct (recording_date, recording_id)) as calls,
    coalesce(sum(duration_seconds), 0) / 60 as spoken_minutes,
    count(*) as segments,
    avg((sentiment_score < 0)::int) as share_negative,
    avg((masked and tone = 'angry')::int) as share_masked_anger,
    sum(sentiment_score * word_count) / nullif(sum(word_count) filter (where sentiment_score is not null), 0)
        as mean_sentiment,
    avg((coalesce(uncertain, false) or coalesce(tone_uncertain, false))::int) as share_uncertain
"""
OVERVIEW: Final = f"select {_FIGURES} from segments"
BY_DAY: Final = f"select recording_date, {_FIGURES} from segments group by recording_date order by recording_date"
TONES_BY_DAY: Final = """
select recording_date, tone, sum(duration_seconds) / 60 as minutes from segments
where tone is not null group by all order by recording_date, tone
"""
EMOTIONS: Final = """
select base_emotion, count(*) as segments from segments where base_emotion is not null group by all order by 2 desc
"""
BY_HOUR: Final = """
select hour_of_day, count(*) as calls, avg(sentiment_score) as sentiment_score from calls
where hour_of_day is not null group by all order by hour_of_day
"""

# Of the marts as they are: to be asked by ``ask``.
EXTENT: Final = "select min(recording_date) as first, max(recording_date) as last from fct_recordings"
CHANNELS: Final = "select distinct coalesce(channel_name, 'none') as channel_name from fct_calls order by 1"
# Of the columns of manifests those with few values: a queue, an agent, and not the number of a call.
ATTRIBUTES: Final = f"""
with named as (select distinct unnest({_NAMED}) as attribute from fct_calls where attributes is not null)

select attribute from named
qualify count(*) over (partition by split_part(attribute, ': ', 1)) <= 50
order by attribute
"""
# A call is found where a name of it or what was said in it has the words searched for.
_FOUND: Final = f"""
with calls as ({_CALLS}),

found as (
    select * from calls
    where $search = '' or contains(lower(concat_ws(' ', file, title, channel_name)), lower($search))
        or exists (
            from fct_segments as said
            where {_IN_PERIOD} and said.recording_date = calls.recording_date and said.recording_id = calls.recording_id
                and contains(lower(said.text), lower($search))
        )
)
"""
CALLS_FOUND: Final = f"{_FOUND} select count(*) as calls from found"
_ORDERS: Final = {
    "Escalated first": "coalesce(escalated, false) desc, sentiment_score nulls last",
    "Most negative": "sentiment_score nulls last",
    "Newest": "recording_date desc, hour_of_day desc nulls last",
    "Masked anger": "masked_anger_segments desc nulls last",
    "Most interruptions": "interruptions desc nulls last",
    "Longest silence": "longest_non_talk_seconds desc nulls last",
    "Longest": "recording_seconds desc",
}
# By what comes first; ``$rows`` of them (null: all) after those that are ``$skipped``.
CALLS: Final[Mapping[str, str]] = {
    name: f"""{_FOUND}
select recording_date, file, title, channel_name, recording_seconds, speaker_count, emotion as tone, sentiment_score,
    sentiment_trend, tone_sentiment_match, masked_anger_segments, escalated, ends_negative, interruptions,
    longest_non_talk_seconds, talk_ratio, recording_id
from found order by {order}, recording_date desc, file limit $rows offset $skipped
"""
    for name, order in _ORDERS.items()
}
CALL: Final = "from fct_calls where recording_id = $recording_id and recording_date = $day"
# With try_cast: what stands in the address of a browser may be anything.
CALL_NAMED: Final = """
select file from fct_calls where recording_id = $recording_id and recording_date = try_cast($day as date)
"""
FIND_CALL: Final = """
select recording_date, recording_id from fct_calls
where starts_with(recording_id, $name) or file = $name or recording_date || '/' || file = $name
order by recording_date desc
"""
SEGMENTS: Final = """
with roles as (
    select distinct speaker, speaker_role from fct_turns where recording_id = $recording_id and recording_date = $day
),

queue as (
    select segment_id, reasons, priority from review_queue
    where recording_id = $recording_id and recording_date = $day
)

select segment_id, segment_index, speaker, coalesce(speaker_role, 'unknown') as speaker_role, start_seconds,
    end_seconds, text, tone, tone_probability, tone_uncertain, base_emotion, sub_emotion, sentiment_score, masked,
    leaking, reasons, priority,
    lag(speaker) over line is distinct from speaker and start_seconds < lag(end_seconds) over line as interrupts,
    start_seconds - max(end_seconds) over (
        order by segment_index rows between unbounded preceding and 1 preceding
    ) as silence_before
from fct_segments
left join roles using (speaker)
left join queue using (segment_id)
where recording_id = $recording_id and recording_date = $day
window line as (order by segment_index)
order by segment_index
"""
QUEUE: Final = "from review_queue order by priority desc, recording_date desc, segment_id"
REJECTS: Final = """
select recording_date, file, status, reason, detail from fct_recordings
where status <> 'accepted' order by recording_date desc, file
"""
REASONS: Final = """
select reason, count(*) as files from fct_recordings where status <> 'accepted' group by all order by 2 desc, 1
"""
FILES: Final = """
select file, status, reason, detail from fct_recordings where recording_date = $day order by file
"""
QUALITY_BY_DAY: Final = """
select recording_date, recordings_found, recordings_accepted, recordings_rejected, recordings_duplicate,
    recordings_rejected / recordings_found as share_rejected, share_uncertain, share_tone_uncertain,
    mean_sentiment_score
from daily_tone_sentiment order by recording_date
"""
CONFIDENCE: Final = """
select recording_date, avg(tone_probability) as tone, avg(base_probability) as emotion,
    avg(mean_word_probability) as words
from fct_segments group by all order by recording_date
"""
MODELS: Final = """
unpivot (
    select recording_date, transcriber_fingerprint as transcriber, tone_fingerprint as tone,
        sentiment_fingerprint as sentiment, emotion_fingerprint as emotion
    from fct_segments
) on transcriber, tone, sentiment, emotion into name task value model
"""
MODELS_BY_DAY: Final = f"""
select task, model, min(recording_date) as first_day, max(recording_date) as last_day, count(*) as segments
from ({MODELS}) group by all order by task, last_day desc
"""
COSTS: Final = """
select table_name, sum(runs)::bigint as runs, sum(rows_computed)::bigint as rows_computed,
    sum(rows_reused)::bigint as rows_reused, sum(wall_seconds) as wall_seconds, sum(model_seconds) as model_seconds,
    sum(audio_hours) as audio_hours, sum(token_count)::bigint as token_count
from fct_costs group by all order by wall_seconds desc
"""
AGREEMENT: Final = """
select count(*) as reviews, avg((tone = model_tone)::int) as tone_agrees, avg((emotion = model_emotion)::int)
    as emotion_agrees from fct_reviews
"""
# How sure the model was, in fifths, beside how often people who listened said the same.
CALIBRATION: Final = """
select least(floor(tone_probability * 5), 4) / 5 as surer_than, count(*) as reviews,
    avg(tone_probability) as model_says, avg((fct_reviews.tone = model_tone)::int) as people_agree
from fct_reviews inner join fct_segments using (recording_date, segment_id)
where fct_reviews.tone is not null and tone_probability is not null
group by all order by surer_than
"""


def build_of(marts: Path) -> str:
    """Return what tells one build of the marts from the next; raises MartsError where there are none."""
    try:
        state = marts.stat()
    except FileNotFoundError as error:
        raise MartsError(f"{marts} is not there; build the marts: make demo, or dg launch --job marts_only") from error
    return f"{state.st_ino}-{state.st_mtime_ns}-{state.st_size}"


def ask(marts: Path, sql: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
    """Return the rows that a statement gives. The file is opened read-only, and closed again: a build may replace it.

    Raises MartsError where there are no marts, or those of another version, which lack what is asked for.
    """
    with _opened(marts) as connection:
        return connection.execute(sql, _named_in(sql, parameters or {})).df()


def ask_of_chosen(marts: Path, statements: Sequence[str], *chosen: Filters) -> list[list[pd.DataFrame]]:
    """Return what each statement says of the ``calls`` and ``segments`` that are chosen, for each choice.

    They are looked up once, and the file is opened once. Raises MartsError as ``ask`` does.
    """
    with _opened(marts) as connection:
        return [_asked(connection, statements, choice.parameters()) for choice in chosen]


def _asked(
    connection: duckdb.DuckDBPyConnection, statements: Sequence[str], parameters: Mapping[str, Any]
) -> list[pd.DataFrame]:
    for name, sql in (("calls", _CHOSEN_CALLS), ("segments", _SEGMENTS)):
        connection.execute(f"create or replace temp table {name} as {sql}", _named_in(sql, parameters))
    return [connection.execute(statement).df() for statement in statements]


@contextmanager
def _opened(marts: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    build_of(marts)
    with duckdb.connect(str(marts), read_only=True) as connection:
        try:
            yield connection
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            reason = str(error).splitlines()[0]
            raise MartsError(f"{marts} was built by another version ({reason}); build the marts anew") from error


def _named_in(sql: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that the statement names: DuckDB refuses others."""
    return {name: value for name, value in parameters.items() if f"${name}" in sql}


def find_call(marts: Path, name: str) -> tuple[date, str]:
    """Return day and id of the newest call of this id, the beginning of one, file, or day/file; or raise MartsError."""
    found = ask(marts, FIND_CALL, {"name": name})
    if found.empty:
        raise MartsError(f"{name} is no call of the marts in {marts}; name its id, its file, or its day/file")
    if found["recording_id"].nunique() > 1:
        raise MartsError(
            f"{name} may be {len(found)} calls of the marts in {marts}; name the day/file, or more of the id"
        )
    return found["recording_date"].iloc[0].date(), str(found["recording_id"].iloc[0])
