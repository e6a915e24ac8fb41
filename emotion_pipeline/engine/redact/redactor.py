"""Takes personal data out of the words of a recording: all recognisers put together, speaker by speaker.

A finding covers whole words; each of them becomes a placeholder and keeps its times, probability and speaker.
A window is redacted before it is stored, so that no checkpoint holds personal data; the whole recording is redacted
again, because a number and what announces it may lie in different windows, or with different speakers.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from emotion_pipeline.engine.common.suggestions import did_you_mean
from emotion_pipeline.engine.common.types import RedactedSpan, Span, Word
from emotion_pipeline.engine.redact.addresses import find_addresses
from emotion_pipeline.engine.redact.codes import find_codes
from emotion_pipeline.engine.redact.dates import find_dates
from emotion_pipeline.engine.redact.kinds import DataKind, is_placeholder, placeholder
from emotion_pipeline.engine.redact.names import NameFinder
from emotion_pipeline.engine.redact.numbers import LEAST_NUMBER, Run, classify_numbers
from emotion_pipeline.engine.redact.speech import LONGEST_PAUSE_S, REACH_S, Finding, Speech, Topic

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
        while new_spans := self._redact_once(current):
            spans += new_spans
        return tuple(current), tuple(sorted(spans, key=lambda span: (span.span.start, span.span.end, span.speaker)))

    def redact_text(self, text: str) -> str:
        """Return a written text with placeholders in place of personal data; blanks are one each."""
        words = [Word(word, at, at + 1.0, 1.0, "") for at, word in enumerate(text.split())]
        return " ".join(word.text for word in self.redact(words)[0])

    def _redact_once(self, words: list[Word]) -> list[RedactedSpan]:
        """Replace words in place and return where."""
        speeches = _speeches(words)
        spans = []
        for speech, findings in zip(speeches, _findings(speeches), strict=True):
            chosen = [finding for finding in (*findings, *self._named(speech)) if finding.kind in self._kinds]
            for kind, first, last, _ in _merged(chosen):
                redacted = speech.words[first : last + 1]
                if all(is_placeholder(word.text) for word in redacted):
                    continue
                for position, word in zip(speech.positions[first : last + 1], redacted, strict=True):
                    if not is_placeholder(word.text):
                        words[position] = replace(word, text=placeholder(kind, word.text))
                span = Span(redacted[0].start, max(word.end for word in redacted))
                spans.append(RedactedSpan(span, speech.speaker, kind.value))
        return spans

    def _named(self, speech: Speech) -> Iterator[Finding]:
        """Yield names of persons, in words; placeholders at their edges are no part of them."""
        if self._names is None:
            return
        texts = list(_texts(speech.words))
        results = self._names.names([[word.text for word in speech.words[text.start : text.stop]] for text in texts])
        for text, names in zip(texts, results, strict=True):
            for name in names:
                positions = range(text.start + name.start, text.start + name.stop)
                plain = [at for at in positions if not is_placeholder(speech.words[at].text)]
                if plain:
                    yield Finding(DataKind.PERSON_NAME, plain[0], plain[-1])


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
    """Return each speaker's words in order of time, with the topics of all speakers."""
    order = sorted(range(len(words)), key=lambda position: (words[position].start, words[position].end))
    ranks: dict[str, list[int]] = defaultdict(list)
    for rank, position in enumerate(order):
        ranks[words[position].speaker].append(rank)
    speeches = []
    for speaker, own_ranks in ranks.items():
        positions = [order[rank] for rank in own_ranks]
        speeches.append(Speech(speaker, positions, [words[position] for position in positions], own_ranks))
    mentions = sorted((mention for speech in speeches for mention in speech.mentions), key=lambda mention: mention.rank)
    for speech in speeches:
        speech.mentions = mentions
    return speeches


