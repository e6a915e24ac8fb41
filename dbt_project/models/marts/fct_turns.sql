with

roles as (
    select recording_date, recording_id, speaker, speaker_role from {{ ref('stg_conversation_metrics') }}
    where scope = 'speaker' and {{ is_of_the_run() }}
),

places as (
    select recording_date, segment_id, audio_uri, channel from {{ ref('stg_segments') }}
    where {{ is_of_the_run() }}
),

segments as (
    select
        *,
        lag(speaker) over (partition by recording_date, recording_id order by segment_index) as speaker_before
    from {{ ref('fct_segments') }}
    where {{ is_of_the_run() }}
),

-- A turn is a run of segments of one speaker, with none of anybody else's between.
numbered as (
    select
        segments.*,
        places.audio_uri,
        places.channel,
        sum(case when segments.speaker = segments.speaker_before then 0 else 1 end) over (
            partition by segments.recording_date, segments.recording_id
            order by segments.segment_index
            rows between unbounded preceding and current row
        ) - 1 as turn_index
    from segments
    inner join places
        on segments.recording_date = places.recording_date
        and segments.segment_id = places.segment_id
),

turns as (
    select
        recording_date,
        recording_id,
        cast(turn_index as bigint) as turn_index,
        min(file) as file,
        min(audio_uri) as audio_uri,
        min(channel) as channel,
        min(speaker) as speaker,
        min(start_seconds) as start_seconds,
        max(end_seconds) as end_seconds,
        count(*) as segment_count,
        sum(word_count)::bigint as word_count,
        {{ dbt.listagg('text', "' '", 'order by segment_index') }} as text,
        max_by(tone, duration_seconds) as tone,
        max_by(tone_probability, duration_seconds) as tone_probability,
        sum(valence * duration_seconds)
            / nullif(sum(case when valence is not null then duration_seconds end), 0) as valence,
        sum(arousal * duration_seconds)
            / nullif(sum(case when arousal is not null then duration_seconds end), 0) as arousal,
        sum(sentiment_score * word_count)
            / nullif(sum(case when sentiment_score is not null then word_count end), 0) as sentiment_score,
        max(case when masked then 1 else 0 end) = 1 as masked
    from numbered
    group by recording_date, recording_id, turn_index
)

select
    turns.recording_date,
    turns.recording_id,
    turns.turn_index,
    turns.file,
    turns.audio_uri,
    turns.channel,
    turns.speaker,
    coalesce(roles.speaker_role, 'unknown') as speaker_role,
    turns.start_seconds,
    turns.end_seconds,
    turns.end_seconds - turns.start_seconds as duration_seconds,
    turns.start_seconds - max(turns.end_seconds) over (
        partition by turns.recording_date, turns.recording_id
        order by turns.turn_index
        rows between unbounded preceding and 1 preceding
    ) as gap_seconds,
    turns.segment_count,
    turns.word_count,
    turns.text,
    turns.tone,
    turns.tone_probability,
    turns.valence,
    turns.arousal,
    turns.sentiment_score,
    turns.masked
from turns
left join roles
    on turns.recording_date = roles.recording_date
    and turns.recording_id = roles.recording_id
    and turns.speaker = roles.speaker
