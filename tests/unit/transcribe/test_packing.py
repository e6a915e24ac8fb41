"""Items that share a window of the recogniser: which do, and whose words are whose."""

from collections.abc import Sequence

import numpy as np
import pytest

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.transcribe.base import DecodedWord, Decoding, GuardRules, SpokenLanguage
from emotion_pipeline.engine.transcribe.guard import decode_guarded
from emotion_pipeline.engine.transcribe.packing import decode_packed
from emotion_pipeline.engine.transcribe.transcript_reasons import DropReason

HALF_SECOND = SAMPLE_RATE // 2


class ReadsLevels:
    """A recogniser with one word for each half second of sound: its level in hundredths. Silence has no word."""

    fingerprint = "levels:1"
    rules = GuardRules()
    temperatures = (0.0, 0.5)
    longest_s = 30.0
    pad_s = 0.0

    def __init__(self) -> None:
        self.windows: list[float] = []

    def language_of(self, items: Sequence[Channel]) -> SpokenLanguage:
        return SpokenLanguage("en", 1.0 if items else 0.0)

    def decode(self, items: Sequence[Channel], language: str, temperature: float) -> list[Decoding]:
        self.windows += [len(item) / SAMPLE_RATE for item in items]
        return [self.decoding(item) for item in items]

    def decoding(self, item: Channel) -> Decoding:
        starts = range(0, len(item) - HALF_SECOND + 1, HALF_SECOND)
        words = [
            DecodedWord(f"{item[at + HALF_SECOND // 2]:.2f}", at / SAMPLE_RATE, at / SAMPLE_RATE + 0.5, 0.9)
            for at in starts
            if item[at + HALF_SECOND // 2] > 0
        ]
        return Decoding(tuple(words), -0.1, 0.0)


def level(value: float, seconds: float) -> Channel:
    return np.full(round(seconds * SAMPLE_RATE), value, dtype=np.float32)


def test_short_items_share_a_window_and_keep_their_words_and_times() -> None:
    recogniser, items = ReadsLevels(), [level(0.1, 2.0), level(0.2, 3.0), level(0.3, 1.0)]
    packed = decode_packed(recogniser, items, "en", 0.0, ["a"] * len(items))
    assert recogniser.windows == [8.0]
    assert [share.n_items for share in packed] == [3, 3, 3]
    for share, item, text in zip(packed, items, ("0.10", "0.20", "0.30"), strict=True):
        assert {word.text for word in share.item.words} == {text}
        assert [word.start for word in share.item.words] == [at / 2 for at in range(2 * len(item) // SAMPLE_RATE)]
        assert share.item.average_log_probability == pytest.approx(np.log(0.9))


def test_windows_are_never_longer_than_the_recogniser_reads() -> None:
    recogniser = ReadsLevels()
    items = [level(0.1 + number / 100, seconds) for number, seconds in enumerate([30.0, 12.0, 16.0, 3.0, 29.5, 0.0])]
    packed = decode_packed(recogniser, items, "en", 0.0, ["a"] * len(items))
    assert recogniser.windows == [30.0, 29.0, 3.0, 29.5, 0.0]
    assert [share.n_items for share in packed] == [1, 2, 2, 1, 1, 1]
    assert decode_packed(recogniser, [], "en", 0.0, []) == []


def test_no_two_speakers_share_a_window() -> None:
    recogniser, items = ReadsLevels(), [level(0.1, 2.0), level(0.2, 3.0), level(0.3, 1.0)]
    decode_packed(recogniser, items, "en", 0.0, ["a", "a", "b"])
    decode_packed(recogniser, items, "en", 0.0)
    assert recogniser.windows == [6.0, 1.0, 2.0, 3.0, 1.0]


def test_a_word_between_two_items_belongs_to_the_nearer() -> None:
    class Late(ReadsLevels):
        def decoding(self, item: Channel) -> Decoding:
            return Decoding((DecodedWord("first", 2.1, 2.3, 0.9), DecodedWord("second", 2.7, 2.9, 0.9)), -0.1, 0.0)

    first, second = decode_packed(Late(), [level(0.1, 2.0), level(0.2, 2.0)], "en", 0.0, ["a", "a"])
    assert [(word.text, word.start, word.end) for word in first.item.words] == [("first", 2.0, 2.0)]
    assert [(word.text, word.start, word.end) for word in second.item.words] == [("second", 0.0, 0.0)]


def test_an_item_without_words_in_its_window_is_read_by_itself() -> None:
    class HardOfHearing(ReadsLevels):
        """It loses what is soft where something loud is beside it."""

        def decoding(self, item: Channel) -> Decoding:
            return super().decoding(np.where(item >= max(item, default=0.0) / 4, item, 0.0).astype(np.float32))

    recogniser = HardOfHearing()
    soft, loud = decode_guarded(recogniser, [level(0.1, 2.0), level(0.9, 2.0)], "en", ["a", "a"])
    assert recogniser.windows == [5.0, 2.0]
    assert [result.decoding.words[0].text for result in (soft, loud)] == ["0.10", "0.90"]


def test_no_share_of_a_window_that_loops_is_believed() -> None:
    class LoopsTogether(ReadsLevels):
        def decoding(self, item: Channel) -> Decoding:
            if len(item) <= 3 * SAMPLE_RATE:
                return super().decoding(item)
            words = tuple(DecodedWord(text, at / 50, at / 50, 0.9) for at, text in enumerate(("thank", "you") * 80))
            return Decoding(words, -0.1, 0.0)

    results = decode_guarded(LoopsTogether(), [level(0.1 * number, 2.0) for number in (1, 2, 3)], "en", ["a"] * 3)
    assert [result.reason for result in results] == [None, None, None]
    assert [result.decoding.words[0].text for result in results] == ["0.10", "0.20", "0.30"]


def test_an_item_that_fails_by_itself_is_dropped_and_its_neighbours_stay() -> None:
    class Unsure(ReadsLevels):
        def decoding(self, item: Channel) -> Decoding:
            decoding = super().decoding(item)
            return Decoding(
                tuple(
                    DecodedWord(word.text, word.start, word.end, 0.01 if word.text == "0.20" else 0.9)
                    for word in decoding.words
                ),
                -3.0 if {word.text for word in decoding.words} == {"0.20"} else -0.3,
                0.0,
            )

    results = decode_guarded(Unsure(), [level(0.1 * number, 2.0) for number in (1, 2, 3)], "en", ["a"] * 3)
    assert [result.reason for result in results] == [None, DropReason.IMPROBABLE, None]
