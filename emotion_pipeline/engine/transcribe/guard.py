"""Drops invented words: a text is checked, decoded again where it fails, and dropped with a reason if it never passes.

A decoder that is given something other than speech makes something up: loops, stock phrases, babble. Voice activity
keeps most of that away from it; the guard catches the rest. It is the same for every recogniser and works item by item,
so that batched decoding is as careful as decoding one item at a time.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.transcribe.base import Decoding, GuardRules, Recogniser
from emotion_pipeline.engine.transcribe.packing import FINGERPRINT as PACKING
from emotion_pipeline.engine.transcribe.packing import decode_packed
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason

# The checks below and what follows from them; raise the number when one of them changes.
FINGERPRINT: Final = f"guard:3|{PACKING}"

# How often one word, or two, may come in a row: people do say "no no no no".
_MOST_REPEATS: Final = {1: 7, 2: 4}
_MOST_REPEATS_OF_LONGER: Final = 3
# Words of the longest loop that is looked for; a longer one does not fit into an item three times.
_LONGEST_REPEATED: Final = 40
# Two or three words in a short item say nothing about a rate.
_FEWEST_TO_BE_FAST: Final = 5
# What tiny.en and base made of the 102 items of the noise suite most often, and the phrases of subtitles that larger
# models are known for. Weak evidence: such a text is dropped only where the decoder itself hears no speech.
_STOCK_PHRASES: Final = frozenset(
    {
        "a",
        "bye",
        "bye bye",
        "i",
        "mmm",
        "oh",
        "okay",
        "please subscribe",
        "so",
        "subtitles by the amara org community",
        "thank you",
        "thank you for watching",
        "thank you so much for watching",
        "thank you very much",
        "thanks",
        "thanks for watching",
        "the",
        "the end",
        "yeah",
        "you",
    }
)
_NOT_A_WORD: Final = re.compile(r"[\W_]+")
_MENDED_BY_DRAWS: Final = (DropReason.REPEATS_ITSELF, DropReason.TOO_FAST)


@dataclass(frozen=True, slots=True)
class CheckedDecoding:
    """The last decoding of an item, its temperature, and why it is dropped; None where it is kept."""

    decoding: Decoding
    temperature: float
    reason: DropReason | None


def decode_guarded(
    recogniser: Recogniser, items: Sequence[Channel], language: str, speakers: Sequence[str] | None = None
) -> list[CheckedDecoding]:
    """Decode items, those that a draw may mend again at each higher temperature, and say which never passed.

    Items of one speaker are first decoded together (``packing``). One whose share of a window is in doubt is decoded by
    itself before the temperature rises. An improbable text is not drawn again: of 37 such clips (noisy English, German)
    four got a text that passed, and all four texts were made up.

    :param items: as ``Recogniser.decode`` takes them
    :param speakers: who speaks in each item; None gives each item to somebody else
    :return: one per item, in order
    """
    lowest, *higher = recogniser.temperatures
    checked, doubtful = _decode_packed_and_check(recogniser, items, language, lowest, speakers)

    def decode_again(places: Sequence[int], temperature: float) -> None:
        again = _decode_and_check(recogniser, [items[at] for at in places], language, temperature) if places else []
        for at, decoding in zip(places, again, strict=True):
            checked[at] = decoding

    decode_again(doubtful, lowest)
    doubtful = [at for at, item in enumerate(checked) if item.reason in _MENDED_BY_DRAWS]
    for temperature in higher:
        decode_again(doubtful, temperature)
        doubtful = [at for at in doubtful if checked[at].reason not in (None, DropReason.NO_SPEECH)]
    return checked


def reason_to_drop(decoding: Decoding, seconds: float, rules: GuardRules) -> DropReason | None:
    """Return why a text is to be dropped, or None. A decoding without words claims nothing and is kept.

    :param seconds: length of the audio that it was made from
    """
    if not decoding.words:
        return None
    probability, no_speech = decoding.average_log_probability, decoding.no_speech_probability
    # Not "below the lowest": a half-precision model that overflowed gives NaN, which is below nothing.
    improbable = probability is not None and not probability >= rules.lowest_average_log_probability
    doubtful = improbable or probability is None or is_stock_phrase(decoding.text)
    if doubtful and no_speech is not None and no_speech > rules.highest_no_speech_probability:
        return DropReason.NO_SPEECH
    if compression_ratio(decoding.text) > rules.highest_compression_ratio or _is_loop(decoding.text):
        return DropReason.REPEATS_ITSELF
    if improbable:
        return DropReason.IMPROBABLE
    if len(decoding.words) >= max(_FEWEST_TO_BE_FAST, rules.most_words_per_second * seconds):
        return DropReason.TOO_FAST
    return None


def is_stock_phrase(text: str) -> bool:
    """Tell whether a text is one of those that Whisper writes where nobody speaks. People say them, too."""
    return " ".join(_NOT_A_WORD.sub(" ", text.lower()).split()) in _STOCK_PHRASES


def compression_ratio(text: str) -> float:
    """Return bytes of the text in UTF-8 over its bytes deflated: 1 to 2 for speech, more for loops, 0 for no text."""
    encoded = text.encode("utf-8")
    return len(encoded) / len(zlib.compress(encoded)) if encoded else 0.0


def _decode_packed_and_check(
    recogniser: Recogniser,
    items: Sequence[Channel],
    language: str,
    temperature: float,
    speakers: Sequence[str] | None,
) -> tuple[list[CheckedDecoding], list[int]]:
    """Return what windows with several items came to, and which items have to be decoded by themselves."""
    checked: list[CheckedDecoding] = []
    doubtful: list[int] = []
    for at, packed in enumerate(decode_packed(recogniser, items, language, temperature, speakers)):
        reason = reason_to_drop(packed.item, len(items[at]) / SAMPLE_RATE, recogniser.rules)
        checked.append(CheckedDecoding(packed.item, temperature, reason))
        # Whether nobody speaks is known of a window only, and an item that holds no speech gets no words or a phrase.
        is_empty = not packed.item.words or is_stock_phrase(packed.item.text)
        if packed.n_items > 1 and (reason or is_empty or _is_broken(packed.window, recogniser)):
            doubtful.append(at)
    return checked, doubtful


def _is_broken(window: Decoding, recogniser: Recogniser) -> bool:
    """Tell whether a window fails as a whole: then no share of it is believed, however good it looks."""
    return reason_to_drop(window, recogniser.longest_s, recogniser.rules) is not None


def _decode_and_check(
    recogniser: Recogniser, items: Sequence[Channel], language: str, temperature: float
) -> list[CheckedDecoding]:
    decodings = recogniser.decode(items, language, temperature)
    return [
        CheckedDecoding(decoding, temperature, reason_to_drop(decoding, len(item) / SAMPLE_RATE, recogniser.rules))
        for item, decoding in zip(items, decodings, strict=True)
    ]


def _is_loop(text: str) -> bool:
    """Tell whether some stretch of words follows itself more often than people do it."""
    words = [_NOT_A_WORD.sub("", word) for word in text.lower().split()]
    longest = min(_LONGEST_REPEATED, len(words) // (_MOST_REPEATS_OF_LONGER + 1))
    return any(
        _longest_run(words, length) > _MOST_REPEATS.get(length, _MOST_REPEATS_OF_LONGER)
        for length in range(1, longest + 1)
    )


def _longest_run(words: Sequence[str], length: int) -> int:
    """Return how often a stretch of ``length`` words comes in a row at most."""
    same = most = 0
    for one, other in zip(words, words[length:], strict=False):
        same = same + 1 if one == other else 0
        most = max(most, same)
    return most // length + 1
