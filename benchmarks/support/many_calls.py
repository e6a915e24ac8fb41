"""Marts of as many calls as are wanted, drawn by chance by DuckDB, in the columns that their contracts promise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import duckdb
import yaml

MODELS: Final = Path(__file__).parents[2] / "dbt_project" / "models" / "marts"
FIRST_DAY: Final = "2026-01-01"
SEGMENTS: Final = 20
_SECONDS: Final = 15
_CALLS_A_DAY: Final = 100
_TONES: Final = "['neutral', 'calm', 'happy', 'angry', 'sad'][1 + (random() * 5)::integer % 5]"
_BEGINNINGS: Final = "['I would like', 'we cannot give you', 'nobody told me of', 'thank you for']"
_ENDS: Final = "['as agreed', 'as promised', 'as usual']"
_MODELS: Final = ("transcriber", "tone", "sentiment", "emotion")
_UNSAID: Final[Mapping[str, str]] = {
    "double": "random()",
    "bigint": "(random() * 10)::bigint",
    "boolean": "random() < 0.1",
    "varchar": "'none'",
    "date": f"date '{FIRST_DAY}'",
}
# What a column of any mart holds. ``call`` and ``segment`` count from 0.
_SAID: Final[Mapping[str, str]] = {
    "recording_date": f"date '{FIRST_DAY}' + (call // {_CALLS_A_DAY})::integer",
    "recording_week": f"date_trunc('week', date '{FIRST_DAY}' + (call // {_CALLS_A_DAY})::integer)::date",
    "recording_id": "sha256(call::varchar)",
    "segment_id": "sha256(call::varchar) || '-' || segment",
    "turn_index": "segment",
    "segment_index": "segment",
    "file": "'call_' || lpad(call::varchar, 5, '0') || '.wav'",
    "title": "'A call about ' || ['money', 'a delivery', 'a contract', 'the weather'][1 + call % 4]",
    "channel_name": "['sales', 'support', 'complaints'][1 + call % 3]",
    "attributes": """json_object('agent', 'agent ' || call % 20, 'queue', ['new', 'old', 'lost'][1 + call % 3])""",
    "audio_uri": "'audio/' || sha256(call::varchar) || '.flac'",
    "hour_of_day": "8 + call % 10",
    "recording_seconds": f"{SEGMENTS * _SECONDS}.0",
    "speaker": "'speaker_' || (1 + segment % 2)",
    "speaker_role": "['agent', 'customer'][1 + segment % 2]",
    "start_seconds": f"segment * {_SECONDS}.0",
    "end_seconds": f"segment * {_SECONDS} + {_SECONDS - 2}.0",
    "duration_seconds": f"{_SECONDS - 2}.0",
    "word_count": "30",
    "text": f"concat({_BEGINNINGS}[1 + call % 4], ' no. ', (random() * 1e6)::integer, ' ', {_ENDS}[1 + segment % 3])",
    "tone": _TONES,
    "emotion": _TONES,
    "base_emotion": "['Neutral', 'Happiness', 'Anger', 'Sadness', 'Other'][1 + (random() * 5)::integer % 5]",
    "sentiment_score": "random() * 2 - 1",
    "status": "case when call % 50 = 0 then 'rejected' else 'accepted' end",
    "reason": "'unreadable'",
    "reasons": "['escalation', 'negative_end', 'low_confidence'][1 + call % 3]",
    "recordings_found": f"{_CALLS_A_DAY + 2}",
    "recordings_rejected": "2",
    "table_name": "['segments', 'transcripts', 'tone_scores', 'emotion_labels'][1 + segment % 4]",
    **{f"{kind}_fingerprint": f"'{kind} of ' || (call // 3000)" for kind in _MODELS},
}
# How many rows each mart has of a call, and which calls.
_ROWS: Final[Mapping[str, str]] = {
    "fct_calls": "range({calls}) t(call), range(1) s(segment)",
    "fct_recordings": "range({calls}) t(call), range(1) s(segment)",
    "fct_segments": f"range({{calls}}) t(call), range({SEGMENTS}) s(segment)",
    "fct_turns": f"range({{calls}}) t(call), range({SEGMENTS}) s(segment)",
    "review_queue": "range(0, {calls}, 2) t(call), range(1) s(segment)",
    "fct_reviews": "range(0, {calls}, 100) t(call), range(1) s(segment)",
    "daily_tone_sentiment": f"range(0, {{calls}}, {_CALLS_A_DAY}) t(call), range(1) s(segment)",
    "fct_costs": f"range(0, {{calls}}, {_CALLS_A_DAY}) t(call), range(4) s(segment)",
}


def write_marts(path: Path, calls: int) -> None:
    """Write the marts that the dashboard asks, of ``calls`` calls on days of a hundred; equal calls, equal marts."""
    with duckdb.connect(str(path)) as marts:
        marts.execute("set threads = 1")
        marts.execute("select setseed(0.5)")
        for name, rows in _ROWS.items():
            columns = ", ".join(_drawn(column["name"], column["data_type"]) for column in contract(name))
            marts.execute(f"create table {name} as select {columns} from {rows.format(calls=calls)}")


def contract(mart: str) -> list[dict[str, Any]]:
    """Return the columns that a mart promises, in their order."""
    [model] = yaml.safe_load((MODELS / f"{mart}.yml").read_text(encoding="utf-8"))["models"]
    return model["columns"]


def _drawn(column: str, kind: str) -> str:
    return f"({_SAID.get(column, _UNSAID[kind])})::{kind} as {column}"
