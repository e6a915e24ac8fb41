"""Whose words they are: recognised words and speaker turns of one recording, put together.

Both were made by different models that do not agree to the hundredth of a second, so a word near the border of two
turns is judged by its neighbours too.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from emotion_pipeline.engine.common.types import Word
from emotion_pipeline.engine.diarize.base import Turn

# A word outside every turn belongs to the nearest one, if that is no farther than this.
NEAR_S: Final = 1.0
# Words less than this apart are said in one breath: a single word in between is hardly another speaker's.
CLOSE_S: Final = 0.3
# A word that lies in its speaker's turns for more than this share of its time stays theirs, whoever speaks around.
CERTAIN_SHARE: Final = 0.8


def assign(words: Sequence[Word], turns: Sequence[Turn]) -> tuple[Word, ...]:
    """Return the words, each with the speaker whose turns overlap it most.

    A word that no turn overlaps goes to the nearest turn within ``NEAR_S``, else to whom the word before belongs. A
    single word between two close words of another speaker joins them, unless it lies well inside a turn of its own.

    :param words: in order of start time
    :param turns: in any order, overlapping or not; without any the words are returned as they are
    """
    if not turns:
        return tuple(words)
    speakers: list[str] = []
    shares: list[float] = []
    for word, near in zip(words, _turns_near(words, turns), strict=True):
        speaker, share = _speaker_of(word, near, speakers[-1] if speakers else None)
        speakers.append(speaker)
        shares.append(share)
    _join_single_words(words, speakers, shares)
    return tuple(replace(word, speaker=speaker) for word, speaker in zip(words, speakers, strict=True))


def _turns_near(words: Sequence[Word], turns: Sequence[Turn]) -> list[list[Turn]]:
    """Return for each word all turns that overlap it, and at least the nearest ones on both sides."""
    waiting = sorted(turns, key=lambda turn: turn.span.start)
    near_turns: list[list[Turn]] = []
    begun: list[Turn] = []
    last_over: Turn | None = None
    next_turn = 0
    for word in words:
        while next_turn < len(waiting) and waiting[next_turn].span.start < word.end:
            begun.append(waiting[next_turn])
            next_turn += 1
        for turn in begun:
            if turn.span.end <= word.start and (last_over is None or turn.span.end > last_over.span.end):
                last_over = turn
        begun = [turn for turn in begun if turn.span.end > word.start]
        following = waiting[next_turn : next_turn + 1]
        near_turns.append([*([last_over] if last_over else []), *begun, *following])
    return near_turns


def _speaker_of(word: Word, near: Sequence[Turn], before: str | None) -> tuple[str, float]:
    """Return the speaker of a word and the share of its time that lies in that speaker's turns."""
    overlaps: dict[str, float] = {}
    for turn in near:
        overlap = min(word.end, turn.span.end) - max(word.start, turn.span.start)
        if overlap > 0:
            overlaps[turn.speaker] = overlaps.get(turn.speaker, 0.0) + overlap
    if overlaps:
        # Equal overlaps stay with whom the word before belongs to.
        speaker = max(overlaps, key=lambda name: (overlaps[name], name == before))
        return speaker, overlaps[speaker] / (word.end - word.start)
    nearest = min(near, key=lambda turn: (_distance(word, turn), turn.speaker != before))
    return (nearest.speaker if before is None or _distance(word, nearest) <= NEAR_S else before), 0.0


def _distance(word: Word, turn: Turn) -> float:
    return max(0.0, turn.span.start - word.end, word.start - turn.span.end)


def _join_single_words(words: Sequence[Word], speakers: list[str], shares: Sequence[float]) -> None:
    for index in range(1, len(words) - 1):
        before, word, after = words[index - 1 : index + 2]
        alone = speakers[index - 1] == speakers[index + 1] != speakers[index]
        close = word.start - before.end < CLOSE_S and after.start - word.end < CLOSE_S
        if alone and close and shares[index] <= CERTAIN_SHARE:
            speakers[index] = speakers[index - 1]
