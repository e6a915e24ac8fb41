"""One speaker's words as the finders see them: tokens, numbers, and the topics that announce personal data.

A topic is what a number may be about: "my card number is", "call me at", "born on".

It reaches the numbers after it, whoever says them: one asks, the other answers. What a number must look like to
fit a topic is said in ``numbers``.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, NamedTuple

from emotion_pipeline.engine.common.types import Word
from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.tokens import Form, Token, read_numbers, tokenize, word_set

# How far a topic reaches, in words of all speakers; what has few digits must be nearer, see ``numbers.Rule``.
REACH_WORDS: Final = 25
REACH_S: Final = 40.0
# Somebody who reads a number from a card may search for the card first; after this long it is another matter.
LONGEST_PAUSE_S: Final = 20.0
# Tokens from the end of a number to the topic in "... is my phone number".
_AFTER_TOKENS: Final = 4
_LINKING_VERBS: Final = frozenset({"is", "was", "that's", "as", "are"})


class Topic(Enum):
    """What is being talked about."""

    PHONE = auto()
    # Some number; of seven digits and more it is mostly a telephone's.
    NUMBER = auto()
    EXTENSION = auto()
    CARD = auto()
    CVV = auto()
    EXPIRY = auto()
    # As people call it who read it from a card.
    EXPIRY_DATE = auto()
    SOCIAL_SECURITY = auto()
    LAST_FOUR = auto()
    ROUTING = auto()
    SORT_CODE = auto()
    BANK = auto()
    ACCOUNT_NUMBER = auto()
    ACCOUNT = auto()
    # A number of a thing, not of a person: an order, a case, a ticket.
    REFERENCE = auto()
    PASSPORT = auto()
    LICENSE = auto()
    VEHICLE = auto()
    HEALTH = auto()
    SECRET = auto()
    BIRTH = auto()
    EMAIL = auto()
    # A placeholder: what was announced before it has been said, and taken out.
    TAKEN_OUT = auto()


_PHRASES: Final = {
    Topic.PHONE: (
        "phone|telephone|mobile|cell|cellphone|cell phone|phone number|telephone number|mobile number|cell number|"
        "home number|work number|office number|contact number|callback number|fax|fax number|call me|call us|call him|"
        "call her|call them|call back|callback|call you|ring me|ring us|text me|text us|text you|reach me|reach us|"
        "reach him|reach her|reach you|reached at|dial|whatsapp|landline|hotline|toll free|voicemail"
    ),
    Topic.NUMBER: "number|call|reach|ring|text",
    Topic.EXTENSION: "extension|ext",
    Topic.CARD: "card|card number|visa|mastercard|master card|amex|american express|credit card|debit card|pan",
    Topic.CVV: (
        "cvv|cvv2|cvc|cvc2|c v v|c v c|c.v.v|c.v.c|security code|security number|verification value|"
        "card verification|code on the back|digits on the back|number on the back|csc|cid"
    ),
    Topic.EXPIRY: "expires|expire|expiring|expired|valid until|valid till|good until",
    Topic.EXPIRY_DATE: (
        "expiry|expiration|exp|expiry date|expiration date|exp date|valid through|valid thru|good through|good thru"
    ),
    Topic.SOCIAL_SECURITY: (
        "social|social security|social security number|social insurance|social insurance number|social number|ssn|"
        "s s n|s.s.n|taxpayer id|tax id|itin"
    ),
    Topic.LAST_FOUR: (
        "ending in|ending with|ends in|ends with|ending|last four|last 4|last four digits|last 4 digits|"
        "final four digits"
    ),
    Topic.ROUTING: "routing|routing number|aba|aba number|transit number|wire number",
    Topic.SORT_CODE: "sort code|branch code|bsb",
    Topic.BANK: (
        "iban|bank account|bank account number|checking account|savings account|checking account number|"
        "savings account number|current account number"
    ),
    Topic.ACCOUNT_NUMBER: (
        "account number|account no|acct number|account ending|member number|member id|membership number|membership id|"
        "customer number|customer id|client number|client id|policy number|loan number|employee number|employee id|"
        "student number|student id|user id|id number|subscriber number|subscriber id"
    ),
    Topic.ACCOUNT: "account|acct|membership|policy",
    Topic.REFERENCE: (
        "order number|reference number|reference|confirmation number|confirmation code|case number|ticket number|"
        "tracking number|invoice number|serial number|model number|part number|claim number|booking number|"
        "reservation number|order id|transaction number|transaction id|tracking id|case id|imei"
    ),
    Topic.PASSPORT: "passport|passport number",
    Topic.LICENSE: (
        "driver's license|drivers license|driver license|driving licence|driver's licence|driving license|"
        "driver's license number|drivers license number|driver license number|driving licence number|license number|"
        "licence number"
    ),
    Topic.VEHICLE: (
        "vin|vin number|vehicle identification|vehicle identification number|license plate|licence plate|number plate|"
        "plate number|license plate number|registration plate|chassis number"
    ),
    Topic.HEALTH: (
        "medicare|medicare number|medicaid|nhs number|medical record number|medical record|patient number|patient id|"
        "health insurance number|insurance number|insurance id|health card|health card number"
    ),
    Topic.SECRET: (
        "pin|pin number|pin code|passcode|password|pass code|verification code|access code|one time code|"
        "one-time code|one time password|one-time password|otp|unlock code|authentication code|login code"
    ),
    Topic.BIRTH: "born|birthday|birth date|birthdate|birth|date of birth|dob|d o b|d.o.b",
    Topic.EMAIL: "email|e-mail|e mail|email address|e-mail address|e mail address|mail address",
}
_NOT_SOCIAL: Final = word_set("media network networks work worker workers distancing life club event side")


class Mention(NamedTuple):
    """A topic that came up, at a word whose ``rank`` is its place among all words in order of time."""

    rank: int
    topic: Topic
    # When it had been said, in seconds.
    time: float


class Phrase(NamedTuple):
    """Where a topic came up in the tokens of a speaker, ``first`` and ``last`` included."""

    topic: Topic
    first: int
    last: int


def _table() -> dict[str, list[tuple[tuple[str, ...], Topic]]]:
    """Phrases by their first token, longest first."""
    table: dict[str, list[tuple[tuple[str, ...], Topic]]] = defaultdict(list)
    for topic, phrases in _PHRASES.items():
        for phrase in phrases.split("|"):
            texts = tuple(token.text for token in tokenize(phrase.split()))
            table[texts[0]].append((texts, topic))
    for found in table.values():
        found.sort(key=lambda entry: -len(entry[0]))
    return dict(table)


_TABLE: Final = _table()


def phrases(tokens: Sequence[Token]) -> list[Phrase]:
    """Return the topics that come up in one speaker's tokens, in order, the longest phrase at each place."""
    matches: list[Phrase] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        phrase = _longest(tokens, position) if token.text in _TABLE else None
        if token.form is Form.PLACEHOLDER:
            phrase = Phrase(Topic.TAKEN_OUT, position, position)
        if phrase is not None:
            matches.append(phrase)
        position = position + 1 if phrase is None else phrase.last + 1
    return matches


