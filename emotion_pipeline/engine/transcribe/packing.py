"""Several short items in one window of the recogniser, with silence between them, and their words taken apart again.

An encoder that always reads 30 s costs as much for a second of speech as for thirty. A word at the edge of an item can
be timed into the pause and go to the neighbour, so only items of one speaker in one recording share a window: no word
can go to another person. Which items are decoded together is decided here; which text is believed is decided by
``guard``, which has items decoded by themselves where their share of a window is in doubt.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.transcribe.base import DecodedWord, Decoding, Recogniser

# Silence between two items. Of 0.5, 1 and 2 s the first two gave equal word error rates on short clips; the longer of
# them leaves more room for the error of a word's time.
_GAP_SAMPLES: Final = SAMPLE_RATE
# Silence that every window ends with: a decoder that hears speech up to the last moment goes on inventing.
_TAIL_SAMPLES: Final = SAMPLE_RATE // 2
_LEAST_PROBABILITY: Final = 1e-3
# How items are packed and taken apart; raise the number when the rule changes.
FINGERPRINT: Final = "packing:1"


@dataclass(frozen=True, slots=True)
class Packed:
    """The decoding of one item, and the decoding of the whole window that it was read in."""

    item: Decoding
    window: Decoding
    # Items in the window, this one included.
    n_items: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an item lies in its window, in samples."""

    index: int
    first: int
    length: int

    @property
    def end(self) -> int:
        return self.first + self.length


def decode_packed(
    recogniser: Recogniser,
    items: Sequence[Channel],
    language: str,
    temperature: float,
    speakers: Sequence[str] | None = None,
) -> list[Packed]:
    """Decode items, neighbours of one speaker together where they fit into one window, and return one each.

    :param items: as ``Recogniser.decode`` takes them
    :param speakers: who speaks in each item; None gives each item to somebody else
    """
    owners: Sequence[object] = range(len(items)) if speakers is None else speakers
    windows = _windows([len(item) for item in items], owners, int(recogniser.longest_s * SAMPLE_RATE))
    decodings = recogniser.decode([_joined(items, places) for places in windows], language, temperature)
    packed: dict[int, Packed] = {}
    for places, decoding in zip(windows, decodings, strict=True):
        parts = [decoding] if len(places) == 1 else _taken_apart(decoding, places)
        for place, part in zip(places, parts, strict=True):
            packed[place.index] = Packed(part, decoding, len(places))
    return [packed[index] for index in range(len(items))]


def _windows(lengths: Sequence[int], owners: Sequence[object], longest: int) -> list[list[_Place]]:
    """Return the items of each window, in order; an item that leaves no room has a window of its own."""
    windows: list[list[_Place]] = []
    for index, length in enumerate(lengths):
        last = windows[-1] if windows else []
        first = last[-1].end + _GAP_SAMPLES if last else 0
        fits = bool(last) and first + length + _TAIL_SAMPLES <= longest
        if fits and owners[index] == owners[last[-1].index]:
            last.append(_Place(index, first, length))
        else:
            windows.append([_Place(index, 0, length)])
    return windows


def _joined(items: Sequence[Channel], places: Sequence[_Place]) -> Channel:
    if len(places) == 1:
        return items[places[0].index]
    window = np.zeros(places[-1].end, dtype=np.float32)
    for place in places:
        window[place.first : place.end] = items[place.index]
    return window


def _taken_apart(window: Decoding, places: Sequence[_Place]) -> list[Decoding]:
    """Give each word to the item that its middle lies in or nearest to."""
    words: list[list[DecodedWord]] = [[] for _ in places]
    for word in window.words:
        middle = (word.start + word.end) / 2 * SAMPLE_RATE
        distances = [max(place.first - middle, middle - place.end, 0.0) for place in places]
        number = min(range(len(places)), key=distances.__getitem__)
        words[number].append(_moved(word, places[number]))
    return [Decoding(tuple(own), _average_log_probability(own), window.no_speech_probability) for own in words]


def _moved(word: DecodedWord, place: _Place) -> DecodedWord:
    """Return a word with times from the start of its item, inside the item."""
    start, end = (
        min(max(time - place.first / SAMPLE_RATE, 0.0), place.length / SAMPLE_RATE) for time in (word.start, word.end)
    )
    return replace(word, start=round(start, 4), end=round(end, 4))


def _average_log_probability(words: Sequence[DecodedWord]) -> float | None:
    """Return the mean over the words; a window's own average is over tokens, which no longer belong to an item."""
    if not words:
        return None
    return sum(math.log(max(word.probability, _LEAST_PROBABILITY)) for word in words) / len(words)
