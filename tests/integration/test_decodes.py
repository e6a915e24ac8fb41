"""A recording is decoded once by inspection, and its copy at most once by each later stage that listens."""

from collections import Counter
from pathlib import Path
from typing import Any

import av
import pytest

from emotion_pipeline.analyzer import AudioAnalyzer

# Inspection, transcription, tone, loudness.
STAGES_THAT_DECODE = 4


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what is opened for reading and for writing, where every decoder and encoder goes through."""
    counts: Counter[str] = Counter()
    open_media = av.open

    def counting(file: Any, mode: Any = "r", *arguments: Any, **options: Any) -> Any:
        counts[mode] += 1
        return open_media(file, mode, *arguments, **options)

    monkeypatch.setattr(av, "open", counting)
    return counts


@pytest.mark.parametrize("recording", ["2026-11-02/angry_customer_call.mp3", "2026-11-03/happy_voice_message.mp3"])
def test_each_stage_decodes_a_recording_at_most_once(repository: Path, opened: Counter[str], recording: str) -> None:
    result = AudioAnalyzer().analyze(repository / "samples" / recording)
    assert result.segments
    assert opened == {"r": STAGES_THAT_DECODE, "w": 1}
