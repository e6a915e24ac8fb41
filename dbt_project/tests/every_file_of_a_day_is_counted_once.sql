{{ config(meta={'dagster': {'ref': {'name': 'daily_tone_sentiment'}}}) }}

select *
from {{ ref('daily_tone_sentiment') }}
where recordings_found <> recordings_accepted + recordings_rejected + recordings_duplicate
