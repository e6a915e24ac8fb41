with

source as (
    select * from {{ lake_table('transcripts') }}
),

renamed as (
    select
        recording_date,
        recording_id,
        status as transcript_status,
        reason as transcript_reason,
        language,
        speakers_by,
        word_count,
        speech_seconds,
        {{ list_length('dropped') }} as dropped_count,
        {{ list_length('redacted') }} as redacted_count,
        model_fingerprint as transcriber_fingerprint
    from source
)

select * from renamed
