"""Addresses of the internet in tokens, written or spoken: e-mail ("john dot smith at example dot com"), URL, IPv6.

IPv4 addresses are runs of numbers and found in ``numbers``.
"""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.speech import Found, Speech
from emotion_pipeline.engine.redact.tokens import DASHES, DOTS, HESITATIONS, SLASHES, Form, word_set

_WRITTEN_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\W\d_]{2,}")
_WRITTEN_URL: Final = re.compile(r"(?:https?|ftp)://\S+|www\.\S+\.\S+", re.IGNORECASE)

_DOMAINS: Final = word_set(
    "com org net edu gov mil int info biz io ai dev xyz tv co uk ca au nz ie "
    "de fr es nl ch eu cn jp kr br mx ru pl se dk fi za pt gr cz tr ua sg hk tw il ar cl pe"
)
# Domains that are English words: accepted only where something else shows an address.
_AMBIGUOUS_DOMAINS: Final = word_set(
    "in it at be is so to me us am my no as do by app tech online shop store site cloud blog live"
)
# Domains before which also "point" or "period" is a dot; "at that point in time" has none.
_DOTTED_BY_POINT: Final = frozenset({"com", "net", "org"})
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


def find_addresses(speech: Speech) -> Iterator[Found]:
    """Yield the addresses in order of what marks them; they may overlap."""
    done = -1
    for at, token in enumerate(speech.tokens):
        if token.form is Form.SYMBOL and token.text in "@:":
            yield from _written(speech, at)
        if token.text in DOTS and at > done:
            stretch = _around_dot(speech, at)
            if stretch is not None:
                done = stretch.last
                yield stretch
        elif token.text in ("at", "@"):
            stretch = _at_provider(speech, at)
            if stretch is not None:
                yield stretch


def _written(speech: Speech, at: int) -> Iterator[Found]:
    """Yield the address that a single word is, whatever its domain."""
    word = speech.words[speech.tokens[at].word].text.strip("\"'“”‘’([{<>)]}.,;:!?…")
    first, last = _glued(speech, at)
    if _WRITTEN_EMAIL.fullmatch(word):
        yield Found(DataKind.EMAIL_ADDRESS, first, last)
    elif _WRITTEN_URL.fullmatch(word):
        yield Found(DataKind.URL, first, last)
    elif word.count(":") >= 2 and _is_ipv6(word):
        yield Found(DataKind.IP_ADDRESS, first, last)


def _glued(speech: Speech, at: int) -> tuple[int, int]:
    first, last, word = at, at, speech.tokens[at].word
    while first > 0 and speech.tokens[first - 1].word == word:
        first -= 1
    while last + 1 < len(speech.tokens) and speech.tokens[last + 1].word == word:
        last += 1
    return first, last


def _is_atom(speech: Speech, at: int) -> bool:
    return 0 <= at < len(speech.tokens) and speech.tokens[at].form in _ATOMS and speech.text(at) not in _CONNECTORS


def _before(speech: Speech, at: int) -> int:
    """Return the token before ``at`` that is no hesitation."""
    at -= 1
    while speech.text(at) in HESITATIONS:
        at -= 1
    return at


def _around_dot(speech: Speech, dot: int) -> Found | None:
    """Return the address whose domain ends with the dot and what follows it."""
    domain, label = speech.text(dot + 1), _before(speech, dot)
    if domain not in _DOMAINS and domain not in _AMBIGUOUS_DOMAINS:
        return None
    if speech.text(dot) in ("point", "period") and domain not in _DOTTED_BY_POINT:
        return None
    if not _is_atom(speech, label) or speech.text(label) in _NO_LABEL or speech.text(label) == "at":
        return None
    label = _label_start(speech, label)
    end = _path_end(speech, _domain_end(speech, dot + 1))
    first = _scheme_start(speech, _www_before(speech, label))
    sign = _at_before(speech, label)
    local = _local_start(speech, sign)
    sure = end > dot + 1 or first < label or speech.text(label) == "www" or speech.text(sign) == "@"
    if domain in _AMBIGUOUS_DOMAINS and not (sure or speech.tokens[dot].glued or speech.email_announced(dot)):
        return None
    return Found(DataKind.URL, first, end) if local is None else Found(DataKind.EMAIL_ADDRESS, local, end)


def _domain_end(speech: Speech, at: int) -> int:
    while speech.text(at + 1) in DOTS and speech.text(at + 2) in _DOMAINS:
        at += 2
    return at


