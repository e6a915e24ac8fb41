with

segments as (
    select * from {{ ref('stg_segments') }}
    where {{ is_of_the_run() }}
),

transcripts as (
    select recording_date, recording_id, transcriber_fingerprint from {{ ref('stg_transcripts') }}
    where {{ is_of_the_run() }}
),

tones as (
    select * from {{ ref('stg_tone_scores') }}
    where {{ is_of_the_run() }}
),

sentiments as (
    select * from {{ ref('stg_sentiment_scores') }}
    where {{ is_of_the_run() }}
),

emotions as (
    select * from {{ ref('stg_emotion_labels') }}
    where {{ is_of_the_run() }}
),

agreements as (
    select
        recording_date,
        subject_id as segment_id,
        tone_sentiment_match,
        agreement_score,
        masked,
        leaking
    from {{ ref('stg_tone_sentiment') }}
    where scope = 'segment' and {{ is_of_the_run() }}
),

-- A gate may hold back one table of a day and not another, so a segment is kept whether it has been judged or not.
judged as (
    select
        segments.recording_date,
        segments.recording_id,
        segments.segment_id,
        segments.file,
        segments.segment_index,
        segments.speaker,
        segments.start_seconds,
        segments.end_seconds,
        segments.duration_seconds,
        segments.text,
        segments.word_count,
        segments.mean_word_probability,
        tones.tone,
        tones.tone_probability,
        tones.tone_uncertain,
        tones.valence,
        tones.arousal,
        emotions.base_emotion,
        emotions.base_probability,
        emotions.sub_emotion,
        emotions.intensity,
        emotions.uncertain,
        sentiments.sentiment_score,
        agreements.tone_sentiment_match,
        agreements.agreement_score,
        agreements.masked,
        agreements.leaking,
        transcripts.transcriber_fingerprint,
        tones.tone_fingerprint,
        sentiments.sentiment_fingerprint,
        emotions.emotion_fingerprint
    from segments
    left join transcripts
        on segments.recording_date = transcripts.recording_date
        and segments.recording_id = transcripts.recording_id
    left join tones
        on segments.recording_date = tones.recording_date
        and segments.segment_id = tones.segment_id
    left join sentiments
        on segments.recording_date = sentiments.recording_date
        and segments.segment_id = sentiments.segment_id
    left join emotions
        on segments.recording_date = emotions.recording_date
        and segments.segment_id = emotions.segment_id
    left join agreements
        on segments.recording_date = agreements.recording_date
        and segments.segment_id = agreements.segment_id
)

select * from judged
