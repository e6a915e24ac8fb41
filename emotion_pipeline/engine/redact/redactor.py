"""Taking personal data out of the words of a recording: the finders put together, speaker by speaker.

A finding covers whole words from its first to its last; each of them becomes a placeholder and keeps its times,
probability and speaker. Whether to redact at all is the caller's choice.
"""

import difflib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from emotion_pipeline.engine.common.types import RedactedSpan, Span, Word
from emotion_pipeline.engine.redact.kinds import DataKind, is_placeholder, placeholder
from emotion_pipeline.engine.redact.names import NameFinder
from emotion_pipeline.engine.redact.numbers import REACH_S
from emotion_pipeline.engine.redact.speech import LONGEST_PAUSE_S, Found, Speech
from emotion_pipeline.engine.redact.topics import Mentions

# Of the rules; raise it when one changes.
VERSION: Final = 1

_PRIORITY: Final = {kind: index for index, kind in enumerate(DataKind)}
# Words that a finder of names sees at once, where no pause divides them.
_LONGEST_TEXT: Final = 200
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
    :raises ValueError: a kind that does not exist, or names wanted and nothing to find them
    """

    def __init__(self, kinds: Sequence[str] | None = None, names: NameFinder | None = None) -> None:
        self._kinds = frozenset(DataKind) if kinds is None else frozenset(_known(kind) for kind in kinds)
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
        return tuple(current), tuple(sorted(spans, key=lambda one: (one.span.start, one.span.end, one.speaker)))

    def _pass(self, words: list[Word]) -> list[RedactedSpan]:
        """Replace words in place and return what was found."""
        speeches = _speeches(words)
        mentions = Mentions([mention for speech in speeches for mention in speech.mentions])
        found = [speech.find(mentions) for speech in speeches]
        _repeat(speeches, found)
        spans = []
        for speech, one in zip(speeches, found, strict=True):
            findings = [_in_words(speech, each) for each in one] + list(self._named(speech))
            for finding in _merged(finding for finding in findings if finding.kind in self._kinds):
                said = speech.words[finding.first : finding.last + 1]
                if all(is_placeholder(word.text) for word in said):
                    continue
                for position in speech.positions[finding.first : finding.last + 1]:
                    if not is_placeholder(words[position].text):
                        words[position] = replace(words[position], text=placeholder(finding.kind, words[position].text))
                span = Span(said[0].start, max(word.end for word in said))
                spans.append(RedactedSpan(span, speech.speaker, finding.kind.value))
        return spans

    def _named(self, speech: Speech) -> Iterator[_Finding]:
        if self._names is None:
            return
        texts = list(_texts(speech.words))
        found = self._names.names([[word.text for word in speech.words[text.start : text.stop]] for text in texts])
        for text, names in zip(texts, found, strict=True):
            for name in names:
                first, last = text.start + name.start, text.start + name.stop - 1
                while first <= last and is_placeholder(speech.words[first].text):
                    first += 1
                while first <= last and is_placeholder(speech.words[last].text):
                    last -= 1
                if first <= last:
                    yield _Finding(DataKind.PERSON_NAME, first, last)


def _known(kind: str) -> DataKind:
    try:
        return DataKind(kind)
    except ValueError:
        codes = [known.value for known in DataKind]
        near = difflib.get_close_matches(kind, codes, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"there is no kind of personal data {kind!r}; the ones that exist are {', '.join(codes)}{hint}"
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
        Speech(speaker, own, [words[position] for position in own], ranks[speaker])
        for speaker, own in positions.items()
    ]


def _repeat(speeches: Sequence[Speech], found: Sequence[list[Found]]) -> None:
    """Add to ``found`` the numbers that repeat one found nearby or a part of it, as one does who writes it down."""
    said = sorted(
        (speech.words[speech.tokens[one.first].word].start, one.digits, one.kind.value)
        for speech, findings in zip(speeches, found, strict=True)
        for one in findings
        if one.digits
    )
    times = [time for time, _, _ in said]
    for speech, findings in zip(speeches, found, strict=True):
        for run in speech.left_over:
            time = speech.words[speech.tokens[run.first].word].start
            at = bisect_left(times, time)
            near = said[max(0, at - _MOST_NEARBY) : at + _MOST_NEARBY]
            kinds = [kind for then, digits, kind in near if abs(then - time) < REACH_S and _repeats(run.digits, digits)]
            if kinds:
                findings.append(Found(DataKind(kinds[0]), run.first, run.last, run.digits))


def _repeats(digits: str, whole: str) -> bool:
    return digits == whole or (len(digits) >= _LEAST_REPEATED and digits in whole)


def _in_words(speech: Speech, found: Found) -> _Finding:
    return _Finding(found.kind, speech.tokens[found.first].word, speech.tokens[found.last].word)


def _merged(findings: Iterable[_Finding]) -> list[_Finding]:
    """Join findings that share words; the kind that comes first in ``DataKind`` names the whole."""
    merged: list[_Finding] = []
    for finding in sorted(findings, key=lambda one: (one.first, one.last)):
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
