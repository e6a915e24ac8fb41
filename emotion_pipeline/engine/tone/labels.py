"""The names of the tones of voice: pure data, no model, no code that loads anything.

Two sets exist. The wav2vec2 checkpoint of the documents knows eight tones, in this index order; the acoustic
model that the package ships knows four of them. Evaluation compares everything on the four.
"""

from typing import Final

# All eight tones, in the index order of ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition.
TONES: Final = ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")

# The four tones of the shipped acoustic model, in its index order; also the classes of every four-class figure.
ACOUSTIC_TONES: Final = ("angry", "happy", "neutral", "sad")

# How a tone counts in four-class evaluation: calm as neutral. A tone that is not a key does not take part.
FOUR_CLASS: Final = {"angry": "angry", "happy": "happy", "neutral": "neutral", "calm": "neutral", "sad": "sad"}

# Every label that a manifest may carry; BanglaSER writes ``surprise`` where RAVDESS writes ``surprised``.
CORPUS_LABELS: Final = frozenset({*TONES, "surprise"})

# From this probability on a tone is certain; below it the likeliest tone is stored all the same, and marked.
CERTAIN: Final = 0.5
