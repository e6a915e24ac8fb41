with

source as (
    select * from {{ lake_table('raw_audio') }}
),

renamed as (
    select
        recording_date,
        file,
        recording_id,
        status,
        reason,
        detail,
        title,
        channel_name,
        attributes,
        {{ list_joined('warnings') }} as warnings,
        container,
        codec,
        sample_rate_hz,
        channels,
        seconds as recording_seconds
    from source
)

select * from renamed
