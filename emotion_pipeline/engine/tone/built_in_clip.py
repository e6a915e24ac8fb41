"""Two short synthetic voices on which every loaded tone model has to show that it hears something.

No recording and no random number: anyone gets the same samples. What a model should answer is not known, only that the
answer is not flat and not the same for both.
"""

from typing import Final

import numpy as np

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel

_SECONDS: Final = 2.0
_HARMONICS: Final = 24


def excited_clip() -> Channel:
    """2 s of a high voice whose pitch jumps, with quick syllables; float32, shape ``(32000,)``, [-1, 1]."""
    return _voice(pitch=230.0, swing=0.35, swings_per_second=1.6, syllables_per_second=5.5, brightness=0.6)


def subdued_clip() -> Channel:
    """2 s of a low voice on one tone, with slow syllables; float32, shape ``(32000,)``, [-1, 1]."""
    return _voice(pitch=95.0, swing=0.03, swings_per_second=0.4, syllables_per_second=2.0, brightness=1.6)


def _voice(
    pitch: float, swing: float, swings_per_second: float, syllables_per_second: float, brightness: float
) -> Channel:
    """Harmonics of a gliding pitch (Hz) that fall off as 1 / n ** brightness, in syllables with pauses between."""
    time = np.arange(round(_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    hertz = pitch * (1 + swing * np.sin(2 * np.pi * swings_per_second * time))
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    voice = sum((np.sin(n * phase) / n**brightness for n in range(1, _HARMONICS + 1)), np.zeros_like(time))
    syllables = np.maximum(np.sin(2 * np.pi * syllables_per_second * time), 0.0) ** 0.5
    sound = voice * syllables
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)
