"""Addresses of the internet in tokens, written or spoken: e-mail ("john dot smith at example dot com"), URL, IPv6.

IPv4 addresses are runs of numbers and found in ``numbers``.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.spoken import DASHES, DOTS, HESITATIONS, SLASHES
from emotion_pipeline.engine.redact.tokens import Form, Token, word_set


class Stretch(NamedTuple):
    """Tokens ``first`` to ``last``, both included, that are personal data of a kind."""

    kind: DataKind
    first: int
    last: int


_WRITTEN_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\W\d_]{2,}")
_WRITTEN_URL: Final = re.compile(r"(?:https?|ftp)://\S+|www\.\S+\.\S+", re.IGNORECASE)

_DOMAINS: Final = word_set(
    "com org net edu gov mil int info biz io ai dev xyz tv co uk ca au nz ie "
    "de fr es nl ch eu cn jp kr br mx ru pl se dk fi za pt gr cz tr ua sg hk tw il ar cl pe"
)
_AMBIGUOUS_DOMAINS: Final = word_set(
    "in it at be is so to me us am my no as do by app tech online shop store site cloud blog live"
)
# Domains before which also "point" or "period" is a dot; "at that point in time" has none.
_DOTTED_BY_POINT: Final = frozenset({"com", "net", "org"})
"""Domains that are English words: believed only where something else shows an address."""
_PROVIDERS: Final = word_set(
    "gmail googlemail hotmail outlook yahoo icloud aol protonmail proton gmx ymail live msn fastmail comcast"
)
_CONNECTORS: Final = DOTS | DASHES | {"_", "underscore", "+", "plus"}
_NO_LABEL: Final = word_set(
    "the a an this that these those our my your his her their of is was are in on and or but each every any some no "
    "to for with from by as like dot polka old new called big little"
)
# Words that are not what stands before the "at" of an e-mail address, but the sentence around it.
_NOT_LOCAL: Final = _NO_LABEL | word_set(
    "it's its it i you he she we they him us them me so well um yes no yeah okay ok sure right then now here there "
    "address email mail e-mail e write send sent sending contact reach reached called emailed message please just "
    "via using use go look looking looked see find found works work working worked shop shopping buy bought order "
    "ordered available visit visited online up down out sign signed register registered login log be been at get got "
    "will can could would should have has had do did does not don't who what where when which how why ask asked "
    "something anything nothing everything one stuff things place seen read reading watched saw sell sold selling "
    "apply applied more us support's that's what's i'm you're again also only even still back over about call calling"
)
_SPELLING: Final = word_set("capital lowercase uppercase lower upper case all letter letters number as")
_NUMBER_WORDS: Final = word_set(
    "zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety double triple hundred"
)
_SCHEME: Final = word_set("www w http https h t p s colon slash forward double : / //")
_IN_PATH: Final = _CONNECTORS | {"=", "?", "&", "#", "equals", "%"}
_MOST_PLAIN_WORDS: Final = 3
_ATOMS: Final = (Form.WORD, Form.NUMBER, Form.CODE, Form.GROUPED)


class AddressReader:
    """Finds the addresses in one speaker's tokens.

    :param announced: tells whether an e-mail address was announced shortly before a token
    :param apart: tells whether two tokens cannot belong to one thing, because of what was said between them
    """

    def __init__(
        self,
        tokens: Sequence[Token],
        words: Sequence[str],
        announced: Callable[[int], bool],
        apart: Callable[[int, int], bool],
    ) -> None:
        self._tokens = tokens
        self._words = words
        self._announced = announced
        self._apart = apart

    def addresses(self) -> Iterator[Stretch]:
        """Yield the addresses in order of what marks them; they may overlap."""
        done = -1
        for at, token in enumerate(self._tokens):
            if token.form is Form.SYMBOL and token.text in "@:":
                yield from self._written(at)
            if token.text in DOTS and at > done:
                stretch = self._around_dot(at)
                if stretch is not None:
                    done = stretch.last
                    yield stretch
            elif token.text in ("at", "@"):
                stretch = self._at_provider(at)
                if stretch is not None:
                    yield stretch

    def _written(self, at: int) -> Iterator[Stretch]:
        """Yield the address that a single word is, whatever its domain."""
        word = self._words[self._tokens[at].word].strip("\"'“”‘’([{<>)]}.,;:!?…")
        first, last = self._glued(at)
        if _WRITTEN_EMAIL.fullmatch(word):
            yield Stretch(DataKind.EMAIL_ADDRESS, first, last)
        elif _WRITTEN_URL.fullmatch(word):
            yield Stretch(DataKind.URL, first, last)
        elif word.count(":") >= 2 and _is_ipv6(word):
            yield Stretch(DataKind.IP_ADDRESS, first, last)

    def _glued(self, at: int) -> tuple[int, int]:
        first, last, word = at, at, self._tokens[at].word
        while first > 0 and self._tokens[first - 1].word == word:
            first -= 1
        while last + 1 < len(self._tokens) and self._tokens[last + 1].word == word:
            last += 1
        return first, last

    def _text(self, at: int) -> str:
        return self._tokens[at].text if 0 <= at < len(self._tokens) else ""

    def _is_atom(self, at: int) -> bool:
        return 0 <= at < len(self._tokens) and self._tokens[at].form in _ATOMS and self._text(at) not in _CONNECTORS

    def _before(self, at: int) -> int:
        """Return the token before ``at`` that is no hesitation."""
        at -= 1
        while self._text(at) in HESITATIONS:
            at -= 1
        return at

    def _around_dot(self, dot: int) -> Stretch | None:
        """Return the address whose domain ends with the dot and what follows it."""
        domain, label = self._text(dot + 1), self._before(dot)
        if domain not in _DOMAINS and domain not in _AMBIGUOUS_DOMAINS:
            return None
        if self._text(dot) in ("point", "period") and domain not in _DOTTED_BY_POINT:
            return None
        if not self._is_atom(label) or self._text(label) in _NO_LABEL or self._text(label) == "at":
            return None
        label = self._label_start(label)
        end = self._path_end(self._domain_end(dot + 1))
        first = self._scheme_start(self._www_before(label))
        sign = self._at_before(label)
        local = self._local_start(sign)
        sure = end > dot + 1 or first < label or self._text(label) == "www" or self._text(sign) == "@"
        if domain in _AMBIGUOUS_DOMAINS and not (sure or self._tokens[dot].glued or self._announced(dot)):
            return None
        return Stretch(DataKind.URL, first, end) if local is None else Stretch(DataKind.EMAIL_ADDRESS, local, end)

    def _domain_end(self, at: int) -> int:
        while self._text(at + 1) in DOTS and self._text(at + 2) in _DOMAINS:
            at += 2
        return at

    def _label_start(self, at: int) -> int:
        """Return the first token of the labels that end at ``at``: connected, in one word, or spelled out."""
        while True:
            before = self._before(at)
            if before >= 0 and self._apart(before, at):
                return at
            if self._text(before) in _CONNECTORS and self._is_atom(self._before(before)):
                if self._text(before) in DOTS and self._text(self._before(before)) in _NO_LABEL:
                    return at
                at = self._before(before)
            elif (self._tokens[at].glued or self._is_spelled(at)) and self._is_spelled(before):
                at = before
            else:
                return at

    def _is_spelled(self, at: int) -> bool:
        return self._is_atom(at) and (
            len(self._text(at)) == 1 or self._tokens[at].form is Form.NUMBER or self._text(at) in _NUMBER_WORDS
        )

    def _at_before(self, label: int) -> int:
        """Return the "at" that stands before a domain, over a few plain words of its name; -1 without."""
        at = self._before(label)
        for _ in range(_MOST_PLAIN_WORDS):
            if self._text(at) in ("@", "at"):
                return at
            if self._text(at) in ("sign", "symbol") and self._text(at - 1) == "at":
                return at - 1
            if not self._is_atom(at) or (self._text(at) in _NO_LABEL and not self._announced(label)):
                return -1
            at = self._before(at)
        return at if self._text(at) in ("@", "at") else -1

    def _local_start(self, sign: int) -> int | None:
        """Return the first token of what stands before the "at" of an address, None where that is no such thing."""
        at = self._before(sign) if sign >= 0 else -1
        if not self._is_atom(at):
            return None
        connected = self._text(self._before(at)) in _CONNECTORS
        if self._text(at) in _NOT_LOCAL and not connected and self._text(sign) != "@":
            return None
        plain = 0
        while True:
            before = self._before(at)
            text = self._text(before)
            if before >= 0 and self._apart(before, at):
                return at
            if text in _CONNECTORS and self._is_atom(self._before(before)):
                at = self._before(before)
            elif self._is_spelled(before) or text in _SPELLING or self._spells(before):
                at = before
            elif self._is_atom(before) and text not in _NOT_LOCAL and plain < _MOST_PLAIN_WORDS:
                at, plain = before, plain + 1
            else:
                return at

    def _spells(self, at: int) -> bool:
        """Tell whether the token is a part of "b as in boy"."""
        return (self._text(at) == "in" and self._text(at - 1) == "as") or (
            self._text(at - 1) == "in" and self._text(at - 2) == "as"
        )

    def _www_before(self, label: int) -> int:
        """Return where "www dot big bank" begins, if "bank" is the label before the dot; the label itself without."""
        at = label
        for _ in range(_MOST_PLAIN_WORDS):
            at = self._before(at)
            if not self._is_atom(at):
                break
            if self._text(at - 1) in DOTS and self._text(at - 2) in ("w", "www"):
                return at
        return label

    def _scheme_start(self, first: int) -> int:
        while self._text(first - 1) in _SCHEME or (self._text(first - 1) in DOTS and self._text(first - 2) in _SCHEME):
            first -= 1
        return first

    def _path_end(self, at: int) -> int:
        """Return the last token of a path: "slash account dash one"."""
        while True:
            slash = at + 1 + (self._text(at + 1) in ("forward", "back"))
            step = slash + 1 if self._text(slash) in SLASHES and self._is_atom(slash + 1) else at
            if step == at and self._text(slash) == "/" and self._tokens[slash].glued:
                return slash
            if step == at:
                return at
            at = step
            while self._text(at + 1) in _IN_PATH and self._is_atom(at + 2):
                at += 2

    def _at_provider(self, sign: int) -> Stretch | None:
        """Return "john smith at gmail": a provider of mail without its domain, where an address was announced."""
        provider = sign + 1
        if self._text(provider) not in _PROVIDERS or self._text(provider + 1) in DOTS or not self._announced(sign):
            return None
        local = self._local_start(sign)
        return None if local is None else Stretch(DataKind.EMAIL_ADDRESS, local, provider)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