def _findings(speeches: Sequence[Speech]) -> Iterator[list[Finding]]:
    """Yield the personal data of each speaker, in words, names left out."""
    results = [_find(speech) for speech in speeches]
    numbers = sorted(
        (speech.time(finding.first), finding.digits, finding.kind.value)
        for speech, (findings, _) in zip(speeches, results, strict=True)
        for finding in findings
        if finding.digits
    )
    for speech, (findings, other_runs) in zip(speeches, results, strict=True):
        repetitions = [finding for run in other_runs if (finding := _repetition(speech, run, numbers)) is not None]
        yield [
            finding._replace(first=speech.tokens[finding.first].word, last=speech.tokens[finding.last].word)
            for finding in (*findings, *repetitions)
        ]


def _find(speech: Speech) -> tuple[list[Finding], list[Run]]:
    """Return the personal data of one speaker, in tokens, and the runs of numbers that are none by themselves."""
    dates = find_dates(speech)
    dated = {token for date in dates for token in date}
    numbers = [number for number in speech.numbers if number.first not in dated]
    classified = classify_numbers(speech, numbers)
    findings = [Finding(kind, run.first, run.last, run.digits) for run, kind in classified if kind is not None]
    cards = _card_times(speech, findings)
    findings += [Finding(kind, date[0], date[-1]) for date in dates if (kind := _kind_of_date(speech, date, cards))]
    findings += [*find_addresses(speech), *find_codes(speech, numbers)]
    return findings, [run for run, kind in classified if kind is None and len(run) >= LEAST_NUMBER]


def _kind_of_date(speech: Speech, date: range, cards: Sequence[float]) -> DataKind | None:
    for near in [*speech.nearby(date[0]), *speech.after(date[-1])]:
        if near.words > _DATE_WORDS:
            break
        if near.topic is Topic.BIRTH:
            return DataKind.DATE_OF_BIRTH
        if near.topic is Topic.EXPIRY_DATE or (near.topic is Topic.EXPIRY and _is_of_card(speech, date[0], cards)):
            return DataKind.CREDIT_CARD_EXPIRATION
    return None


def _is_of_card(speech: Speech, date: int, cards: Sequence[float]) -> bool:
    """Offers expire too: a card comes up before or after, or the date is written as on cards, 12/28."""
    if _ON_CARDS.fullmatch(speech.tokens[date].text):
        return True
    time = speech.time(date)
    index = bisect_left(cards, time - _CARD_S)
    in_time = index < len(cards) and cards[index] <= time + _CARD_S
    return in_time or any(near.topic in _OF_CARDS for near in speech.nearby(date))


def _card_times(speech: Speech, findings: Sequence[Finding]) -> list[float]:
    """Return the times, in order, at which the speaker comes to a card."""
    tokens = [finding.last for finding in findings if finding.kind is DataKind.CREDIT_CARD_NUMBER]
    tokens += [phrase.first for phrase in speech.phrases if phrase.topic in _OF_CARDS]
    return sorted(speech.time(token) for token in tokens)


def _repetition(speech: Speech, run: Run, numbers: Sequence[tuple[float, str, str]]) -> Finding | None:
    """Return a run as personal data where it repeats a number nearby, or a part of it to write it down.

    :param numbers: time, digits and kind of the personal data of all speakers, in order
    """
    time = speech.time(run.first)
    index = bisect_left(numbers, time, key=lambda number: number[0])
    for number_time, digits, kind in numbers[max(0, index - _MOST_NEARBY) : index + _MOST_NEARBY]:
        if abs(number_time - time) < REACH_S and _repeats(run.digits, digits):
            return Finding(DataKind(kind), run.first, run.last)
    return None


def _repeats(digits: str, whole: str) -> bool:
    return digits == whole or (len(digits) >= _LEAST_REPEATED and digits in whole)


def _merged(findings: Iterable[Finding]) -> list[Finding]:
    """Join findings that share words; the kind that comes first in ``DataKind`` names the whole."""
    merged: list[Finding] = []
    for finding in sorted(findings, key=lambda finding: (finding.first, finding.last)):
        if merged and finding.first <= merged[-1].last:
            before = merged[-1]
            kind = min(before.kind, finding.kind, key=_PRIORITY.__getitem__)
            merged[-1] = Finding(kind, before.first, max(before.last, finding.last))
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
