with

source as (
    select * from {{ lake_table('sentiment_scores') }}
),

renamed as (
    select
        recording_date,
        segment_id,
        sentiment_score,
        model_fingerprint as sentiment_fingerprint
    from source
)

select * from renamed
