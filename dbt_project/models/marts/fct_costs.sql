with

costs as (
    select * from {{ ref('stg_costs') }}
    where {{ is_of_the_run() }}
)

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
from costs
