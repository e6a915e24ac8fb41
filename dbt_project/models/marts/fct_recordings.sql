with

recordings as (
    select * from {{ ref('stg_raw_audio') }}
    where {{ is_of_the_run() }}
),

transcripts as (
    select * from {{ ref('stg_transcripts') }}
    where {{ is_of_the_run() }}
),

results as (
    select * from {{ ref('stg_tone_sentiment') }}
    where scope = 'recording' and {{ is_of_the_run() }}
),

spoken as (
    select
        recording_date,
        recording_id,
        count(distinct speaker) as speaker_count,
        count(*) as segment_count,
        {{ share_of('tone_sentiment_match', ['Match']) }} as share_match,
        {{ share_of('tone_sentiment_match', ['Do Not Match']) }} as share_do_not_match,
        {{ share_of('tone_sentiment_match', ['Unknown']) }} as share_unknown
    from {{ ref('fct_segments') }}
    where {{ is_of_the_run() }}
    group by recording_date, recording_id
),

-- A duplicate has the recording_id of the file that stands for it, and only that file has a result.
analysed as (
    select
        recordings.recording_date,
        recordings.file,
        recordings.recording_id,
        recordings.status,
        recordings.reason,
        recordings.detail,
        recordings.title,
        recordings.channel_name,
        recordings.attributes,
        recordings.warnings,
        recordings.container,
        recordings.codec,
        recordings.sample_rate_hz,
        recordings.channels,
        recordings.recording_seconds,
        transcripts.transcript_status,
        transcripts.transcript_reason,
        transcripts.language,
        transcripts.speakers_by,
        coalesce(spoken.speaker_count, case when transcripts.word_count = 0 then 0 end) as speaker_count,
        coalesce(spoken.segment_count, case when transcripts.word_count = 0 then 0 end) as segment_count,
        transcripts.word_count,
        transcripts.speech_seconds,
        transcripts.dropped_count,
        transcripts.redacted_count,
        results.emotion,
        results.emotion_score,
        results.transcript,
        results.sentiment_score,
        results.tone_sentiment_match,
        results.text_emotion,
        results.agreement_score,
        results.masked_share,
        results.leaking_share,
        spoken.share_match,
        spoken.share_do_not_match,
        spoken.share_unknown
    from recordings
    left join transcripts
        on recordings.status = 'accepted'
        and recordings.recording_date = transcripts.recording_date
        and recordings.recording_id = transcripts.recording_id
    left join results
        on recordings.status = 'accepted'
        and recordings.recording_date = results.recording_date
        and recordings.recording_id = results.recording_id
    left join spoken
        on recordings.status = 'accepted'
        and recordings.recording_date = spoken.recording_date
        and recordings.recording_id = spoken.recording_id
)

select * from analysed
