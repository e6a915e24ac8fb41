"""One speaker's words of a recording, and the personal data found in them; names are found elsewhere.

Here the finders meet: dates keep their digits from the runs, and a run that was found takes short ones beside it along.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from emotion_pipeline.engine.common.types import Word
from emotion_pipeline.engine.redact.addresses import AddressReader
from emotion_pipeline.engine.redact.codes import CodeReader
from emotion_pipeline.engine.redact.dates import Date, DateReader
from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.numbers import REACH_S, REACH_WORDS, Nearby, completeness, kind_of
from emotion_pipeline.engine.redact.quantities import is_amount
from emotion_pipeline.engine.redact.runs import Run, RunBuilder, without_edge_homophones
from emotion_pipeline.engine.redact.spoken import Chunk, Manner, read_numbers
from emotion_pipeline.engine.redact.tokens import tokenize
from emotion_pipeline.engine.redact.topics import Mention, Mentions, Topic, phrases

_ON_CARDS: Final = re.compile(r"(?:0?[1-9]|1[0-2])/(?:20)?[2-5]\d")
# Somebody who reads a number from a card may search for the card first; after this long it is another matter.
LONGEST_PAUSE_S: Final = 20.0
_OF_CARDS: Final = frozenset({Topic.CARD, Topic.CVV})
# How far a card is from its expiry, before or after.
_CARD_S: Final = 20.0
# How far "born" and "expires" reach.
_DATE_WORDS: Final = 12
# Tokens from the end of a number to the topic in "... is my phone number".
_AFTER_TOKENS: Final = 4
_LINKING_VERBS: Final = frozenset({"is", "was", "that's", "as", "are"})
# Digits of a number that uses a topic up.
_LEAST_NUMBER: Final = 3
_LEAST_TRUE: Final = 4
_LONG_WITH_HOMOPHONES: Final = 10
_LONG: Final = 6


class Found(NamedTuple):
    """Tokens ``first`` to ``last``, both included, and the digits of a number, empty for other data."""

    kind: DataKind
    first: int
    last: int
    digits: str = ""


class Speech:
    """One speaker's words in order of time.

    :param positions: of the words among all words that are redacted
    :param ranks: of the words among all words in order of time
    """

    def __init__(self, speaker: str, positions: list[int], words: list[Word], ranks: list[int]) -> None:
        self.speaker = speaker
        self.positions = positions
        self.words = words
        pauses = {at for at in range(1, len(words)) if words[at].start - words[at - 1].end > LONGEST_PAUSE_S}
        self.tokens = tokenize((word.text for word in words), pauses)
        self.left_over: list[Run] = []
        """Numbers that are no finding of their own; filled by ``find``."""
        self._ranks = ranks
        self._phrases = phrases(self.tokens)
        self._announcing = {at for phrase in self._phrases for at in range(phrase.first, phrase.last + 1)}
        # The four of "last four" is no digit of what follows.
        self._chunks = [chunk for chunk in read_numbers(self.tokens) if chunk.first not in self._announcing]
        self._phrase_starts = [phrase.first for phrase in self._phrases]
        self._topics = Mentions([])

    @property
    def mentions(self) -> list[Mention]:
        """The topics that this speaker brings up."""
        return [
            Mention(self._rank(phrase.last), phrase.topic, self.words[self.tokens[phrase.last].word].end)
            for phrase in self._phrases
        ]

    def find(self, topics: Mentions) -> list[Found]:
        """Return the personal data in no particular order; ``topics`` are those of all speakers."""
        self._topics = topics
        dates = DateReader(self.tokens, self._chunks, self._apart).dates()
        taken = {at for date in dates for at in range(date.first, date.last + 1)}
        chunks = [chunk for chunk in self._chunks if chunk.first not in taken]
        found = list(self._in_numbers(chunks))
        cards = self._cards(found)
        found += [Found(kind, date.first, date.last) for date in dates if (kind := self._dated(date, cards))]
        texts = [word.text for word in self.words]
        found += [
            Found(*one) for one in AddressReader(self.tokens, texts, self._email_announced, self._apart).addresses()
        ]
        found += [
            Found(*one) for one in CodeReader(self.tokens, chunks, self._announcing, self._nearby, self._apart).codes()
        ]
        return found

    def _rank(self, token: int) -> int:
        return self._ranks[self.tokens[token].word]

    def _time(self, token: int) -> float:
        return self.words[self.tokens[token].word].start

    def _nearby(self, token: int, since: int = -1) -> list[Nearby]:
        """Return the topics that reach ``token``; those up to the word of rank ``since`` have had their number."""
        rank, time = self._rank(token), self._time(token)
        return [
            Nearby(mention.topic, rank - mention.rank, mention.rank <= since)
            for mention in self._topics.before(rank, time, REACH_WORDS, REACH_S)
        ]

    def _apart(self, left: int, right: int) -> bool:
        """Tell whether something else came up between two tokens."""
        earlier, later = self._rank(left), self._rank(right)
        return later - earlier > 1 and self._topics.changed(earlier, later)

    def _email_announced(self, token: int) -> bool:
        return any(near.topic is Topic.EMAIL for near in self._nearby(token))

    def _after(self, token: int) -> list[Nearby]:
        """Return what "... is my number" says of what ends with ``token``."""
        if token + 1 >= len(self.tokens) or self.tokens[token + 1].text not in _LINKING_VERBS:
            return []
        index = bisect_right(self._phrase_starts, token)
        if index == len(self._phrases) or self._phrases[index].first - token > _AFTER_TOKENS:
            return []
        return [Nearby(self._phrases[index].topic, self._phrases[index].first - token, False)]

    def _dated(self, date: Date, cards: Sequence[float]) -> DataKind | None:
        for near in [*self._nearby(date.first), *self._after(date.last)]:
            if near.words > _DATE_WORDS:
                break
            if near.topic is Topic.BIRTH:
                return DataKind.DATE_OF_BIRTH
            if near.topic is Topic.EXPIRY_DATE or (near.topic is Topic.EXPIRY and self._of_a_card(date, cards)):
                return DataKind.CREDIT_CARD_EXPIRATION
        return None

    def _of_a_card(self, date: Date, cards: Sequence[float]) -> bool:
        """Offers expire too: a card comes up before or after, or the date is written as on cards, 12/28."""
        if _ON_CARDS.fullmatch(self.tokens[date.first].text):
            return True
        time = self._time(date.first)
        index = bisect_left(cards, time - _CARD_S)
        own = index < len(cards) and cards[index] <= time + _CARD_S
        return own or any(near.topic in _OF_CARDS for near in self._nearby(date.first))

    def _cards(self, found: Sequence[Found]) -> list[float]:
        """Return the times, in order, at which the speaker comes to a card."""
        said = [one.last for one in found if one.kind is DataKind.CREDIT_CARD_NUMBER]
        said += [phrase.first for phrase in self._phrases if phrase.topic in _OF_CARDS]
        return sorted(self._time(token) for token in said)

    def _in_numbers(self, chunks: Sequence[Chunk]) -> Iterator[Found]:
        builder = RunBuilder(self.tokens, self.words, self._apart)
        judged: list[tuple[Run, DataKind | None]] = []
        since = -1
        for whole in builder.runs(chunks):
            for run, kind in self._judged(builder, whole, since):
                judged.append((run, kind))
                if len(run) >= _LEAST_NUMBER:
                    since = self._rank(run.last)
        kinds = _taken_along(builder, judged)
        self.left_over = [
            run for (run, _), kind in zip(judged, kinds, strict=True) if kind is None and len(run) >= _LEAST_NUMBER
        ]
        for (run, _), kind in zip(judged, kinds, strict=True):
            if kind is not None:
                yield Found(kind, run.first, run.last, run.digits)

    def _judged(self, builder: RunBuilder, whole: Run, since: int) -> Iterator[tuple[Run, DataKind | None]]:
        """Yield the run, or its parts, and what each is; homophones of digits count only where they can be digits."""
        start, end = without_edge_homophones(whole.chunks)
        if start == end:
            return
        run = builder.run(whole.chunks[start:end], whole.joints[start : end - 1])
        near = [*self._nearby(run.first, since), *self._after(run.last)]
        kind = kind_of(run, near)
        announced = kind not in (None, DataKind.NUMBER_SEQUENCE)
        if run.said(Manner.HOMOPHONE) and not _believable(run, announced=announced):
            for first, last in _without_homophones(run):
                part = builder.run(run.chunks[first:last], run.joints[first : last - 1])
                yield from self._judged(builder, part, since)
            return
        if kind is not None:
            run = _completed(builder, whole, (start, end), kind) or run
        yield run, kind


def _believable(run: Run, *, announced: bool) -> bool:
    """Tell whether "for", "to" and so on inside the run are digits: enough true ones stand around them."""
    alike = run.said(Manner.HOMOPHONE)
    true = len(run) - alike
    if true < _LEAST_TRUE or len(run) < _LONG or "point" in run.joints:
        return False
    return announced or len(run) >= _LONG_WITH_HOMOPHONES or 3 * alike <= true


def _without_homophones(run: Run) -> Iterator[tuple[int, int]]:
    """Yield where the true numbers between homophones begin and end."""
    start = 0
    for index, chunk in enumerate(run.chunks):
        if chunk.manner is Manner.HOMOPHONE:
            if start < index:
                yield start, index
            start = index + 1
    if start < len(run.chunks):
        yield start, len(run.chunks)


def _completed(builder: RunBuilder, whole: Run, core: tuple[int, int], kind: DataKind) -> Run | None:
    """Return the run with homophones at its edges, where only these make the number as long as it must be."""
    start, end = core
    least = completeness(kind, "".join(chunk.digits for chunk in whole.chunks[start:end]))
    for first, last in ((0, end), (start, len(whole.chunks)), (0, len(whole.chunks))):
        chunks = whole.chunks[first:last]
        if completeness(kind, "".join(chunk.digits for chunk in chunks)) > least:
            return builder.run(chunks, whole.joints[first : last - 1])
    return None


def _taken_along(builder: RunBuilder, judged: Sequence[tuple[Run, DataKind | None]]) -> list[DataKind | None]:
    """Give short runs the kind of a long one that they go on: "... and then forty two", "extension five"."""
    kinds = [kind for _, kind in judged]
    indices = list(range(len(judged)))
    for order in (indices, indices[::-1]):
        for left, right in pairwise(order):
            run, other = judged[left][0], judged[right][0]
            kind = kinds[left]
            if kind is None or kinds[right] is not None or len(run) < _LONG or is_amount(other):
                continue
            earlier, later = (run, other) if left < right else (other, run)
            lacking = completeness(kind, earlier.digits + later.digits) > completeness(kind, run.digits)
            linked = (len(other) >= 2 or lacking) and builder.linked(earlier, later)
            if linked or builder.extends(earlier, later):
                kinds[right] = kind
    return kinds
