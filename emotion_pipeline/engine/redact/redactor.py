"""Taking personal data out of the words of a recording: the finders put together, speaker by speaker.

A finding covers whole words from its first to its last; each of them becomes a placeholder and keeps its times,
probability and speaker. Whether to redact at all is the caller's choice.
A window is redacted before it is stored, so that no checkpoint holds personal data; the whole recording is redacted
again, because a number and what announces it may lie in different windows, or with different speakers.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from emotion_pipeline.engine.common.suggestions import did_you_mean
from emotion_pipeline.engine.common.types import RedactedSpan, Span, Word
from emotion_pipeline.engine.redact.addresses import find_addresses
from emotion_pipeline.engine.redact.codes import find_codes
from emotion_pipeline.engine.redact.dates import Date, find_dates
from emotion_pipeline.engine.redact.kinds import DataKind, is_placeholder, placeholder
from emotion_pipeline.engine.redact.names import NameFinder
from emotion_pipeline.engine.redact.numbers import LEAST_NUMBER, classify_numbers
from emotion_pipeline.engine.redact.runs import Run
from emotion_pipeline.engine.redact.speech import LONGEST_PAUSE_S, REACH_S, Found, Mentions, Speech, Topic

# Of the rules; raise it when one changes.
VERSION: Final = 1

_PRIORITY: Final = {kind: index for index, kind in enumerate(DataKind)}
# Words that a finder of names sees at once, where no pause divides them.
_LONGEST_TEXT: Final = 200
_ON_CARDS: Final = re.compile(r"(?:0?[1-9]|1[0-2])/(?:20)?[2-5]\d")
_OF_CARDS: Final = frozenset({Topic.CARD, Topic.CVV})
# Seconds from a card to its expiry, before or after.
_CARD_S: Final = 20.0
# How far "born" and "expires" reach.
_DATE_WORDS: Final = 12
_LEAST_REPEATED: Final = 4
# Findings before and after a number that it may repeat.
_MOST_NEARBY: Final = 20


@dataclass(frozen=True, slots=True)
class _Finding:
    """Words ``first`` to ``last``, both included, of one speaker's speech."""

    kind: DataKind
    first: int
    last: int


class Redactor:
    """Takes personal data out of words.

    :param kinds: the codes of ``DataKind`` to take out, None for all that can be found
    :param names: what finds names of persons; without it none are found
    :raises ValueError: a kind that does not exist, or names requested without a model that finds them
    """

    def __init__(self, kinds: Sequence[str] | None = None, names: NameFinder | None = None) -> None:
        self._kinds = frozenset(DataKind) if kinds is None else frozenset(_data_kind(kind) for kind in kinds)
        if names is None and kinds is not None and DataKind.PERSON_NAME in self._kinds:
            raise ValueError("person_name needs a model of names: give a spaCy pipeline, or leave person_name out.")
        self._names = names if DataKind.PERSON_NAME in self._kinds else None

    @property
    def fingerprint(self) -> str:
        """``redact:version:kinds:names``."""
        kinds = "all" if self._kinds == frozenset(DataKind) else ",".join(sorted(self._kinds))
        return f"redact:{VERSION}:{kinds}:{self._names.fingerprint if self._names else 'no names'}"

    def redact(self, words: Sequence[Word]) -> tuple[tuple[Word, ...], tuple[RedactedSpan, ...]]:
        """Return the words in the same order with placeholders in place of personal data, and where these were said.

        Spans are in order of start time. Redacting redacted words changes nothing and finds nothing.
        """
        current, spans = list(words), []
        # What is left may read differently once something is out; to stop only then makes it true for the next time.
        while found := self._pass(current):
            spans += found
        return tuple(current), tuple(sorted(spans, key=lambda span: (span.span.start, span.span.end, span.speaker)))

    def _pass(self, words: list[Word]) -> list[RedactedSpan]:
        """Replace words in place and return what was found."""
        speeches = _speeches(words)
        topics = Mentions([mention for speech in speeches for mention in speech.mentions])
        for speech in speeches:
            speech.topics = topics
        results = [_find(speech) for speech in speeches]
        spans = []
        for speech, found in zip(speeches, _with_repetitions(speeches, results), strict=True):
            findings = [_in_words(speech, item) for item in found] + list(self._named(speech))
            for finding in _merged(finding for finding in findings if finding.kind in self._kinds):
                finding_words = speech.words[finding.first : finding.last + 1]
                if all(is_placeholder(word.text) for word in finding_words):
                    continue
                for position in speech.positions[finding.first : finding.last + 1]:
                    if not is_placeholder(words[position].text):
                        words[position] = replace(words[position], text=placeholder(finding.kind, words[position].text))
                span = Span(finding_words[0].start, max(word.end for word in finding_words))
                spans.append(RedactedSpan(span, speech.speaker, finding.kind.value))
        return spans

    def _named(self, speech: Speech) -> Iterator[_Finding]:
        if self._names is None:
            return
        texts = list(_texts(speech.words))
        results = self._names.names([[word.text for word in speech.words[text.start : text.stop]] for text in texts])
        for text, names in zip(texts, results, strict=True):
            for name in names:
                first, last = text.start + name.start, text.start + name.stop - 1
                while first <= last and is_placeholder(speech.words[first].text):
                    first += 1
                while first <= last and is_placeholder(speech.words[last].text):
                    last -= 1
                if first <= last:
                    yield _Finding(DataKind.PERSON_NAME, first, last)


