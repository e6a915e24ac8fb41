"""Valence and arousal of labels: where an emotion stands in the circumplex (J. Russell, "A Circumplex Model of Affect",
Journal of Personality and Social Psychology 39, 1980).

No corpus here was rated in these dimensions. The places are set by hand, from the quadrants of that model; a stated
intensity moves an emotion that is not neutral up or down in arousal. They are good for an order, not for a distance.
"""

from typing import Final

# Emotion: valence from 0 unpleasant to 1 pleasant, arousal from 0 still to 1 excited.
_PLACES: Final = {
    "angry": (0.1, 0.85),
    "happy": (0.95, 0.75),
    "surprise": (0.65, 0.8),
    "surprised": (0.65, 0.8),
    "fearful": (0.1, 0.8),
    "disgust": (0.1, 0.55),
    "sad": (0.15, 0.2),
    "neutral": (0.5, 0.3),
    "calm": (0.6, 0.15),
}
_SHIFTS: Final = {"low": -0.15, "normal": -0.05, "medium": 0.0, "strong": 0.15, "high": 0.15}
# Of these a manifest's intensity says nothing.
_STILL: Final = frozenset({"neutral", "calm"})


def dimensions_of(emotion: str, intensity: str) -> tuple[float, float]:
    """Return valence and arousal, each in [0, 1], of a label of a corpus and an intensity, empty if unknown."""
    valence, arousal = _PLACES[emotion]
    shift = 0.0 if emotion in _STILL else _SHIFTS.get(intensity, 0.0)
    return valence, min(1.0, max(0.0, arousal + shift))
