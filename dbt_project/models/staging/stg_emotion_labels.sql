with

source as (
    select * from {{ lake_table('emotion_labels') }}
),

renamed as (
    select
        recording_date,
        segment_id,
        base_emotion,
        base_probability,
        sub_emotion,
        intensity,
        uncertain,
        model_fingerprint as emotion_fingerprint
    from source
)

select * from renamed
