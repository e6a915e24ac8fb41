"""Conversations as a test writes them down: who said what, when and how, with the rows and the audio of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform, Word
from emotion_pipeline.engine.conversation.role_names import Role
from emotion_pipeline.engine.stages.conversation_metrics import measure
from emotion_pipeline.engine.stages.reuse import StageResult
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES, TONES

FIRST, SECOND = "speaker_1", "speaker_2"


@dataclass(frozen=True)
class Said:
    """One segment, spoken at a level in dBFS (root mean square)."""

    speaker: str
    start: float
    end: float
    text: str
    sentiment: float | None = 0.0
    angry: float = 0.25
    arousal: float | None = 0.5
    level_db: float = -20.0


@dataclass(frozen=True)
class Call:
    """A recording of so many seconds, each speaker on a channel, or all on one."""

    seconds: float
    spoken: tuple[Said, ...]
    two_channels: bool = True
    file: str = "call.wav"
    recording_id: str = "a" * 64

    def waveform(self) -> Waveform:
        """Return noise where somebody speaks, float32, a channel per speaker or their mean."""
        draw = np.random.default_rng(7)
        sides = np.zeros((2, round(self.seconds * SAMPLE_RATE)), dtype=np.float32)
        for part in self.spoken:
            first, last = round(part.start * SAMPLE_RATE), round(part.end * SAMPLE_RATE)
            sides[int(part.speaker == SECOND), first:last] = draw.normal(0, 10 ** (part.level_db / 20), last - first)
        return sides if self.two_channels else sides.mean(axis=0, keepdims=True)

    def on_one_channel(self) -> "Call":
        """Return the call as it is heard in its mono mix: where two talk, only who began last is understood."""
        starts = [part.start for part in self.spoken]
        kept = []
        for part in self.spoken:
            cut = min((start for start in starts if part.start < start < part.end), default=part.end)
            words = part.text.split()
            understood = words[: max(1, round(len(words) * (cut - part.start) / (part.end - part.start)))]
            kept.append(replace(part, end=cut, text=" ".join(understood)))
        return replace(self, spoken=tuple(kept), two_channels=False)

    def transcripts(self) -> pd.DataFrame:
        by = "channel" if self.two_channels else "diarizer"
        row = self._named() | {"status": "transcribed", "speakers_by": by}
        return pd.DataFrame([row])

    def segments(self) -> pd.DataFrame:
        rows = [
            self._named()
            | {
                "segment_id": f"s{index}",
                "segment_index": index,
                "speaker": part.speaker,
                "channel": int(part.speaker == SECOND) if self.two_channels else None,
                "start_seconds": part.start,
                "end_seconds": part.end,
                "text": part.text,
                "word_count": len(part.text.split()),
            }
            for index, part in enumerate(self.spoken)
        ]
        columns = [*self._named(), "segment_id", "segment_index", "speaker", "channel", "start_seconds", "end_seconds"]
        return pd.DataFrame(rows, columns=[*columns, "text", "word_count"])

    def tone_scores(self) -> pd.DataFrame:
        rows = [
            {f"probability_{tone}": (1 - part.angry) / 3 if tone in ACOUSTIC_TONES else None for tone in TONES}
            | {"probability_angry": part.angry, "segment_id": f"s{index}", "valence": 0.5, "arousal": part.arousal}
            for index, part in enumerate(self.spoken)
        ]
        columns = ["segment_id", "valence", "arousal", *(f"probability_{tone}" for tone in TONES)]
        return pd.DataFrame(rows, columns=columns)

    def sentiment_scores(self) -> pd.DataFrame:
        rows = [
            {"segment_id": f"s{index}", "sentiment_score": part.sentiment} for index, part in enumerate(self.spoken)
        ]
        return pd.DataFrame(rows, columns=["segment_id", "sentiment_score"])

    def measured(self, folder: Path, previous: pd.DataFrame | None = None, roles: Sequence[Role] = ()) -> StageResult:
        """Return the rows of ``conversation_metrics``; the audio is written to ``folder``."""
        encode_flac(self.waveform(), folder / f"{self.recording_id}.flac")
        frames = self.transcripts(), self.segments(), self.tone_scores(), self.sentiment_scores()
        return measure(*frames, previous, FolderAudioStore(folder), roles)

    def subjects(self, folder: Path, roles: Sequence[Role] = ()) -> dict[str, dict[Any, Any]]:
        """Return the measured rows by speaker, that of the recording as ``call``."""
        rows = self.measured(folder, roles=roles).rows
        return {
            str(row["speaker"] or "call"): row
            for row in rows.astype(object).where(rows.notna(), None).to_dict("records")
        }

    def _named(self) -> dict[str, Any]:
        return {
            "recording_date": date(2026, 11, 2),
            "recording_id": self.recording_id,
            "file": self.file,
            "audio_uri": f"{self.recording_id}.flac",
            "recording_seconds": self.seconds,
        }


def words_of(speaker: str, start: float, end: float, text: str) -> tuple[Word, ...]:
    """Return the words of a text, evenly over the time."""
    spoken = text.split()
    step = (end - start) / max(1, len(spoken))
    return tuple(
        Word(word, start + index * step, start + (index + 1) * step, 0.9, speaker) for index, word in enumerate(spoken)
    )
