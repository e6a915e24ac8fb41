{%- set tones = ['angry', 'calm', 'disgust', 'fearful', 'happy', 'neutral', 'sad', 'surprised'] -%}

with

segments as (
    select * from {{ ref('stg_segments') }}
    where {{ is_of_the_run() }}
),

scores as (
    select * from {{ ref('stg_tone_scores') }}
    where {{ is_of_the_run() }}
),

judged as (
    select
        segments.recording_date,
        segments.recording_id,
        segments.file,
        segments.speaker,
        segments.start_seconds,
        segments.end_seconds,
        {% for tone in tones %}
        scores.probability_{{ tone }}{{ ',' if not loop.last }}
        {% endfor %}
    from segments
    inner join scores
        on segments.recording_date = scores.recording_date
        and segments.segment_id = scores.segment_id
),

-- A segment lasts half a minute at most: it lies in the minute of its start, or in that and the next one.
touched as (
    select *, cast(floor(start_seconds / 60) as bigint) as minute from judged
    union all
    select *, cast(floor(start_seconds / 60) as bigint) + 1 as minute from judged
),

parts as (
    select
        *,
        least(end_seconds, (minute + 1) * 60.0) - greatest(start_seconds, minute * 60.0) as part_seconds
    from touched
),

minutes as (
    select
        recording_date,
        recording_id,
        file,
        speaker,
        minute,
        sum(part_seconds) as spoken_seconds,
        {% for tone in tones %}
        sum(probability_{{ tone }} * part_seconds)
            / sum(case when probability_{{ tone }} is not null then part_seconds end) as probability_{{ tone }},
        {% endfor %}
        count(*) as segment_count
    from parts
    where part_seconds > 0
    group by recording_date, recording_id, file, speaker, minute
),

-- Where two tones are equally likely it is the first in the alphabet, as in the engine.
named as (
    select
        *,
        greatest(
            {% for tone in tones %}
            coalesce(probability_{{ tone }}, 0){{ ',' if not loop.last }}
            {% endfor %}
        ) as tone_probability
    from minutes
)

select
    recording_date,
    recording_id,
    file,
    speaker,
    minute,
    segment_count,
    cast(spoken_seconds as double) as spoken_seconds,
    case
        {% for tone in tones %}
        when probability_{{ tone }} = tone_probability then '{{ tone }}'
        {% endfor %}
    end as tone,
    tone_probability,
    {% for tone in tones %}
    probability_{{ tone }}{{ ',' if not loop.last }}
    {% endfor %}
from named
