"""The names of the tones of voice: pure data, no model, no code that loads anything.

Two sets exist. The wav2vec2 checkpoint of the documents knows eight tones, in this index order; the acoustic
model that the package ships knows four of them. Evaluation compares everything on the four.
"""

from collections.abc import Mapping
from typing import Final

# All eight tones, in the index order of ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition.
TONES: Final = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
# The columns of their probabilities, in the same order.
PROBABILITY_COLUMNS: Final = tuple(f"probability_{tone}" for tone in TONES)

# In which every picture draws them: those of Okabe and Ito (2008), which people with any of the common colour
# blindnesses tell apart.
TONE_COLOURS: Final[Mapping[str, str]] = {
    "angry": "#D55E00",
    "calm": "#56B4E9",
    "disgust": "#F0E442",
    "fearful": "#CC79A7",
    "happy": "#E69F00",
    "neutral": "#999999",
    "sad": "#0072B2",
    "surprised": "#009E73",
}

# The four tones of the shipped acoustic model, in its index order; also the classes of every four-class figure.
ACOUSTIC_TONES: Final = ("angry", "happy", "neutral", "sad")

# How a tone counts in four-class evaluation: calm as neutral. A tone that is not a key does not take part.
FOUR_CLASS: Final = {"angry": "angry", "happy": "happy", "neutral": "neutral", "calm": "neutral", "sad": "sad"}

# Every label that a manifest may carry; BanglaSER writes ``surprise`` where RAVDESS writes ``surprised``.
CORPUS_LABELS: Final = frozenset({*TONES, "surprise"})

# From this probability on a tone is certain; below it the likeliest tone is stored all the same, and marked.
CERTAIN: Final = 0.5
