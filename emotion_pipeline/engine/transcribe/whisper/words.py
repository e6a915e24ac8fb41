"""From Whisper's tokens to words: its vocabulary by meaning, and which tokens make up a word, when it was said.

Nothing here knows a package or a model: a vocabulary is told how to turn tokens into text and names into tokens.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.transcribe.base import DecodedWord

# What one frame of the encoder stands for.
FRAME_S: Final = 0.02
# Times from 0 to 30 s, behind ``<|notimestamps|>``, the last tokens of every Whisper vocabulary.
_TIME_TOKENS: Final = 1_501
# Languages that put no spaces between words: each character counts as a word.
_WITHOUT_SPACES: Final = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
_INCOMPLETE: Final = "\N{REPLACEMENT CHARACTER}"
_OPENING: Final = frozenset("\"'¿¡")
# Punctuation for Unicode, words for people.
_SPOKEN_SIGNS: Final = frozenset("&%@#")
_PROBABILITY_DIGITS: Final = 3


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The tokens of one model that mean something by themselves."""

    # From tokens to text; bytes that are no whole character become U+FFFD.
    decode: Callable[[Sequence[int]], str]
    start: int
    end: int
    transcribe: int
    no_timestamps: int
    no_speech: int
    # Token of each language by its code; empty for models that know English only.
    languages: Mapping[str, int]

    @property
    def special(self) -> tuple[int, ...]:
        """All tokens that are no text, but for the end: with ``<|notimestamps|>`` in the prompt none may be said."""
        return tuple(range(self.end + 1, self.no_timestamps + _TIME_TOKENS + 1))

    def beginning(self, language: str) -> list[int]:
        """Return the prompt up to the task, to which ``no_timestamps`` is still to be added.

        :raises BackendUnavailableError: the model does not know the language
        """
        if not self.languages:
            if language != "en":
                raise BackendUnavailableError(f"this Whisper model knows English only, not {language!r}; take another")
            return [self.start]
        if language not in self.languages:
            raise BackendUnavailableError(
                f"this Whisper model does not know the language {language!r}; it knows {', '.join(self.languages)}"
            )
        return [self.start, self.languages[language], self.transcribe]

    def prompt(self, language: str) -> list[int]:
        """Return what a text in ``language`` follows: no timestamps, no text before."""
        return [*self.beginning(language), self.no_timestamps]


def vocabulary_of(
    token_of: Callable[[str], int | None], decode: Callable[[Sequence[int]], str], is_multilingual: bool
) -> Vocabulary:
    """Return the vocabulary of a tokenizer.

    :param token_of: the token of a special name such as ``<|transcribe|>``, None where there is none
    :raises KeyError: it lacks a token that every Whisper vocabulary has
    """

    def known(*names: str) -> int:
        for name in names:
            if (token := token_of(name)) is not None:
                return token
        raise KeyError(names[0])

    start, translate = known("<|startoftranscript|>"), known("<|translate|>")
    codes = {decode([token]).strip("<|>"): token for token in range(start + 1, translate)}
    return Vocabulary(
        decode=decode,
        start=start,
        end=known("<|endoftext|>"),
        transcribe=known("<|transcribe|>"),
        no_timestamps=known("<|notimestamps|>"),
        no_speech=known("<|nospeech|>", "<|nocaptions|>"),
        languages=codes if is_multilingual else {},
    )


def words_of(
    vocabulary: Vocabulary,
    language: str,
    tokens: Sequence[int],
    starts: Sequence[float],
    probabilities: Sequence[float],
    seconds: float,
) -> tuple[DecodedWord, ...]:
    """Return the words that tokens spell, in order.

    Punctuation belongs to the word before it, opening punctuation to the one after it, and has no part in its time and
    probability. A text of nothing but punctuation has no words.

    :param tokens: shape (n,), text only
    :param starts: shape (n + 1,), rising: when each token begins and the last one ends, in seconds
    :param probabilities: shape (n,)
    :param seconds: length of the audio; no word lies outside it
    """
    words = []
    for word in _grouped(_pieces(vocabulary, tokens), language in _WITHOUT_SPACES):
        start, end = (min(max(float(starts[at]), 0.0), seconds) for at in (word.first, word.last + 1))
        probability = sum(probabilities[word.first : word.last + 1]) / (word.last + 1 - word.first)
        rounded = round(min(max(float(probability), 0.0), 1.0), _PROBABILITY_DIGITS)
        words.append(DecodedWord(word.text, round(start, 4), round(max(start, end), 4), rounded))
    return tuple(words)


@dataclass(slots=True)
class _Part:
    """Some text and the first and last token that it counts as said in."""

    text: str
    first: int
    last: int


def _pieces(vocabulary: Vocabulary, tokens: Sequence[int]) -> list[_Part]:
    """Return the shortest runs of tokens that are whole characters."""
    pieces, first = [], 0
    for at in range(len(tokens)):
        text = vocabulary.decode(tokens[first : at + 1])
        # An incomplete character can only be the last one; one in the middle is wrong and will never be complete.
        if text.endswith(_INCOMPLETE) and at + 1 < len(tokens) and at - first < 3:
            continue
        pieces.append(_Part(text.replace(_INCOMPLETE, ""), first, at))
        first = at + 1
    return pieces


def _grouped(pieces: Sequence[_Part], without_spaces: bool) -> list[_Part]:
    words: list[_Part] = []
    opening, apart = "", True
    for piece in pieces:
        text = "".join(piece.text.split())
        apart = apart or without_spaces or piece.text[:1].isspace()
        if not text:
            continue
        if _is_punctuation(text) and (not words or (apart and _opens(text))):
            opening, apart = opening + text, True
        elif _is_punctuation(text):
            words[-1].text += text
            apart = False
        elif apart:
            words.append(_Part(opening + text, piece.first, piece.last))
            opening, apart = "", without_spaces
        else:
            words[-1].text += text
            words[-1].last = piece.last
    if words:
        words[-1].text += opening
    return words


def _is_punctuation(text: str) -> bool:
    return all(unicodedata.category(one).startswith("P") and one not in _SPOKEN_SIGNS for one in text)


def _opens(text: str) -> bool:
    return all(unicodedata.category(one) in ("Ps", "Pi") or one in _OPENING for one in text)
