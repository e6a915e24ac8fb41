"""From texts to a model's scores, whatever the texts are like: long, with emoji, or more than fit into memory at once.

Long texts are read in windows that overlap, signs of feeling as phrases, and a batch that does not fit is halved. What
is decided by the scores is ``predictor``'s work.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.emotion.scores import Scores, TextEmotionModel
from emotion_pipeline.engine.emotion.taxonomy import BASE_EMOTIONS, NEUTRAL
from emotion_pipeline.engine.models.batches import give_back_memory, is_out_of_memory
from emotion_pipeline.engine.text.signs import with_phrases

# Characters of a text that are read at once, about 250 of the encoder's tokens; a spoken segment of 30 s has 600.
WINDOW: Final = 1_200
# Characters that a window shares with the one before it, a sentence or two, so that none is read in halves only.
_OVERLAP: Final = 200

_NAMES: Final = ("labels", "base", "levels")


def score_texts(model: TextEmotionModel, texts: Sequence[str], features: NDArray[np.float32] | None = None) -> Scores:
    """Return scores of ``n`` texts; ``features``, shape ``(n, 42)``, saves computing those of short texts again.

    The scores of a text longer than ``WINDOW`` are the means of those of its windows, weighted by their lengths.
    """
    long = {row: windows_of(text) for row, text in enumerate(texts) if len(text) > WINDOW}
    short = [row for row in range(len(texts)) if row not in long]
    of_short = _score_with_signs(model, [texts[row] for row in short], None if features is None else features[short])
    if not long:
        return of_short
    of_windows = _score_with_signs(model, [window for windows in long.values() for window in windows])
    ends = np.cumsum([len(windows) for windows in long.values()])[:-1]
    lengths = [[len(window) for window in windows] for windows in long.values()]

    def means(values: NDArray[np.float32]) -> NDArray[np.float32]:
        parts = zip(np.split(values, ends), lengths, strict=True)
        return np.stack([np.average(part, axis=0, weights=by) for part, by in parts]).astype(np.float32)

    order = np.argsort([*short, *long])
    return Scores(
        *(np.concatenate([getattr(of_short, name), means(getattr(of_windows, name))])[order] for name in _NAMES)
    )


def windows_of(text: str) -> list[str]:
    """Return pieces of at most ``WINDOW`` characters that cover ``text`` and overlap, cut between words if possible."""
    windows, start = [], 0
    while len(text) - start > WINDOW:
        end = text.rfind(" ", start + WINDOW // 2, start + WINDOW)
        end = start + WINDOW if end < 0 else end
        windows.append(text[start:end])
        start = max(text.find(" ", end - _OVERLAP, end) + 1, end - _OVERLAP)
    return [*windows, text[start:]]


def _score_with_signs(
    model: TextEmotionModel, texts: Sequence[str], features: NDArray[np.float32] | None = None
) -> Scores:
    """Return the model's scores; emoji and emoticons count as far as the words beside them are neutral.

    The scores of a text with signs are the mean of its own and those of the text with phrases in their place, weighted
    by the probability of Neutral: words that say what is felt are not overruled by a sign.
    """
    scores = score_in_memory(model, texts, features)
    signed = {row: phrased for row, text in enumerate(texts) if (phrased := with_phrases(text)) is not None}
    if not signed:
        return scores
    rows = list(signed)
    spoken = score_in_memory(model, list(signed.values()))
    weight = scores.base[rows, BASE_EMOTIONS.index(NEUTRAL)]
    blended = {name: getattr(scores, name).copy() for name in _NAMES}
    for name, values in blended.items():
        own, other = values[rows], getattr(spoken, name)
        values[rows] = own + weight.reshape(-1, *(1,) * (own.ndim - 1)) * (other - own)
    return Scores(**blended)


def score_in_memory(
    model: TextEmotionModel, texts: Sequence[str], features: NDArray[np.float32] | None = None
) -> Scores:
    """Return the model's scores; where memory runs out, the batch is halved and each half scored.

    Raises the model's error where a single text does not fit.
    """
    try:
        return model.score(texts, features)
    except (MemoryError, RuntimeError) as error:
        if len(texts) < 2 or not is_out_of_memory(error):
            raise
    give_back_memory()
    middle = len(texts) // 2
    halves = (slice(0, middle), slice(middle, None))
    return Scores.joined(
        [score_in_memory(model, texts[half], None if features is None else features[half]) for half in halves]
    )
