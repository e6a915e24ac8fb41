"""Internet addresses in tokens, written or spoken: e-mail ("john dot smith at example dot com"), URL, IPv6.

IPv4 addresses are runs of numbers and belong to ``numbers``.
"""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final

from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.speech import Finding, Speech
from emotion_pipeline.engine.redact.tokens import DASHES, DOTS, SLASHES, Form, word_set

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


def find_addresses(speech: Speech) -> Iterator[Finding]:
    """Yield the addresses in order of what marks them; they may overlap."""
    last = -1
    for index, token in enumerate(speech.tokens):
        if token.form is Form.SYMBOL and token.text in "@:":
            yield from _written(speech, index)
        finding = None
        if token.text in DOTS and index > last:
            finding = _around_dot(speech, index)
            last = finding.last if finding else last
        elif token.text in ("at", "@"):
            finding = _at_provider(speech, index)
        if finding is not None:
            yield finding


def _written(speech: Speech, index: int) -> Iterator[Finding]:
    """Yield the address that a single word is, whatever its domain."""
    word = speech.words[speech.tokens[index].word].text.strip("\"'“”‘’([{<>)]}.,;:!?…")
    first, last = _tokens_of_word(speech, index)
    if _WRITTEN_EMAIL.fullmatch(word):
        yield Finding(DataKind.EMAIL_ADDRESS, first, last)
    elif _WRITTEN_URL.fullmatch(word):
        yield Finding(DataKind.URL, first, last)
    elif word.count(":") >= 2 and _is_ipv6(word):
        yield Finding(DataKind.IP_ADDRESS, first, last)


def _tokens_of_word(speech: Speech, index: int) -> tuple[int, int]:
    """Return the first and the last token of the word that a token is in."""
    first = last = index
    while speech.tokens[first].glued:
        first -= 1
    while last + 1 < len(speech.tokens) and speech.tokens[last + 1].glued:
        last += 1
    return first, last


def _is_atom(speech: Speech, index: int) -> bool:
    if not 0 <= index < len(speech.tokens):
        return False
    return speech.tokens[index].form in _ATOMS and speech.text(index) not in _CONNECTORS


def _around_dot(speech: Speech, dot: int) -> Finding | None:
    """Return the address whose domain ends with the dot and what follows it."""
    domain, label = speech.text(dot + 1), speech.before(dot)
    if domain not in _DOMAINS and domain not in _AMBIGUOUS_DOMAINS:
        return None
    if speech.text(dot) in ("point", "period") and domain not in _DOTTED_BY_POINT:
        return None
    if not _is_atom(speech, label) or speech.text(label) in _NO_LABEL or speech.text(label) == "at":
        return None
    label = _label_start(speech, label)
    end = _path_end(speech, _domain_end(speech, dot + 1))
    first = _scheme_start(speech, _www_before(speech, label))
    sign = _sign_before(speech, label)
    local = _local_start(speech, sign)
    sure = end > dot + 1 or first < label or speech.text(label) == "www" or speech.text(sign) == "@"
    if domain in _AMBIGUOUS_DOMAINS and not (sure or speech.tokens[dot].glued or speech.email_announced(dot)):
        return None
    return Finding(DataKind.URL, first, end) if local is None else Finding(DataKind.EMAIL_ADDRESS, local, end)


def _domain_end(speech: Speech, index: int) -> int:
    while speech.text(index + 1) in DOTS and speech.text(index + 2) in _DOMAINS:
        index += 2
    return index


def _label_start(speech: Speech, index: int) -> int:
    """Return the first token of the labels that end at ``at``: connected, in one word, or spelled out."""
    while True:
        before = speech.before(index)
        if before >= 0 and speech.apart(before, index):
            return index
        if speech.text(before) in _CONNECTORS and _is_atom(speech, speech.before(before)):
            if speech.text(before) in DOTS and speech.text(speech.before(before)) in _NO_LABEL:
                return index
            index = speech.before(before)
        elif (speech.tokens[index].glued or _is_spelled(speech, index)) and _is_spelled(speech, before):
            index = before
        else:
            return index