def _label_start(speech: Speech, at: int) -> int:
    """Return the first token of the labels that end at ``at``: connected, in one word, or spelled out."""
    while True:
        before = _before(speech, at)
        if before >= 0 and speech.apart(before, at):
            return at
        if speech.text(before) in _CONNECTORS and _is_atom(speech, _before(speech, before)):
            if speech.text(before) in DOTS and speech.text(_before(speech, before)) in _NO_LABEL:
                return at
            at = _before(speech, before)
        elif (speech.tokens[at].glued or _is_spelled(speech, at)) and _is_spelled(speech, before):
            at = before
        else:
            return at


def _is_spelled(speech: Speech, at: int) -> bool:
    return _is_atom(speech, at) and (
        len(speech.text(at)) == 1 or speech.tokens[at].form is Form.NUMBER or speech.text(at) in _NUMBER_WORDS
    )


def _at_before(speech: Speech, label: int) -> int:
    """Return the "at" that stands before a domain, over a few plain words of its name; -1 without."""
    at = _before(speech, label)
    for _ in range(_MOST_PLAIN_WORDS):
        if speech.text(at) in ("@", "at"):
            return at
        if speech.text(at) in ("sign", "symbol") and speech.text(at - 1) == "at":
            return at - 1
        if not _is_atom(speech, at) or (speech.text(at) in _NO_LABEL and not speech.email_announced(label)):
            return -1
        at = _before(speech, at)
    return at if speech.text(at) in ("@", "at") else -1


def _local_start(speech: Speech, sign: int) -> int | None:
    """Return the first token of what stands before the "at" of an address, None where that is no such thing."""
    at = _before(speech, sign) if sign >= 0 else -1
    if not _is_atom(speech, at):
        return None
    connected = speech.text(_before(speech, at)) in _CONNECTORS
    if speech.text(at) in _NOT_LOCAL and not connected and speech.text(sign) != "@":
        return None
    plain = 0
    while True:
        before = _before(speech, at)
        text = speech.text(before)
        if before >= 0 and speech.apart(before, at):
            return at
        if text in _CONNECTORS and _is_atom(speech, _before(speech, before)):
            at = _before(speech, before)
        elif _is_spelled(speech, before) or text in _SPELLING or _spells(speech, before):
            at = before
        elif _is_atom(speech, before) and text not in _NOT_LOCAL and plain < _MOST_PLAIN_WORDS:
            at, plain = before, plain + 1
        else:
            return at


def _spells(speech: Speech, at: int) -> bool:
    """Tell whether the token is a part of "b as in boy"."""
    return (speech.text(at) == "in" and speech.text(at - 1) == "as") or (
        speech.text(at - 1) == "in" and speech.text(at - 2) == "as"
    )


def _www_before(speech: Speech, label: int) -> int:
    """Return where "www dot big bank" begins, if "bank" is the label before the dot; the label itself without."""
    at = label
    for _ in range(_MOST_PLAIN_WORDS):
        at = _before(speech, at)
        if not _is_atom(speech, at):
            break
        if speech.text(at - 1) in DOTS and speech.text(at - 2) in ("w", "www"):
            return at
    return label


def _scheme_start(speech: Speech, first: int) -> int:
    while speech.text(first - 1) in _SCHEME or (speech.text(first - 1) in DOTS and speech.text(first - 2) in _SCHEME):
        first -= 1
    return first


def _path_end(speech: Speech, at: int) -> int:
    """Return the last token of a path: "slash account dash one"."""
    while True:
        slash = at + 1 + (speech.text(at + 1) in ("forward", "back"))
        step = slash + 1 if speech.text(slash) in SLASHES and _is_atom(speech, slash + 1) else at
        if step == at and speech.text(slash) == "/" and speech.tokens[slash].glued:
            return slash
        if step == at:
            return at
        at = step
        while speech.text(at + 1) in _IN_PATH and _is_atom(speech, at + 2):
            at += 2


def _at_provider(speech: Speech, sign: int) -> Found | None:
    """Return "john smith at gmail": a provider of mail without its domain, where an address was announced."""
    provider = sign + 1
    if speech.text(provider) not in _PROVIDERS or speech.text(provider + 1) in DOTS or not speech.email_announced(sign):
        return None
    local = _local_start(speech, sign)
    return None if local is None else Found(DataKind.EMAIL_ADDRESS, local, provider)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
