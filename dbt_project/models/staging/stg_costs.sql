with

source as (
    select * from {{ lake_table('costs') }}
),

renamed as (
    select
        recording_date,
        table_name,
        runs,
        rows_published,
        rows_computed,
        rows_reused,
        wall_seconds,
        model_seconds,
        gpu_seconds,
        audio_hours,
        token_count,
        energy_joules
    from source
)

select * from renamed
