with

speakers as (
    select * from {{ ref('stg_conversation_metrics') }}
    where scope = 'speaker' and {{ is_of_the_run() }}
)

select
    recording_date,
    speaker_role,
    count(distinct recording_id) as calls,
    count(*) as speakers,
    sum(turns)::bigint as turns,
    sum(word_count)::bigint as word_count,
    sum(questions)::bigint as questions,
    sum(interruptions)::bigint as interruptions,
    sum(interrupted)::bigint as interrupted,
    sum(talk_seconds) as talk_seconds,
    sum(word_count) / nullif(sum(talk_seconds) / 60.0, 0) as words_per_minute,
    sum(interruptions) / nullif(sum(talk_seconds) / 3600.0, 0) as interruptions_per_hour,
    avg(response_delay_seconds) as response_delay_seconds,
    avg(loudness_lufs) as loudness_lufs,
    sum(sentiment_score * word_count)
        / nullif(sum(case when sentiment_score is not null then word_count end), 0) as sentiment_score,
    avg(sentiment_trend) as sentiment_trend,
    avg(case when escalated then 1.0 else 0.0 end)::double as escalated_share
from speakers
group by recording_date, speaker_role
