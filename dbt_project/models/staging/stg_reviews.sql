with

source as (
    select * from {{ lake_table('reviews') }}
),

renamed as (
    select
        recording_date,
        review_id,
        recording_id,
        segment_id,
        reviewed_at,
        reviewer,
        tone,
        emotion,
        sentiment,
        note,
        start_seconds,
        end_seconds,
        text,
        model_tone,
        model_emotion,
        model_sentiment_score
    from source
)

select * from renamed
