with

source as (
    select * from {{ lake_table('tone_sentiment') }}
),

renamed as (
    select
        recording_date,
        recording_id,
        scope,
        subject_id,
        emotion,
        emotion_score,
        transcript,
        sentiment_score,
        tone_sentiment_match,
        text_emotion
    from source
)

select * from renamed
