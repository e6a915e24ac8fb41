{# What each reason is worth, the strongest first. #}
{%- set weights = {
    'escalation': 0.5, 'negative_end': 0.45, 'tone_against_words': 0.4, 'unusual_for_speaker': 0.25, 'low_confidence': 0.2
} -%}

with

speakers as (
    select recording_date, recording_id, speaker, speaker_role, escalated from {{ ref('stg_conversation_metrics') }}
    where scope = 'speaker' and {{ is_of_the_run() }}
),

calls as (
    select recording_date, recording_id, recording_seconds, ends_negative from {{ ref('fct_calls') }}
    where {{ is_of_the_run() }}
),

places as (
    select recording_date, segment_id, audio_uri, channel from {{ ref('stg_segments') }}
    where {{ is_of_the_run() }}
),

reviewed as (
    select distinct recording_date, segment_id from {{ ref('fct_reviews') }}
    where {{ is_of_the_run() }}
),

segments as (
    select
        segments.*,
        places.audio_uri,
        places.channel,
        coalesce(speakers.speaker_role, 'unknown') as speaker_role,
        coalesce(speakers.escalated, false) as speaker_escalated,
        coalesce(calls.ends_negative, false)
            and segments.end_seconds > 0.75 * calls.recording_seconds
            and segments.sentiment_score is not null as at_a_negative_end,
        case when segments.tone = 'angry' then segments.tone_probability else 0 end as anger,
        count(*) over (partition by segments.recording_date, segments.recording_id, segments.speaker) as times,
        avg(segments.arousal) over (
            partition by segments.recording_date, segments.recording_id, segments.speaker
        ) as usual_arousal,
        stddev_samp(segments.arousal) over (
            partition by segments.recording_date, segments.recording_id, segments.speaker
        ) as spread_of_arousal
    from {{ ref('fct_segments') }} as segments
    inner join places
        on segments.recording_date = places.recording_date
        and segments.segment_id = places.segment_id
    left join speakers
        on segments.recording_date = speakers.recording_date
        and segments.recording_id = speakers.recording_id
        and segments.speaker = speakers.speaker
    left join calls
        on segments.recording_date = calls.recording_date
        and segments.recording_id = calls.recording_id
    where {{ is_of_the_run('segments.recording_date') }}
),

-- Of a call that escalates, or ends badly, one segment is enough to listen to.
ranked as (
    select
        *,
        row_number() over (
            partition by recording_date, recording_id, speaker_escalated
            order by anger desc, arousal desc, segment_index
        ) as place_in_anger,
        row_number() over (
            partition by recording_date, recording_id, at_a_negative_end
            order by sentiment_score, segment_index
        ) as place_in_sadness
    from segments
),

judged as (
    select
        *,
        speaker_escalated and place_in_anger = 1 as has_escalation,
        at_a_negative_end and place_in_sadness = 1 as has_negative_end,
        coalesce(masked, false) or coalesce(leaking, false) as has_tone_against_words,
        -- Of fewer segments nobody knows what is usual; two standard deviations are 1 of 20 in a normal distribution.
        coalesce(times >= 8 and abs(arousal - usual_arousal) > 2 * spread_of_arousal, false) as has_unusual_for_speaker,
        coalesce(uncertain and tone_uncertain and word_count >= 3, false) as has_low_confidence
    from ranked
),

reasoned as (
    select
        *,
        {% for reason in weights %}
        case when has_{{ reason }} then ', {{ reason }}' else '' end{{ ' ||' if not loop.last }}
        {% endfor %} as listed,
        {% for reason, weight in weights.items() %}
        case when has_{{ reason }} then {{ weight }} else 0 end{{ ' +' if not loop.last }}
        {% endfor %}
        -- Of equal reasons the one first of which the models are less sure.
        + 0.05 * (1 - coalesce(least(tone_probability, base_probability), 1)) as weight
    from judged
)

select
    reasoned.recording_date,
    reasoned.recording_id,
    reasoned.segment_id,
    reasoned.file,
    reasoned.audio_uri,
    reasoned.channel,
    reasoned.speaker,
    reasoned.speaker_role,
    reasoned.start_seconds,
    reasoned.end_seconds,
    reasoned.text,
    case
        {% for reason in weights %}
        when reasoned.has_{{ reason }} then '{{ reason }}'
        {% endfor %}
    end as reason,
    substr(reasoned.listed, 3) as reasons,
    cast(least(1.0, reasoned.weight) as double) as priority,
    reasoned.tone,
    reasoned.tone_probability,
    reasoned.base_emotion,
    reasoned.sentiment_score
from reasoned
left join reviewed
    on reasoned.recording_date = reviewed.recording_date
    and reasoned.segment_id = reviewed.segment_id
where reasoned.listed <> '' and reviewed.segment_id is null
