"""What a number may be about: the words around it that announce one, "my card number is", "call me at", "born on".

A topic reaches the numbers after it, whoever says them: one asks, the other answers. What a number must look like to
fit a topic is said in ``numbers``.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from emotion_pipeline.engine.redact.tokens import Form, Token, tokenize, word_set


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
    found: list[Phrase] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        phrase = _longest(tokens, position) if token.text in _TABLE else None
        if token.form is Form.PLACEHOLDER:
            phrase = Phrase(Topic.TAKEN_OUT, position, position)
        if phrase is not None:
            found.append(phrase)
        position = position + 1 if phrase is None else phrase.last + 1
    return found


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
