"""One speaker's words as the recognisers see them: tokens, numbers, and the topics that announce personal data.

A topic ("my card number is", "call me at", "born on") reaches the numbers after it, whoever says them: one asks, the
other answers. ``topics.toml`` lists the phrases of each topic, and what a number must look like to be taken for it.
"""

import tomllib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from emotion_pipeline.engine.common.types import Word
from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.tokens import HESITATIONS, Form, Token, read_numbers, tokenize, word_set

# How far a topic reaches, in words of all speakers and in seconds.
REACH_WORDS: Final = 25
REACH_S: Final = 40.0
# Somebody who reads a number from a card may search for the card first; after this long it is another matter.
LONGEST_PAUSE_S: Final = 20.0
# Tokens from the end of a number to the topic in "... is my phone number".
_AFTER_TOKENS: Final = 4
_LINKING_VERBS: Final = frozenset({"is", "was", "that's", "as", "are"})
_NOT_SOCIAL: Final = word_set("media network networks work worker workers distancing life club event side")


class Topic(Enum):
    """What is being talked about: the sections of ``topics.toml``."""

    PHONE = "phone"
    NUMBER = "number"
    EXTENSION = "extension"
    CARD = "card"
    CVV = "cvv"
    EXPIRY = "expiry"
    EXPIRY_DATE = "expiry_date"
    SOCIAL_SECURITY = "social_security"
    LAST_FOUR = "last_four"
    ROUTING = "routing"
    SORT_CODE = "sort_code"
    BANK = "bank"
    ACCOUNT_NUMBER = "account_number"
    ACCOUNT = "account"
    REFERENCE = "reference"
    PASSPORT = "passport"
    LICENSE = "license"
    VEHICLE = "vehicle"
    HEALTH = "health"
    SECRET = "secret"
    BIRTH = "birth"
    EMAIL = "email"
    # A placeholder: what was announced before it has been said, and taken out.
    TAKEN_OUT = "taken_out"


# Topics after which digits belong to something new. The rest also come up while one writes a number down.
_CHANGING: Final = frozenset(Topic) - {Topic.NUMBER, Topic.CARD, Topic.LAST_FOUR, Topic.ACCOUNT, Topic.TAKEN_OUT}


@dataclass(frozen=True, slots=True)
class TopicRule:
    """One section of ``topics.toml``, which explains the fields; no length fits where none is given."""

    phrases: list[str]
    kind: DataKind = DataKind.NUMBER_SEQUENCE
    digits: tuple[int, int] = (1, 0)
    characters: tuple[int, int] = (1, 0)
    reach: int = REACH_WORDS

    @property
    def first_only(self) -> bool:
        """A topic with few digits is over after the first number: what comes then is another matter."""
        return self.reach < REACH_WORDS


RULES: Final = TypeAdapter(dict[Topic, TopicRule]).validate_python(
    tomllib.loads(Path(__file__).with_name("topics.toml").read_text(encoding="utf-8"))
) | {Topic.TAKEN_OUT: TopicRule([])}


class Phrase(NamedTuple):
    """Where a topic came up in the tokens of a speaker, ``first`` and ``last`` included."""

    topic: Topic
    first: int
    last: int


def _phrases_by_first_token() -> dict[str, list[tuple[tuple[str, ...], Topic]]]:
    """Return phrases as the texts of their tokens, the longest first."""
    table: dict[str, list[tuple[tuple[str, ...], Topic]]] = defaultdict(list)
    for topic, rule in RULES.items():
        for phrase in rule.phrases:
            texts = tuple(token.text for token in tokenize(phrase.split()))
            table[texts[0]].append((texts, topic))
    return {first: sorted(entries, key=lambda entry: -len(entry[0])) for first, entries in table.items()}


_PHRASES: Final = _phrases_by_first_token()


def find_phrases(tokens: Sequence[Token]) -> list[Phrase]:
    """Return the topics that come up in one speaker's tokens, in order, the longest phrase at each place."""
    phrases: list[Phrase] = []
    for index, token in enumerate(tokens):
        if phrases and index <= phrases[-1].last:
            continue
        if token.form is Form.PLACEHOLDER:
            phrases.append(Phrase(Topic.TAKEN_OUT, index, index))
            continue
        for texts, topic in _PHRASES.get(token.text, ()):
            end = index + len(texts)
            if tuple(following.text for following in tokens[index:end]) != texts:
                continue
            if topic is Topic.SOCIAL_SECURITY and end < len(tokens) and tokens[end].text in _NOT_SOCIAL:
                continue
            phrases.append(Phrase(topic, index, end - 1))
            break
    return phrases


