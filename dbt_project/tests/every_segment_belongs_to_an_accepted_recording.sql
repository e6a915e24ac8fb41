{#
  A warning only: where a gate has held back the newer transcripts of a day, the older segments stay although their file may
  have gone.
#}
{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'fct_segments'}}}) }}

select
    segments.recording_date,
    segments.segment_id,
    segments.file
from {{ ref('fct_segments') }} as segments
left join {{ ref('fct_recordings') }} as recordings
    on segments.recording_date = recordings.recording_date
    and segments.recording_id = recordings.recording_id
    and recordings.status = 'accepted'
where recordings.recording_id is null
