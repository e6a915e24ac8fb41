with

source as (
    select * from {{ lake_table('transcripts') }}
),

renamed as (
    select
        recording_date,
        recording_id,
        status as transcript_status,
        word_count,
        speech_seconds,
        model_fingerprint as transcriber_fingerprint
    from source
)

select * from renamed
