{%- set tones = ['angry', 'happy', 'neutral', 'sad'] -%}
{%- set base_emotions = ['Happiness', 'Anger', 'Sadness', 'Neutral', 'Other'] -%}
{%- set agreements = ['Match', 'Do Not Match', 'Unknown'] -%}

with

recordings as (
    select
        recording_date,
        count(*) as recordings_found,
        count(case when status = 'accepted' then 1 end) as recordings_accepted,
        count(case when status = 'rejected' then 1 end) as recordings_rejected,
        count(case when status = 'duplicate' then 1 end) as recordings_duplicate,
        coalesce(sum(case when status = 'accepted' then recording_seconds end), 0) as audio_seconds
    from {{ ref('fct_recordings') }}
    where {{ is_of_the_run() }}
    group by recording_date
),

segments as (
    select
        recording_date,
        count(*) as segment_count,
        sum(word_count)::bigint as word_count,
        sum(sentiment_score * word_count)
            / sum(case when sentiment_score is not null then word_count end) as mean_sentiment_score,
        {% for tone in tones %}
        {{ share_of('tone', [tone]) }} as share_tone_{{ tone }},
        {% endfor %}
        {{ share_of_others('tone', tones) }} as share_tone_other,
        {% for base in base_emotions %}
        {{ share_of('base_emotion', [base]) }} as share_emotion_{{ base | lower }},
        {% endfor %}
        {% for agreement in agreements %}
        {{ share_of('tone_sentiment_match', [agreement]) }} as share_{{ agreement | lower | replace(' ', '_') }},
        {% endfor %}
        avg(case when uncertain then 1.0 when not uncertain then 0.0 end)::double as share_uncertain,
        avg(case when tone_uncertain then 1.0 when not tone_uncertain then 0.0 end)::double as share_tone_uncertain
    from {{ ref('fct_segments') }}
    where {{ is_of_the_run() }}
    group by recording_date
),

-- The days come from the recordings: one on which nothing could be analysed is a row, not a gap.
days as (
    select
        recordings.recording_date,
        recordings.recordings_found,
        recordings.recordings_accepted,
        recordings.recordings_rejected,
        recordings.recordings_duplicate,
        recordings.audio_seconds,
        coalesce(segments.segment_count, 0) as segment_count,
        coalesce(segments.word_count, 0) as word_count,
        segments.mean_sentiment_score,
        {% for tone in tones + ['other'] %}
        segments.share_tone_{{ tone }},
        {% endfor %}
        {% for base in base_emotions %}
        segments.share_emotion_{{ base | lower }},
        {% endfor %}
        {% for agreement in agreements %}
        segments.share_{{ agreement | lower | replace(' ', '_') }},
        {% endfor %}
        segments.share_uncertain,
        segments.share_tone_uncertain
    from recordings
    left join segments on recordings.recording_date = segments.recording_date
)

select * from days
