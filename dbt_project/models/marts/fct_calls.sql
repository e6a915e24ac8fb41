{%- set roles = ['agent', 'customer'] -%}

with

calls as (
    select * from {{ ref('stg_conversation_metrics') }}
    where scope = 'recording' and {{ is_of_the_run() }}
),

speakers as (
    select * from {{ ref('stg_conversation_metrics') }}
    where scope = 'speaker' and {{ is_of_the_run() }}
),

recordings as (
    select * from {{ ref('stg_raw_audio') }}
    where status = 'accepted' and {{ is_of_the_run() }}
),

transcripts as (
    select recording_date, recording_id, language from {{ ref('stg_transcripts') }}
    where {{ is_of_the_run() }}
),

results as (
    select * from {{ ref('stg_tone_sentiment') }}
    where scope = 'recording' and {{ is_of_the_run() }}
),

spoken as (
    select
        recording_date,
        recording_id,
        count(*) as segment_count,
        count(masked) as judged_segments,
        count(case when masked and tone = 'angry' then 1 end) as masked_anger_segments
    from {{ ref('fct_segments') }}
    where {{ is_of_the_run() }}
    group by recording_date, recording_id
),

-- Several speakers may share a role, as customers do in a call of three.
by_role as (
    select
        recording_date,
        recording_id,
        speaker_role,
        sum(talk_seconds) as talk_seconds,
        sum(talk_share) as talk_share,
        sum(word_count) as word_count,
        sum(interruptions)::bigint as interruptions,
        avg(response_delay_seconds) as response_delay_seconds,
        avg(loudness_lufs) as loudness_lufs,
        sum(sentiment_score * word_count)
            / nullif(sum(case when sentiment_score is not null then word_count end), 0) as sentiment_score,
        avg(sentiment_trend) as sentiment_trend
    from speakers
    group by recording_date, recording_id, speaker_role
),

measured as (
    select
        calls.recording_date,
        cast(date_trunc('week', calls.recording_date) as date) as recording_week,
        calls.recording_id,
        calls.file,
        recordings.title,
        recordings.channel_name,
        recordings.attributes,
        calls.audio_uri,
        calls.hour_of_day,
        calls.recording_seconds,
        transcripts.language,
        calls.speakers_by,
        calls.speaker_count,
        coalesce(spoken.segment_count, 0) as segment_count,
        calls.turns,
        calls.word_count,
        calls.talk_seconds,
        calls.talk_share,
        calls.non_talk_seconds,
        calls.longest_non_talk_seconds,
        calls.silence_count,
        calls.silence_seconds,
        calls.words_per_minute,
        calls.interruptions,
        calls.interruption_seconds,
        calls.response_delay_seconds,
        calls.loudness_lufs,
        calls.loudness_range_lu,
        results.emotion,
        results.emotion_score,
        calls.sentiment_score,
        {% for number in range(1, 5) %}
        calls.sentiment_q{{ number }},
        {% endfor %}
        calls.sentiment_trend,
        {% for number in range(1, 5) %}
        calls.tone_q{{ number }},
        {% endfor %}
        coalesce(calls.sentiment_q4, calls.sentiment_q3, calls.sentiment_q2, calls.sentiment_q1) as ending_sentiment,
        calls.anger_rise,
        calls.arousal_rise,
        calls.escalated,
        calls.recovered,
        results.tone_sentiment_match,
        results.masked_share,
        results.leaking_share,
        coalesce(spoken.judged_segments, 0) as judged_segments,
        coalesce(spoken.masked_anger_segments, 0) as masked_anger_segments
        {%- for role in roles %},
        {{ role }}.talk_seconds as {{ role }}_talk_seconds,
        {{ role }}.talk_share as {{ role }}_talk_share,
        {{ role }}.word_count / nullif({{ role }}.talk_seconds / 60.0, 0) as {{ role }}_words_per_minute,
        {{ role }}.interruptions as {{ role }}_interruptions,
        {{ role }}.response_delay_seconds as {{ role }}_response_delay_seconds,
        {{ role }}.loudness_lufs as {{ role }}_loudness_lufs,
        {{ role }}.sentiment_score as {{ role }}_sentiment_score,
        {{ role }}.sentiment_trend as {{ role }}_sentiment_trend
        {%- endfor %}
    from calls
    left join recordings
        on calls.recording_date = recordings.recording_date
        and calls.recording_id = recordings.recording_id
    left join transcripts
        on calls.recording_date = transcripts.recording_date
        and calls.recording_id = transcripts.recording_id
    left join results
        on calls.recording_date = results.recording_date
        and calls.recording_id = results.recording_id
    left join spoken
        on calls.recording_date = spoken.recording_date
        and calls.recording_id = spoken.recording_id
    {%- for role in roles %}
    left join by_role as {{ role }}
        on calls.recording_date = {{ role }}.recording_date
        and calls.recording_id = {{ role }}.recording_id
        and {{ role }}.speaker_role = '{{ role }}'
    {%- endfor %}
)

select
    *,
    ending_sentiment <= {{ negative_end() }} as ends_negative,
    agent_talk_seconds / nullif(customer_talk_seconds, 0) as talk_ratio
from measured
