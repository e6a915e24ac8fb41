{{ config(meta={'dagster': {'ref': {'name': 'daily_tone_sentiment'}}}) }}

select
    recording_date,
    mean_sentiment_score
from {{ ref('daily_tone_sentiment') }}
where mean_sentiment_score not between -1 and 1