def _longest(tokens: Sequence[Token], at: int) -> Phrase | None:
    for texts, topic in _TABLE[tokens[at].text]:
        end = at + len(texts)
        if tuple(token.text for token in tokens[at:end]) == texts:
            if topic is Topic.SOCIAL_SECURITY and end < len(tokens) and tokens[end].text in _NOT_SOCIAL:
                continue
            return Phrase(topic, at, end - 1)
    return None


# Topics after which digits belong to something new. The rest also come up while one writes a number down.
_CHANGING: Final = frozenset(Topic) - {Topic.NUMBER, Topic.CARD, Topic.LAST_FOUR, Topic.ACCOUNT, Topic.TAKEN_OUT}


class Mentions:
    """All topics of a recording in order of time."""

    def __init__(self, mentions: Sequence[Mention]) -> None:
        self._mentions = sorted(mentions, key=lambda mention: mention.rank)
        self._ranks = [mention.rank for mention in self._mentions]

    def changed(self, after: int, before: int) -> bool:
        """Tell whether another matter came up between two words, given by their ranks."""
        between = self._mentions[bisect_right(self._ranks, after) : bisect_left(self._ranks, before)]
        return any(mention.topic in _CHANGING for mention in between)

    def before(self, rank: int, time: float, words: int, seconds: float) -> Iterator[Mention]:
        """Yield what came up before the word ``rank``, said at ``time``, the nearest first, up to a placeholder."""
        for index in range(bisect_left(self._ranks, rank) - 1, -1, -1):
            mention = self._mentions[index]
            if mention.topic is Topic.TAKEN_OUT or rank - mention.rank > words or time - mention.time > seconds:
                return
            yield mention


