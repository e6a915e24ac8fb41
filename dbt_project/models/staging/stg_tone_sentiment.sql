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
        text_emotion,
        agreement_score,
        masked,
        leaking,
        masked_share,
        leaking_share
    from source
)

select * from renamed
