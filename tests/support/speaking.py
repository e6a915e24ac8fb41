"""Words with times as a recogniser hands them over, made from text."""

from collections.abc import Sequence

from emotion_pipeline.engine.common.types import Word

WORD_S = 0.35
STEP_S = 0.4


def words_of(text: str, speaker: str = "speaker_1", start: float = 0.0) -> list[Word]:
    """The words of ``text``, one every ``STEP_S`` seconds from ``start`` on."""
    return [
        Word(word, start + index * STEP_S, start + index * STEP_S + WORD_S, 0.9, speaker)
        for index, word in enumerate(text.split())
    ]


def dialogue(*turns: tuple[str, str], pause: float = 0.8) -> list[Word]:
    """The words of turns, each a speaker and what is said, one after the other."""
    words: list[Word] = []
    for speaker, text in turns:
        words += words_of(text, speaker, words[-1].end + pause if words else 0.0)
    return words


def text_of(words: Sequence[Word], speaker: str | None = None) -> str:
    """What was said, by one speaker or by all, in order of time."""
    chosen = (word for word in sorted(words, key=lambda word: word.start) if speaker in (None, word.speaker))
    return " ".join(word.text for word in chosen)
