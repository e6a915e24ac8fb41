with

source as (
    select * from {{ lake_table('tone_scores') }}
),

renamed as (
    select
        recording_date,
        segment_id,
        tone,
        tone_probability,
        model_fingerprint as tone_fingerprint
    from source
)

select * from renamed
