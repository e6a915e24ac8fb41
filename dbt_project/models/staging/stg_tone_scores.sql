{%- set tones = ['angry', 'calm', 'disgust', 'fearful', 'happy', 'neutral', 'sad', 'surprised'] -%}

with

source as (
    select * from {{ lake_table('tone_scores') }}
),

renamed as (
    select
        recording_date,
        segment_id,
        tone,
        tone_probability,
        {% for tone in tones %}
        probability_{{ tone }},
        {% endfor %}
        tone_uncertain,
        valence,
        arousal,
        model_fingerprint as tone_fingerprint
    from source
)

select * from renamed
