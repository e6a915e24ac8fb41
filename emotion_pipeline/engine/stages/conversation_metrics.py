"""``conversation_metrics``: how every recording went as a conversation, and what each of its speakers did.

Rules on segments, their tones and sentiments are applied anew each time. Loudness has to be heard: it is taken over for
a recording whose speakers talk exactly as long, and in as many turns, as last time.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any, Final

import pandas as pd

from emotion_pipeline.engine.audio.channels import speaker_names
from emotion_pipeline.engine.audio.decode import stream
from emotion_pipeline.engine.audio.store import AudioStore
from emotion_pipeline.engine.common.types import Span, ToneScore
from emotion_pipeline.engine.conversation import loudness
from emotion_pipeline.engine.conversation.mood import escalation, mood
from emotion_pipeline.engine.conversation.role_names import Role
from emotion_pipeline.engine.conversation.roles import roles
from emotion_pipeline.engine.conversation.spoken import Spoken, in_order
from emotion_pipeline.engine.conversation.talk import (
    Talk,
    pace,
    response_delays,
    silence,
    talk_by_speaker,
    talk_time,
)
from emotion_pipeline.engine.stages.reuse import StageResult, value_or_none
from emotion_pipeline.engine.stages.tables import CONVERSATION_METRICS, FINGERPRINT_COLUMN
from emotion_pipeline.engine.tone.labels import PROBABILITY_COLUMNS, TONES

# Rules of the metrics and of the roles; raise the number when one changes.
RULE: Final = "conversation:1|roles:1"

_CARRIED: Final = ("recording_date", "recording_id", "file", "audio_uri", "recording_seconds", "speakers_by")
_LOUDNESS: Final = ("loudness_lufs", "loudness_range_lu")
# A date and a time of day, as recorders put them into names: 2026-11-02T14-30, 20261102_1430.
_TIME_IN_NAME: Final = re.compile(
    r"(?<!\d)20\d\d([-_.]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])[T _-]{1,3}([01]\d|2[0-3])[-_:h.]?[0-5]\d(?!\d{3})"
)


def fingerprint(roles_by_channel: Sequence[Role]) -> str:
    """Return what the metrics depend on besides segments, tones and sentiments."""
    return "|".join((RULE, *roles_by_channel))


def measure(
    transcripts: pd.DataFrame,
    segments: pd.DataFrame,
    tone_scores: pd.DataFrame,
    sentiment_scores: pd.DataFrame,
    previous: pd.DataFrame | None,
    store: AudioStore,
    roles_by_channel: Sequence[Role] = (),
) -> StageResult:
    """Return a row per recording that was transcribed, each followed by a row per speaker, the first to talk first.

    :param roles_by_channel: whose role the speakers on the channels have, where each has a channel; empty asks the rule
    """
    scored = (
        segments.merge(tone_scores[["segment_id", "valence", "arousal", *PROBABILITY_COLUMNS]], on="segment_id")
        .merge(sentiment_scores[["segment_id", "sentiment_score"]], on="segment_id")
        .sort_values("segment_index", kind="stable")
    )
    by_recording = dict(list(scored.groupby("recording_id", sort=False)))
    current = fingerprint(roles_by_channel)
    known = _heard_before(previous, current)
    rows: list[dict[str, Any]] = []
    computed = reused = 0
    seconds = 0.0
    for transcript in transcripts[transcripts["status"] != "failed"].to_dict("records"):
        own = by_recording.get(transcript["recording_id"], scored.iloc[:0])
        made = _rows(transcript, _spoken(own), roles_by_channel)
        before = [known.get(_identity(row)) for row in made]
        if None in before:
            _hear(made, own, store)
            computed, seconds = computed + len(made), seconds + transcript["recording_seconds"]
        else:
            for row, values in zip(made, before, strict=True):
                row.update(values or {})
            reused += len(made)
        rows += [row | {FINGERPRINT_COLUMN: current} for row in made]
    return StageResult(pd.DataFrame(rows, columns=list(CONVERSATION_METRICS.column_names)), computed, reused, seconds)


def hour_of_day(file: str) -> int | None:
    """Return the hour that the name of a file says, from 0 to 23, or None."""
    found = _TIME_IN_NAME.search(file)
    return int(found[2]) if found else None


def _spoken(segments: pd.DataFrame) -> list[Spoken]:
    return in_order(
        Spoken(
            speaker=row["speaker"],
            start=row["start_seconds"],
            end=row["end_seconds"],
            text=row["text"],
            word_count=row["word_count"],
            sentiment=value_or_none(row["sentiment_score"]),
            tone=_tone(row),
        )
        for row in segments.to_dict("records")
    )


def _tone(row: Mapping[Any, Any]) -> ToneScore:
    probabilities = {tone: row[f"probability_{tone}"] for tone in TONES if pd.notna(row[f"probability_{tone}"])}
    return ToneScore(probabilities, value_or_none(row["valence"]), value_or_none(row["arousal"]))


def _rows(transcript: Mapping[Any, Any], spoken: list[Spoken], by_channel: Sequence[Role]) -> list[dict[str, Any]]:
    """Return the row of a recording and those of its speakers, all but how loud they are."""
    seconds, on_channels = transcript["recording_seconds"], transcript["speakers_by"] == "channel"
    talks = talk_by_speaker(spoken, one_channel=not on_channels)
    named = dict(zip(speaker_names(2), by_channel, strict=False)) if on_channels else {}
    found = roles(spoken, named)
    carried = {name: transcript[name] for name in _CARRIED} | {"hour_of_day": hour_of_day(transcript["file"])}
    rows, rises = [], []
    for speaker, talk in talks.items():
        own = [stretch for stretch in spoken if stretch.speaker == speaker]
        rises.append(escalation(own, seconds))
        rows.append(
            carried
            | {"scope": "speaker", "subject_id": f"{transcript['recording_id']}/{speaker}", "speaker": speaker}
            | {"speaker_role": found[speaker].role, "role_evidence": found[speaker].evidence}
            | asdict(talk)
            | _mood_columns(own, seconds)
            | asdict(rises[-1])
        )
    escalated = [rise for rise in rises if rise.escalated]
    whole = (
        carried
        | {"scope": "recording", "subject_id": transcript["recording_id"], "speaker_count": len(talks)}
        | asdict(_together(spoken, talks, seconds))
        | asdict(silence(spoken, seconds))
        | _mood_columns(spoken, seconds)
        | {
            "anger_rise": max((rise.anger_rise for rise in rises if rise.anger_rise is not None), default=None),
            "arousal_rise": max((rise.arousal_rise for rise in rises if rise.arousal_rise is not None), default=None),
            "escalated": bool(escalated),
            "recovered": bool(escalated) and all(rise.recovered for rise in escalated),
        }
    )
    return [whole, *rows]


def _together(spoken: list[Spoken], talks: Mapping[str, Talk], recording_seconds: float) -> Talk:
    """Return what all speakers did: time in which several talk counts once, but twice for the pace."""
    words, talked = sum(talk.word_count for talk in talks.values()), talk_time(spoken)
    delays = [delay for own in response_delays(spoken).values() for delay in own]
    cuts = sum(talk.interruptions for talk in talks.values())
    return Talk(
        turns=sum(talk.turns for talk in talks.values()),
        word_count=words,
        questions=sum(talk.questions for talk in talks.values()),
        talk_seconds=talked,
        talk_share=min(1.0, talked / recording_seconds),
        words_per_minute=pace(words, sum(talk.talk_seconds for talk in talks.values())),
        interruptions=cuts,
        interrupted=cuts,
        interruption_seconds=sum((talk.interruption_seconds for talk in talks.values()), 0.0),
        response_delay_seconds=median(delays) if delays else None,
    )


def _mood_columns(spoken: list[Spoken], recording_seconds: float) -> dict[str, Any]:
    felt = mood(spoken, recording_seconds)
    return {
        "sentiment_score": felt.sentiment,
        "sentiment_trend": felt.sentiment_trend,
        **{f"sentiment_q{number}": value for number, value in enumerate(felt.sentiment_by_quarter, start=1)},
        **{f"tone_q{number}": value for number, value in enumerate(felt.tone_by_quarter, start=1)},
    }


def _hear(rows: list[dict[str, Any]], segments: pd.DataFrame, store: AudioStore) -> None:
    """Listen to a recording once, and write into its rows how loud it and its speakers are."""
    with store.audio_file(rows[0]["audio_uri"]) as path:
        powers = loudness.powers(stream(path, keep_channels=True))
    for row in rows:
        stretches = [powers]
        if row["scope"] == "speaker":
            own = segments[segments["speaker"] == row["speaker"]]
            spans = [Span(start, end) for start, end in zip(own["start_seconds"], own["end_seconds"], strict=True)]
            channel = value_or_none(own["channel"].iloc[0])
            stretches = loudness.stretches_of(powers, spans, None if channel is None else int(channel))
        values = loudness.integrated(stretches), loudness.loudness_range(stretches)
        row.update(zip(_LOUDNESS, values, strict=True))


def _heard_before(previous: pd.DataFrame | None, current: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    if previous is None:
        return {}
    rows = previous[previous[FINGERPRINT_COLUMN] == current].to_dict("records")
    return {_identity(row): {name: value_or_none(row[name]) for name in _LOUDNESS} for row in rows}


def _identity(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    """Return what tells that a subject was heard at the same places of the same copy."""
    return row["subject_id"], row["audio_uri"], row["talk_seconds"], row["turns"]