@dataclass(frozen=True, slots=True)
class Nearby:
    """A topic near a number: how many words away, and whether another number came between."""

    topic: Topic
    words: int
    used: bool


class Found(NamedTuple):
    """Tokens ``first`` to ``last``, both included, and the digits of a number, empty for other data."""

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
        pauses = {at for at in range(1, len(words)) if words[at].start - words[at - 1].end > LONGEST_PAUSE_S}
        self.tokens = tokenize((word.text for word in words), pauses)
        self.phrases = phrases(self.tokens)
        # Tokens that say what follows, as "s s n" does. The four of "last four" is no digit of what follows.
        self.announcing = {at for phrase in self.phrases for at in range(phrase.first, phrase.last + 1)}
        self.chunks = [chunk for chunk in read_numbers(self.tokens) if chunk.first not in self.announcing]
        # Indices of chunks by their first and by their last token.
        self.starts = {chunk.first: index for index, chunk in enumerate(self.chunks)}
        self.ends = {chunk.last: index for index, chunk in enumerate(self.chunks)}
        # Topics of all speakers: set once every speaker's words have been read.
        self.topics = Mentions([])
        self._ranks = ranks
        self._phrase_starts = [phrase.first for phrase in self.phrases]

    @property
    def mentions(self) -> list[Mention]:
        """The topics that this speaker brings up."""
        return [
            Mention(self.rank(phrase.last), phrase.topic, self.words[self.tokens[phrase.last].word].end)
            for phrase in self.phrases
        ]

    def text(self, at: int) -> str:
        """Return the text of a token, empty where there is none."""
        return self.tokens[at].text if 0 <= at < len(self.tokens) else ""

    def rank(self, token: int) -> int:
        """Return the place of a token's word among all words in order of time."""
        return self._ranks[self.tokens[token].word]

    def time(self, token: int) -> float:
        """Return when a token's word starts, in seconds."""
        return self.words[self.tokens[token].word].start

    def nearby(self, token: int, since: int = -1) -> list[Nearby]:
        """Return the topics that reach ``token``; those up to the word of rank ``since`` have had their number."""
        rank, time = self.rank(token), self.time(token)
        return [
            Nearby(mention.topic, rank - mention.rank, mention.rank <= since)
            for mention in self.topics.before(rank, time, REACH_WORDS, REACH_S)
        ]

    def apart(self, left: int, right: int) -> bool:
        """Tell whether two tokens cannot belong to one thing, since another topic came up between them."""
        earlier, later = self.rank(left), self.rank(right)
        return later - earlier > 1 and self.topics.changed(earlier, later)

    def email_announced(self, token: int) -> bool:
        """Tell whether an e-mail address was announced shortly before a token."""
        return any(near.topic is Topic.EMAIL for near in self.nearby(token))

    def after(self, token: int) -> list[Nearby]:
        """Return what "... is my number" says of what ends with ``token``."""
        if token + 1 >= len(self.tokens) or self.tokens[token + 1].text not in _LINKING_VERBS:
            return []
        index = bisect_right(self._phrase_starts, token)
        if index == len(self.phrases) or self.phrases[index].first - token > _AFTER_TOKENS:
            return []
        return [Nearby(self.phrases[index].topic, self.phrases[index].first - token, False)]
