"""What a text has to pass to be believed, and what happens to one that does not."""

from collections.abc import Sequence

import numpy as np
import pytest

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.transcribe.base import DecodedWord, Decoding, GuardRules, SpokenLanguage
from emotion_pipeline.engine.transcribe.guard import compression_ratio, decode_guarded, reason_to_drop
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason

RULES = GuardRules()
SENTENCE = "the report and the new office will be ready on thursday"


def decoding(text: str, log_probability: float | None = -0.3, no_speech: float | None = 0.1) -> Decoding:
    words = tuple(DecodedWord(word, 0.0, 0.1, 0.9) for word in text.split())
    return Decoding(words, log_probability, no_speech)


class Scripted:
    """A recogniser whose answer to an item depends on the temperature only; it notes what it was asked."""

    fingerprint = "scripted"
    rules = RULES
    temperatures = (0.0, 0.4, 0.8)
    longest_s = 5.5  # one of the items below fills it
    pad_s = 0.0

    def __init__(self, *answers: Decoding) -> None:
        self._answers = dict(zip(self.temperatures, answers, strict=True))
        self.asked: list[tuple[float, int]] = []

    def language_of(self, items: Sequence[Channel]) -> SpokenLanguage:
        return SpokenLanguage("en", 0.5 + 0.1 * len(items))

    def decode(self, items: Sequence[Channel], language: str, temperature: float) -> list[Decoding]:
        self.asked.append((temperature, len(items)))
        return [self._answers[temperature] if item.any() else decoding(SENTENCE) for item in items]


LOUD, QUIET = (np.full(5 * SAMPLE_RATE, level, dtype=np.float32) for level in (0.5, 0.0))


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        "no no no no no",
        "yes yes i know i know i know",
        "i said no and i said no again and i said no a third time",
        "ha ha ha ha ha ha",
        "bye",
    ],
)
def test_what_people_say_is_believed(text: str) -> None:
    assert reason_to_drop(decoding(text), 10.0, RULES) is None


@pytest.mark.parametrize(
    "text",
    [
        "thank you " * 10,
        "Thank you. " * 6,
        "you " * 12,
        "and so on and " * 5,
        f"{SENTENCE} " * 5,
        f"well {SENTENCE} " + f"{SENTENCE} " * 3,
    ],
)
def test_a_loop_is_not_believed_however_sure_the_recogniser_is(text: str) -> None:
    assert reason_to_drop(decoding(text, log_probability=0.0, no_speech=0.0), 30.0, RULES) == DropReason.REPEATS_ITSELF


def test_an_improbable_text_is_not_believed() -> None:
    assert reason_to_drop(decoding(SENTENCE, log_probability=-1.2), 10.0, RULES) == DropReason.IMPROBABLE


@pytest.mark.parametrize(
    ("log_probability", "reason"), [(-1.2, DropReason.NO_SPEECH), (None, DropReason.NO_SPEECH), (-0.3, None)]
)
def test_a_belief_that_nobody_speaks_counts_unless_the_text_is_probable(
    log_probability: float | None, reason: DropReason | None
) -> None:
    assert reason_to_drop(decoding(SENTENCE, log_probability, no_speech=0.9), 10.0, RULES) == reason


@pytest.mark.parametrize(("seconds", "reason"), [(4.0, None), (1.0, DropReason.TOO_FAST)])
def test_more_words_than_anybody_can_say_are_not_believed(seconds: float, reason: DropReason | None) -> None:
    assert reason_to_drop(decoding(SENTENCE), seconds, RULES) == reason


def test_a_recogniser_that_tells_no_probabilities_is_still_checked_for_loops() -> None:
    assert reason_to_drop(decoding(SENTENCE, None, None), 10.0, RULES) is None
    assert reason_to_drop(decoding("thank you " * 10, None, None), 10.0, RULES) == DropReason.REPEATS_ITSELF


def test_no_words_claim_nothing() -> None:
    assert reason_to_drop(Decoding((), None, 0.99), 10.0, RULES) is None
    assert compression_ratio("") == 0.0


def test_only_items_that_fail_are_decoded_again_until_they_pass() -> None:
    recogniser = Scripted(decoding("thank you " * 10), decoding(SENTENCE, -2.0), decoding(SENTENCE, -0.5))
    one, other = decode_guarded(recogniser, [LOUD, QUIET], "en")
    assert recogniser.asked == [(0.0, 2), (0.4, 1), (0.8, 1)]
    assert (one.reason, one.temperature, one.decoding) == (None, 0.8, decoding(SENTENCE, -0.5))
    assert (other.reason, other.temperature) == (None, 0.0)


def test_an_improbable_text_is_not_drawn_again() -> None:
    recogniser = Scripted(decoding(SENTENCE, -1.2), *[decoding(SENTENCE)] * 2)
    [checked] = decode_guarded(recogniser, [LOUD], "en")
    assert (checked.reason, checked.temperature) == (DropReason.IMPROBABLE, 0.0)
    assert recogniser.asked == [(0.0, 1)]


def test_an_item_that_never_passes_keeps_the_last_reason() -> None:
    recogniser = Scripted(decoding("thank you " * 10), decoding(SENTENCE, -2.0), decoding("you " * 20))
    [judged] = decode_guarded(recogniser, [LOUD], "en")
    assert judged.reason == DropReason.REPEATS_ITSELF


def test_what_the_recogniser_takes_for_silence_is_not_decoded_again() -> None:
    recogniser = Scripted(*[decoding("you", -2.0, no_speech=0.95)] * 3)
    [judged] = decode_guarded(recogniser, [LOUD], "en")
    assert judged.reason == DropReason.NO_SPEECH
    assert recogniser.asked == [(0.0, 1)]


def test_no_items_need_no_decoding() -> None:
    recogniser = Scripted(*[decoding(SENTENCE)] * 3)
    assert decode_guarded(recogniser, [], "en") == []
