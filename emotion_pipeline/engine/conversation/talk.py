"""Who talked how much, how fast and when: talk time, silence, interruptions, pace and response delay.

Times are those of segments, so a pause of less than 0.4 s inside a phrase counts as talk. The measures are those of
contact centres; the formulas are in the docstrings. Everything is in seconds.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

from emotion_pipeline.engine.common.types import Span
from emotion_pipeline.engine.conversation.spoken import Spoken, merged, turns

# A stretch in which nobody talks counts as a silence when it lasts longer.
SILENCE_S: Final = 3.0
# Who begins this long before another has ended has cut in; a shorter overlap is a quick answer.
OVERLAP_S: Final = 0.5
# On one channel, where overlapping words are heard once: who follows an unfinished sentence this closely has cut in.
CUT_IN_GAP_S: Final = 0.2
# Who paused for less goes on talking, whoever has begun meanwhile.
GOES_ON_S: Final = 1.0
# "Mhm" or "okay, yes" shows that one listens: at most so many words, and shorter than that.
_BACKCHANNEL_WORDS: Final = 2
_BACKCHANNEL_S: Final = 1.0
# Of a stretch with fewer words nobody can say that it was cut off.
_LEAST_CUT_OFF_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Talk:
    """What one speaker did. Shares are of all speakers' talk, rates in words per minute of their own talk."""

    turns: int
    word_count: int
    questions: int
    talk_seconds: float
    talk_share: float
    words_per_minute: float | None
    interruptions: int
    interrupted: int
    interruption_seconds: float
    response_delay_seconds: float | None


@dataclass(frozen=True, slots=True)
class Silence:
    """The time in which nobody talks: all of it, its longest stretch, and the stretches over ``SILENCE_S``."""

    non_talk_seconds: float
    longest_non_talk_seconds: float
    silence_count: int
    silence_seconds: float


@dataclass(frozen=True, slots=True)
class Interruption:
    """``by`` began to talk at ``at`` while ``of`` had not finished; ``seconds`` is how long both talked."""

    by: str
    of: str
    at: float
    seconds: float


def talk_time(spoken: Sequence[Spoken]) -> float:
    """Return the length of the union of the stretches: what overlaps counts once."""
    return sum(span.seconds for span in merged(Span(stretch.start, stretch.end) for stretch in spoken))


def talk_by_speaker(spoken: Sequence[Spoken], *, one_channel: bool) -> dict[str, Talk]:
    """Return what each speaker did, the first to talk first.

    talk_share = talk time of the speaker / sum of all speakers' talk times;
    words_per_minute = words / (talk time / 60).

    :param one_channel: overlapping words were heard once, see ``interruptions``
    """
    speakers = list(dict.fromkeys(stretch.speaker for stretch in spoken))
    times = {speaker: talk_time([stretch for stretch in spoken if stretch.speaker == speaker]) for speaker in speakers}
    total = sum(times.values())
    runs = Counter(run[0].speaker for run in turns(spoken))
    cuts = interruptions(spoken, one_channel=one_channel)
    delays = response_delays(spoken)
    talks = {}
    for speaker in speakers:
        own = [stretch for stretch in spoken if stretch.speaker == speaker]
        words = sum(stretch.word_count for stretch in own)
        talks[speaker] = Talk(
            turns=runs[speaker],
            word_count=words,
            questions=sum(stretch.is_question for stretch in own),
            talk_seconds=times[speaker],
            talk_share=times[speaker] / total if total else 0.0,
            words_per_minute=pace(words, times[speaker]),
            interruptions=sum(cut.by == speaker for cut in cuts),
            interrupted=sum(cut.of == speaker for cut in cuts),
            interruption_seconds=sum((cut.seconds for cut in cuts if cut.by == speaker), 0.0),
            response_delay_seconds=median(delays[speaker]) if delays.get(speaker) else None,
        )
    return talks


def pace(words: int, seconds: float) -> float | None:
    """Return words per minute, or None where nobody talks."""
    return words / (seconds / 60.0) if seconds > 0 else None


def silence(spoken: Sequence[Spoken], recording_seconds: float) -> Silence:
    """Return the time in which nobody talks: the recording without the union of all stretches, its ends included."""
    talk = merged(
        Span(stretch.start, min(stretch.end, recording_seconds))
        for stretch in spoken
        if stretch.start < recording_seconds
    )
    edges = [0.0, *(edge for span in talk for edge in (span.start, span.end)), recording_seconds]
    gaps = [max(0.0, end - start) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    long = [gap for gap in gaps if gap > SILENCE_S]
    return Silence(sum(gaps), max(gaps), len(long), sum(long))


def response_delays(spoken: Sequence[Spoken]) -> dict[str, list[float]]:
    """Return for each speaker the pauses before turns that follow another's: start of the turn - end of all before.

    A turn that begins while somebody still talks answers nothing yet and has no delay.
    """
    delays: dict[str, list[float]] = {}
    latest = 0.0
    for before, turn in pairwise(turns(spoken)):
        latest = max(latest, *(stretch.end for stretch in before))
        if turn[0].start >= latest:
            delays.setdefault(turn[0].speaker, []).append(turn[0].start - latest)
    return delays


def interruptions(spoken: Sequence[Spoken], *, one_channel: bool) -> list[Interruption]:
    """Return who cut in on whom, in order of time.

    A stretch cuts in on another speaker's that began before it where it begins at least ``OVERLAP_S`` before that one's
    end; the seconds are those in which both talk. On one channel overlapping words are heard once: there a stretch
    also cuts in where it follows, within ``CUT_IN_GAP_S``, words of another that do not end as a sentence; such a
    cut-in has 0 s. Backchannels cut in on nobody, and neither does who was already talking.
    """
    found = []
    # Of each speaker the stretch that ends last, of those that have begun.
    latest: dict[str, Spoken] = {}
    before: Spoken | None = None
    for stretch in spoken:
        other = max((each for name, each in latest.items() if name != stretch.speaker), key=_end, default=None)
        own = latest.get(stretch.speaker)
        goes_on = own is not None and stretch.start - own.end < GOES_ON_S
        if other is not None and other.start < stretch.start and not goes_on and not _is_backchannel(stretch):
            overlap = min(other.end, stretch.end) - stretch.start
            if overlap >= OVERLAP_S or (one_channel and other is before and _is_cut_off(other, stretch.start)):
                found.append(Interruption(stretch.speaker, other.speaker, stretch.start, max(0.0, overlap)))
        latest[stretch.speaker] = max(stretch, own or stretch, key=_end)
        before = stretch
    return found


def _end(stretch: Spoken) -> float:
    return stretch.end


def _is_backchannel(stretch: Spoken) -> bool:
    return stretch.word_count <= _BACKCHANNEL_WORDS and stretch.seconds < _BACKCHANNEL_S


def _is_cut_off(other: Spoken, at: float) -> bool:
    return 0.0 <= at - other.end <= CUT_IN_GAP_S and not other.is_finished and other.word_count >= _LEAST_CUT_OFF_WORDS