def _is_spelled(speech: Speech, index: int) -> bool:
    return _is_atom(speech, index) and (
        len(speech.text(index)) == 1 or speech.tokens[index].form is Form.NUMBER or speech.text(index) in _NUMBER_WORDS
    )


def _sign_before(speech: Speech, label: int) -> int:
    """Return the "at" that stands before a domain, over a few plain words of its name; -1 without."""
    index = speech.before(label)
    for _ in range(_MOST_PLAIN_WORDS):
        if speech.text(index) in ("@", "at"):
            return index
        if speech.text(index) in ("sign", "symbol") and speech.text(index - 1) == "at":
            return index - 1
        if not _is_atom(speech, index) or (speech.text(index) in _NO_LABEL and not speech.email_announced(label)):
            return -1
        index = speech.before(index)
    return index if speech.text(index) in ("@", "at") else -1


def _local_start(speech: Speech, sign: int) -> int | None:
    """Return the first token of what stands before the "at" of an address, None where that is no such thing."""
    index = speech.before(sign) if sign >= 0 else -1
    if not _is_atom(speech, index):
        return None
    connected = speech.text(speech.before(index)) in _CONNECTORS
    if speech.text(index) in _NOT_LOCAL and not connected and speech.text(sign) != "@":
        return None
    plain = 0
    while True:
        before = speech.before(index)
        text = speech.text(before)
        if before >= 0 and speech.apart(before, index):
            return index
        if text in _CONNECTORS and _is_atom(speech, speech.before(before)):
            index = speech.before(before)
        elif _is_spelled(speech, before) or text in _SPELLING or _spells(speech, before):
            index = before
        elif _is_atom(speech, before) and text not in _NOT_LOCAL and plain < _MOST_PLAIN_WORDS:
            index, plain = before, plain + 1
        else:
            return index


def _spells(speech: Speech, index: int) -> bool:
    """Tell whether the token is a part of "b as in boy"."""
    return (speech.text(index) == "in" and speech.text(index - 1) == "as") or (
        speech.text(index - 1) == "in" and speech.text(index - 2) == "as"
    )


def _www_before(speech: Speech, label: int) -> int:
    """Return where "www dot big bank" begins, if "bank" is the label before the dot; the label itself without."""
    index = label
    for _ in range(_MOST_PLAIN_WORDS):
        index = speech.before(index)
        if not _is_atom(speech, index):
            break
        if speech.text(index - 1) in DOTS and speech.text(index - 2) in ("w", "www"):
            return index
    return label


def _scheme_start(speech: Speech, first: int) -> int:
    while speech.text(first - 1) in _SCHEME or (speech.text(first - 1) in DOTS and speech.text(first - 2) in _SCHEME):
        first -= 1
    return first


def _path_end(speech: Speech, index: int) -> int:
    """Return the last token of a path: "slash account dash one"."""
    while True:
        slash = index + 1 + (speech.text(index + 1) in ("forward", "back"))
        step = slash + 1 if speech.text(slash) in SLASHES and _is_atom(speech, slash + 1) else index
        if step == index and speech.text(slash) == "/" and speech.tokens[slash].glued:
            return slash
        if step == index:
            return index
        index = step
        while speech.text(index + 1) in _IN_PATH and _is_atom(speech, index + 2):
            index += 2


def _at_provider(speech: Speech, sign: int) -> Finding | None:
    """Return "john smith at gmail": a provider of mail without its domain, where an address was announced."""
    provider = sign + 1
    if speech.text(provider) not in _PROVIDERS or speech.text(provider + 1) in DOTS or not speech.email_announced(sign):
        return None
    local = _local_start(speech, sign)
    return None if local is None else Finding(DataKind.EMAIL_ADDRESS, local, provider)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
