with

source as (
    select * from {{ lake_table('conversation_metrics') }}
),

renamed as (
    select
        recording_date,
        recording_id,
        scope,
        subject_id,
        file,
        audio_uri,
        recording_seconds,
        hour_of_day,
        speakers_by,
        speaker_count,
        speaker,
        speaker_role,
        questions,
        turns,
        talk_seconds,
        talk_share,
        non_talk_seconds,
        longest_non_talk_seconds,
        silence_count,
        silence_seconds,
        response_delay_seconds,
        word_count,
        words_per_minute,
        interruptions,
        interrupted,
        interruption_seconds,
        loudness_lufs,
        loudness_range_lu,
        sentiment_score,
        sentiment_q1,
        sentiment_q2,
        sentiment_q3,
        sentiment_q4,
        sentiment_trend,
        tone_q1,
        tone_q2,
        tone_q3,
        tone_q4,
        anger_rise,
        arousal_rise,
        escalated,
        recovered
    from source
)

select * from renamed
