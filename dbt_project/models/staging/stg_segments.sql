with

source as (
    select * from {{ lake_table('segments') }}
),

renamed as (
    select
        recording_date,
        recording_id,
        segment_id,
        file,
        audio_uri,
        segment_index,
        speaker,
        channel,
        start_seconds,
        end_seconds,
        end_seconds - start_seconds as duration_seconds,
        text,
        word_count,
        mean_word_probability
    from source
)

select * from renamed