def _data_kind(kind: str) -> DataKind:
    try:
        return DataKind(kind)
    except ValueError:
        codes = [kind.value for kind in DataKind]
        raise ValueError(
            f"there is no kind of personal data {kind!r}; the ones that exist are {', '.join(codes)}"
            f"{did_you_mean(kind, codes)}"
        ) from None


def _speeches(words: Sequence[Word]) -> list[Speech]:
    """Each speaker's words in order of time, with their places among the words of all."""
    positions: dict[str, list[int]] = defaultdict(list)
    ranks: dict[str, list[int]] = defaultdict(list)
    order = sorted(range(len(words)), key=lambda position: (words[position].start, words[position].end))
    for rank, position in enumerate(order):
        positions[words[position].speaker].append(position)
        ranks[words[position].speaker].append(rank)
    return [
        Speech(speaker, spoken, [words[position] for position in spoken], ranks[speaker])
        for speaker, spoken in positions.items()
    ]


def _find(speech: Speech) -> tuple[list[Found], list[Run]]:
    """Return the personal data of one speaker, names left out, and the numbers that are none by themselves."""
    dates = find_dates(speech)
    dated = {at for date in dates for at in range(date.first, date.last + 1)}
    chunks = [chunk for chunk in speech.chunks if chunk.first not in dated]
    numbers = classify_numbers(speech, chunks)
    findings = [Found(kind, run.first, run.last, run.digits) for run, kind in numbers if kind is not None]
    cards = _cards(speech, findings)
    findings += [Found(kind, date.first, date.last) for date in dates if (kind := _dated(speech, date, cards))]
    findings += [*find_addresses(speech), *find_codes(speech, chunks)]
    return findings, [run for run, kind in numbers if kind is None and len(run) >= LEAST_NUMBER]


def _dated(speech: Speech, date: Date, cards: Sequence[float]) -> DataKind | None:
    for near in [*speech.nearby(date.first), *speech.after(date.last)]:
        if near.words > _DATE_WORDS:
            break
        if near.topic is Topic.BIRTH:
            return DataKind.DATE_OF_BIRTH
        if near.topic is Topic.EXPIRY_DATE or (near.topic is Topic.EXPIRY and _of_a_card(speech, date, cards)):
            return DataKind.CREDIT_CARD_EXPIRATION
    return None


def _of_a_card(speech: Speech, date: Date, cards: Sequence[float]) -> bool:
    """Offers expire too: a card comes up before or after, or the date is written as on cards, 12/28."""
    if _ON_CARDS.fullmatch(speech.tokens[date.first].text):
        return True
    time = speech.time(date.first)
    index = bisect_left(cards, time - _CARD_S)
    in_time = index < len(cards) and cards[index] <= time + _CARD_S
    return in_time or any(near.topic in _OF_CARDS for near in speech.nearby(date.first))


def _cards(speech: Speech, found: Sequence[Found]) -> list[float]:
    """Return the times, in order, at which the speaker comes to a card."""
    tokens = [number.last for number in found if number.kind is DataKind.CREDIT_CARD_NUMBER]
    tokens += [phrase.first for phrase in speech.phrases if phrase.topic in _OF_CARDS]
    return sorted(speech.time(token) for token in tokens)


def _with_repetitions(
    speeches: Sequence[Speech], results: Sequence[tuple[list[Found], list[Run]]]
) -> Iterator[list[Found]]:
    """Yield what was found per speaker, with the numbers that repeat one nearby or a part of it to write it down."""
    numbers = sorted(
        (speech.time(number.first), number.digits, number.kind.value)
        for speech, (found, _) in zip(speeches, results, strict=True)
        for number in found
        if number.digits
    )
    times = [time for time, _, _ in numbers]
    for speech, (found, left_over) in zip(speeches, results, strict=True):
        repeated = []
        for run in left_over:
            time = speech.time(run.first)
            at = bisect_left(times, time)
            near = numbers[max(0, at - _MOST_NEARBY) : at + _MOST_NEARBY]
            kinds = [kind for then, digits, kind in near if abs(then - time) < REACH_S and _repeats(run.digits, digits)]
            if kinds:
                repeated.append(Found(DataKind(kinds[0]), run.first, run.last, run.digits))
        yield found + repeated


def _repeats(digits: str, whole: str) -> bool:
    return digits == whole or (len(digits) >= _LEAST_REPEATED and digits in whole)


def _in_words(speech: Speech, found: Found) -> _Finding:
    return _Finding(found.kind, speech.tokens[found.first].word, speech.tokens[found.last].word)


def _merged(findings: Iterable[_Finding]) -> list[_Finding]:
    """Join findings that share words; the kind that comes first in ``DataKind`` names the whole."""
    merged: list[_Finding] = []
    for finding in sorted(findings, key=lambda finding: (finding.first, finding.last)):
        if merged and finding.first <= merged[-1].last:
            before = merged[-1]
            kind = min(before.kind, finding.kind, key=_PRIORITY.__getitem__)
            merged[-1] = _Finding(kind, before.first, max(before.last, finding.last))
        else:
            merged.append(finding)
    return merged


def _texts(words: Sequence[Word]) -> Iterator[range]:
    """Yield stretches of words that a long pause, or the sheer number, divides."""
    start = 0
    for position in range(1, len(words) + 1):
        ends = position == len(words) or words[position].start - words[position - 1].end > LONGEST_PAUSE_S
        if ends or position - start == _LONGEST_TEXT:
            yield range(start, position)
            start = position
