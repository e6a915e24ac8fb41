{{ config(meta={'dagster': {'ref': {'name': 'tone_timeline'}}}) }}

with

judged as (
    select
        segments.recording_date,
        segments.recording_id,
        sum(segments.duration_seconds) as seconds
    from {{ ref('stg_segments') }} as segments
    inner join {{ ref('stg_tone_scores') }} as scores
        on segments.recording_date = scores.recording_date
        and segments.segment_id = scores.segment_id
    group by segments.recording_date, segments.recording_id
),

timeline as (
    select
        recording_date,
        recording_id,
        sum(spoken_seconds) as seconds
    from {{ ref('tone_timeline') }}
    group by recording_date, recording_id
)

select
    judged.recording_date,
    judged.recording_id,
    judged.seconds,
    timeline.seconds as seconds_in_timeline
from judged
left join timeline
    on judged.recording_date = timeline.recording_date
    and judged.recording_id = timeline.recording_id
where abs(judged.seconds - coalesce(timeline.seconds, 0)) > 1e-6
