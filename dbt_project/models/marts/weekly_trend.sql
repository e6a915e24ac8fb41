{# A week has days of many runs: it is made anew from the calls, which are one row each. #}
{{ config(materialized='table') }}

with

calls as (
    select * from {{ ref('fct_calls') }}
)

select
    recording_week,
    count(*) as calls,
    sum(recording_seconds) / 3600.0 as audio_hours,
    sum(sentiment_score * word_count)
        / nullif(sum(case when sentiment_score is not null then word_count end), 0) as sentiment_score,
    avg(case when ends_negative then 1.0 when not ends_negative then 0.0 end)::double as share_ends_negative,
    avg(case when escalated then 1.0 else 0.0 end)::double as share_escalated,
    (sum(masked_anger_segments) / nullif(sum(judged_segments), 0))::double as masked_anger_rate,
    sum(agent_talk_seconds) / nullif(sum(customer_talk_seconds), 0) as talk_ratio,
    sum(interruptions) / nullif(sum(recording_seconds) / 3600.0, 0) as interruptions_per_hour,
    sum(silence_seconds) / nullif(sum(recording_seconds), 0) as silence_share,
    avg(response_delay_seconds) as response_delay_seconds
from calls
group by recording_week
