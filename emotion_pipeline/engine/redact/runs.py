"""Runs: numbers that one speaker says one after the other, as the digits that they make together.

Separators ("dash"), hesitations and a few linking words may stand between two numbers, a long pause may not. Whether a
run is personal data is decided in ``numbers``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from emotion_pipeline.engine.common.types import Word
from emotion_pipeline.engine.redact.spoken import DASHES, DOTS, HESITATIONS, SLASHES, Chunk, Manner
from emotion_pipeline.engine.redact.tokens import Token, word_set

_GROUP_PAUSE_S: Final = 0.3
# Tokens between two numbers of one run.
_LONGEST_GAP: Final = 8
# One after the other.
_MOST_HOMOPHONES: Final = 3

_SEPARATORS: Final = DOTS | DASHES | SLASHES | {",", "(", ")", "+", "space", "comma", "#"}
EXTENSIONS: Final = frozenset({"extension", "ext", "x"})
# Words with which people go on in the middle of a number.
LINKS: Final = EXTENSIONS | word_set(
    "and then okay ok so yes yeah yep right next now let me see sorry that's it's is the number area code again no "
    "wait i mean followed by last first got it alright sure please with bit part rest digits"
)


@dataclass(frozen=True)
class Run:
    """Numbers of one speaker that belong together, at least one.

    ``joints`` has one entry per gap between two chunks: the separator said there, a blank for other words, or nothing.
    """

    chunks: tuple[Chunk, ...]
    joints: tuple[str, ...]
    # How many digits were said between two pauses or separators, in order.
    groups: tuple[int, ...]
    # The token "plus" that comes directly before, None without.
    plus: int | None
    # The token before the run, empty at the beginning.
    preceding: str
    # The token after the run, empty at the end.
    following: str

    @property
    def first(self) -> int:
        return self.chunks[0].first if self.plus is None else self.plus

    @property
    def last(self) -> int:
        return self.chunks[-1].last

    @cached_property
    def digits(self) -> str:
        return "".join(chunk.digits for chunk in self.chunks)

    def __len__(self) -> int:
        """Return the number of digits."""
        return len(self.digits)

    def said(self, *manners: Manner) -> int:
        """Return how many digits were said in one of these manners."""
        return sum(len(chunk.digits) for chunk in self.chunks if chunk.manner in manners)


class RunBuilder:
    """The runs of one speaker's tokens.

    :param apart: tells whether two tokens cannot belong to one thing, because of what was said between them
    """

    def __init__(self, tokens: Sequence[Token], words: Sequence[Word], apart: Callable[[int, int], bool]) -> None:
        self._tokens = tokens
        self._words = words
        self._apart = apart

    def runs(self, chunks: Sequence[Chunk]) -> Iterator[Run]:
        """Yield the runs in order; homophones are in them, but at the edges only where numbers are between them."""
        part: list[Chunk] = []
        joints: list[str] = []
        for index, chunk in enumerate(chunks):
            joint = self._joint(part, chunks, index) if part else None
            if part and joint is None:
                yield self.run(part, joints)
                part, joints = [], []
            elif joint is not None:
                joints.append(joint)
            part.append(chunk)
        if part:
            yield self.run(part, joints)

    def run(self, chunks: Sequence[Chunk], joints: Sequence[str]) -> Run:
        """Return the run of ``chunks``, with what stands around it."""
        before, after = chunks[0].first - 1, chunks[-1].last + 1
        plus = before if before >= 0 and self._tokens[before].text in ("plus", "+") else None
        preceding = self._tokens[before].text if before >= 0 else ""
        following = self._tokens[after].text if after < len(self._tokens) else ""
        return Run(tuple(chunks), tuple(joints), self._groups(chunks, joints), plus, preceding, following)

    def linked(self, left: Run, right: Run) -> bool:
        """Tell whether only separators, hesitations and linking words stand between two runs."""
        return self._joint([left.chunks[-1]], [right.chunks[0]], 0, anything=True) is not None

    def extends(self, left: Run, right: Run) -> bool:
        """Tell whether the right run is announced as the extension of the left one."""
        between = {token.text for token in self._tokens[left.last + 1 : right.first]}
        return bool(between & EXTENSIONS) and self.linked(left, right)

    def _joint(
        self, part: Sequence[Chunk], chunks: Sequence[Chunk], index: int, *, anything: bool = False
    ) -> str | None:
        """Return how ``chunks[index]`` joins to the numbers before it, None where it does not."""
        left, right = part[-1], chunks[index]
        if right.first - left.last - 1 > _LONGEST_GAP or self._apart(left.last, right.first):
            return None
        between = [token.text for token in self._tokens[left.last + 1 : right.first]]
        separators = [text for text in between if text in _SEPARATORS]
        others = [text for text in between if text not in _SEPARATORS and text not in HESITATIONS]
        if not anything and Manner.HOMOPHONE in (left.manner, right.manner):
            return "" if not between and _sounds_alike(part, right) else None
        if others:
            if not all(text in LINKS for text in others):
                return None
            if not anything and (not EXTENSIONS.isdisjoint(others) or not _goes_on(part, chunks, index)):
                return None
        return separators[0] if separators else " " if others else ""

    def _pause(self, left: Chunk, right: Chunk) -> float:
        earlier, later = self._words[self._tokens[left.last].word], self._words[self._tokens[right.first].word]
        return later.start - earlier.end

    def _groups(self, chunks: Sequence[Chunk], joints: Sequence[str]) -> tuple[int, ...]:
        groups = [len(chunks[0].digits)]
        for index, joint in enumerate(joints):
            left, right = chunks[index], chunks[index + 1]
            written = Manner.WRITTEN in (left.manner, right.manner) and len(left.digits + right.digits) > 2
            ends = joint or written or self._tokens[left.last].ends_clause
            if ends or self._pause(left, right) > _GROUP_PAUSE_S:
                groups.append(0)
            groups[-1] += len(right.digits)
        return tuple(groups)


def without_edge_homophones(chunks: Sequence[Chunk]) -> tuple[int, int]:
    """Return where the true numbers begin and end; equal where there is none."""
    true = [index for index, chunk in enumerate(chunks) if chunk.manner is not Manner.HOMOPHONE]
    return (true[0], true[-1] + 1) if true else (0, 0)


def _sounds_alike(part: Sequence[Chunk], right: Chunk) -> bool:
    """Only single digits may stand beside a homophone, and not too many homophones together."""
    if len(part[-1].digits) != 1 and part[-1].manner is not Manner.DIGIT:
        return False
    if len(right.digits) != 1 and right.manner is not Manner.DIGIT:
        return False
    recent = [*part[-_MOST_HOMOPHONES:], right]
    return len(recent) <= _MOST_HOMOPHONES or any(chunk.manner is not Manner.HOMOPHONE for chunk in recent)


def _goes_on(part: Sequence[Chunk], chunks: Sequence[Chunk], index: int) -> bool:
    return _spelled(part[-2:]) and _spelled(chunks[index : index + 2])


def _spelled(chunks: Sequence[Chunk]) -> bool:
    """Two digits said one by one, or three and more written that are no round number."""
    single = sum(len(chunk.digits) for chunk in chunks if chunk.manner is Manner.DIGIT)
    return single >= 2 or any(
        chunk.manner is Manner.WRITTEN and len(chunk.digits) >= 3 and not chunk.digits.endswith("00")
        for chunk in chunks
    )