class Mention(NamedTuple):
    """A topic that came up, at a word whose ``rank`` is its place among all words in order of time."""

    rank: int
    topic: Topic
    # When it had been said, in seconds.
    time: float


class Nearby(NamedTuple):
    """A topic near a number: how many words away, and whether another number came between."""

    topic: Topic
    words: int
    used: bool


class Finding(NamedTuple):
    """Personal data in tokens or words ``first`` to ``last``, both included; ``digits`` of a number, else empty."""

    kind: DataKind
    first: int
    last: int
    digits: str = ""


class Speech:
    """One speaker's words in order of time, as tokens and numbers, and the topics around each token.

    :param positions: of the words among all words that are redacted
    :param ranks: of the words among all words in order of time
    """

    def __init__(self, speaker: str, positions: list[int], words: list[Word], ranks: list[int]) -> None:
        self.speaker = speaker
        self.positions = positions
        self.words = words
        pauses = {word for word in range(1, len(words)) if words[word].start - words[word - 1].end > LONGEST_PAUSE_S}
        self.tokens = tokenize((word.text for word in words), pauses)
        self.phrases = find_phrases(self.tokens)
        # Tokens that say what follows, as "s s n" does. The four of "last four" is no digit of what follows.
        self.announcing = {token for phrase in self.phrases for token in range(phrase.first, phrase.last + 1)}
        self.numbers = [number for number in read_numbers(self.tokens) if number.first not in self.announcing]
        # Indices of numbers by their first and by their last token.
        self.starts = {number.first: index for index, number in enumerate(self.numbers)}
        self.ends = {number.last: index for index, number in enumerate(self.numbers)}
        self._ranks = ranks
        # Topics of all speakers in order of time; of this speaker alone until all speakers' words have been read.
        self.mentions = [
            Mention(self.rank(phrase.last), phrase.topic, words[self.tokens[phrase.last].word].end)
            for phrase in self.phrases
        ]

    def text(self, token: int) -> str:
        """Return the text of a token, empty where there is none."""
        return self.tokens[token].text if 0 <= token < len(self.tokens) else ""

    def before(self, token: int) -> int:
        """Return the last token before ``token`` that is no hesitation, -1 where there is none."""
        token -= 1
        while self.text(token) in HESITATIONS:
            token -= 1
        return token

    def rank(self, token: int) -> int:
        """Return the place of a token's word among all words in order of time."""
        return self._ranks[self.tokens[token].word]

    def time(self, token: int) -> float:
        """Return when a token's word starts, in seconds."""
        return self.words[self.tokens[token].word].start

    def pause(self, left: int, right: int) -> float:
        """Return the seconds between the words of two tokens."""
        return self.time(right) - self.words[self.tokens[left].word].end

    def nearby(self, token: int, since: int = -1) -> list[Nearby]:
        """Return the topics that reach ``token``, the nearest first, up to a placeholder.

        :param since: rank of the last number; topics up to it are used
        """
        rank, time = self.rank(token), self.time(token)
        near: list[Nearby] = []
        for index in range(bisect_left(self.mentions, rank, key=_rank_of) - 1, -1, -1):
            mention = self.mentions[index]
            too_far = rank - mention.rank > REACH_WORDS or time - mention.time > REACH_S
            if mention.topic is Topic.TAKEN_OUT or too_far:
                break
            near.append(Nearby(mention.topic, rank - mention.rank, mention.rank <= since))
        return near

    def after(self, token: int) -> list[Nearby]:
        """Return what "... is my number" says of what ends with ``token``."""
        if self.text(token + 1) not in _LINKING_VERBS:
            return []
        index = bisect_right(self.phrases, token, key=lambda phrase: phrase.first)
        if index == len(self.phrases) or self.phrases[index].first - token > _AFTER_TOKENS:
            return []
        return [Nearby(self.phrases[index].topic, self.phrases[index].first - token, False)]

    def apart(self, left: int, right: int) -> bool:
        """Tell whether two tokens cannot belong to one thing, since another topic came up between them."""
        first = bisect_right(self.mentions, self.rank(left), key=_rank_of)
        last = bisect_left(self.mentions, self.rank(right), key=_rank_of)
        return any(mention.topic in _CHANGING for mention in self.mentions[first:last])

    def email_announced(self, token: int) -> bool:
        """Tell whether an e-mail address was announced shortly before a token."""
        return any(near.topic is Topic.EMAIL for near in self.nearby(token))


def _rank_of(mention: Mention) -> int:
    return mention.rank
