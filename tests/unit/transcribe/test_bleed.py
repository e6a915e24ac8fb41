"""Whose speech stands on a channel of a call, on mixes whose leak is known: synthetic voices, and read speech."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import signal

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.voice_activity import speech_spans
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span, Waveform
from emotion_pipeline.engine.diarize.bleed import LeakRules, own_spans

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
CALLS = [SAMPLES / "2026-11-02" / "angry_customer_call.mp3", SAMPLES / "2026-11-03" / "happy_customer_call.m4a"]
SPEECH_DB = -22.0
GRID = 100


@dataclass(frozen=True)
class Leak:
    """How a voice gets to the other channel: decibels, seconds, a telephone's band, and a room that decays by 60 dB."""

    level: float
    delay: float = 0.01
    telephone: bool = True
    room: float = 0.0


@dataclass(frozen=True)
class Found:
    """Seconds on both channels: of leak heard as speech, of own speech, and what of each was taken for leak."""

    leak: float
    found: float
    own: float
    lost: float

    @property
    def found_share(self) -> float:
        return self.found / self.leak

    @property
    def lost_share(self) -> float:
        return self.lost / self.own


def at_level(channel: Channel, decibels: float) -> Channel:
    speech = np.concatenate([channel[int(s.start * SAMPLE_RATE) : int(s.end * SAMPLE_RATE)] for s in spans(channel)])
    return (channel * 10 ** (decibels / 20) / np.sqrt(np.mean(np.square(speech)))).astype(np.float32)


def spans(channel: Channel) -> tuple[Span, ...]:
    return _spans(np.ascontiguousarray(channel).tobytes())


@cache
def _spans(samples: bytes) -> tuple[Span, ...]:
    return speech_spans(np.frombuffer(samples, dtype=np.float32))


@cache
def call(path: Path) -> Waveform:
    """The first 20 s of both sides of a sample, each alone on its channel."""
    sides = decode(path, keep_channels=True)[:, : 20 * SAMPLE_RATE]
    return np.stack([at_level(channel, SPEECH_DB) for channel in sides])


def overlapped(call: Waveform, seconds: float) -> Waveform:
    """The second side later or earlier by ``seconds``, so that both talk at once."""
    return np.stack([call[0], np.roll(call[1], int(seconds * SAMPLE_RATE))])


def leaked(voice: Channel, leak: Leak, rng: np.random.Generator) -> Channel:
    delay = int(leak.delay * SAMPLE_RATE)
    late = np.concatenate([np.zeros(delay, dtype=np.float32), voice])[: len(voice)]
    if leak.telephone:
        late = signal.sosfilt(signal.butter(4, [200, 3400], "bandpass", fs=SAMPLE_RATE, output="sos"), late)
    if leak.room:
        time = np.arange(int(leak.room * SAMPLE_RATE)) / SAMPLE_RATE
        echoes = rng.normal(size=len(time)) * 10 ** (-3 * time / leak.room)
        echoes[0] += 3
        late = signal.fftconvolve(late, echoes / np.linalg.norm(echoes))[: len(voice)]
    return (np.asarray(late) * 10 ** (leak.level / 20)).astype(np.float32)


def mixed(clean: Waveform, leak: Leak | None, noise: float = -65.0, gains: tuple[float, float] = (0, 0)) -> Waveform:
    """A call with noise at ``noise`` dB on both channels, a leak into both, and each side's gain in dB."""
    rng = np.random.default_rng(5)
    heard = clean + rng.normal(0.0, 10 ** (noise / 20), clean.shape)
    if leak:
        heard += np.stack([leaked(clean[1], leak, rng), leaked(clean[0], leak, rng)])
    return (heard * 10 ** (np.array(gains)[:, np.newaxis] / 20)).clip(-1, 1).astype(np.float32)


def on_grid(spans: Sequence[Span], n: int, widened: float = 0.0) -> NDArray[np.bool_]:
    grid = np.zeros(n, dtype=bool)
    for span in spans:
        grid[max(0, int((span.start - widened) * GRID)) : int((span.end + widened) * GRID)] = True
    return grid


def compare(clean: Waveform, heard: Waveform) -> Found:
    """Separate a call and compare with where each side speaks on its clean channel."""
    speech = [spans(channel) for channel in heard]
    own, leaks, _ = own_spans(heard, speech)
    n = heard.shape[1] * GRID // SAMPLE_RATE + GRID
    totals = np.zeros(4)
    for side, other in ((0, 1), (1, 0)):
        check_parts(speech[side], own[side], leaks[side])
        truth, on, called = spans(clean[side]), on_grid(speech[side], n), on_grid(leaks[side], n)
        is_leak = on & ~on_grid(truth, n, 0.15) & on_grid(spans(clean[other]), n, 0.1)
        is_own = on & on_grid(truth, n)
        totals += [part.sum() / GRID for part in (is_leak, is_leak & called, is_own, is_own & called)]
    return Found(*totals.tolist())


def check_parts(whole: Sequence[Span], own: Sequence[Span], leaks: Sequence[Span]) -> None:
    """Own and leaked pieces are the speech, cut."""
    pieces = sorted([*own, *leaks], key=lambda span: span.start)
    inside = [[piece for piece in pieces if span.start <= piece.start < span.end] for span in whole]
    assert sum(map(len, inside)) == len(pieces)
    for span, parts in zip(whole, inside, strict=True):
        assert (parts[0].start, parts[-1].end) == (span.start, span.end)
        assert all(one.end == next_one.start for one, next_one in pairwise(parts))
        if len(parts) > 1:
            assert min(part.seconds for part in parts) > LeakRules().shortest_piece - 0.02


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
@pytest.mark.parametrize("noise", [-80.0, -50.0])
def test_people_who_take_turns_lose_nothing(path: Path, noise: float) -> None:
    clean = call(path)
    assert compare(clean, mixed(clean, None, noise)).lost == 0


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
@pytest.mark.parametrize("gains", [(0, 0), (0, -15), (-20, 0)])
def test_people_who_talk_at_once_are_both_kept_also_at_unequal_levels(path: Path, gains: tuple[float, float]) -> None:
    clean = overlapped(call(path), 2.5)
    assert compare(clean, mixed(clean, None, gains=gains)).lost_share < 0.01


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "leak",
    [
        Leak(-10, delay=0.0),
        Leak(-15, delay=0.02),
        Leak(-20, delay=0.04),
        Leak(-20, telephone=False),
        Leak(-30, delay=0.005),
        Leak(-12, room=0.2),
    ],
    ids=str,
)
def test_leaks_are_found_and_own_speech_is_kept(path: Path, leak: Leak) -> None:
    clean = call(path)
    result = compare(clean, mixed(clean, leak))
    assert result.leak > 1
    assert result.found_share > 0.97
    assert result.lost_share < 0.01


def test_leaks_through_a_room_that_blurs_them_are_mostly_found() -> None:
    clean = call(CALLS[0])
    result = compare(clean, mixed(clean, Leak(-15, room=0.4)))
    assert result.found_share > 0.85
    assert result.lost_share < 0.01


def test_leaks_in_noise_are_found() -> None:
    clean = call(CALLS[0])
    result = compare(clean, mixed(clean, Leak(-15), noise=-50))
    assert result.found_share > 0.97
    assert result.lost_share < 0.01


@pytest.mark.parametrize("level", [-12, -20, -30])
def test_leaks_are_found_between_people_who_talk_at_once(level: float) -> None:
    clean = overlapped(call(CALLS[1]), 1.5)
    result = compare(clean, mixed(clean, Leak(level)))
    assert result.found_share > 0.95
    assert result.lost_share < 0.03


def test_a_leak_into_one_side_only_is_found() -> None:
    clean = call(CALLS[0])
    heard = mixed(clean, None)
    heard[1] += leaked(clean[0], Leak(-18), np.random.default_rng(0))
    speech = [spans(channel) for channel in heard]
    own, leaks, _ = own_spans(heard, speech)
    assert own[0] == speech[0]
    assert leaks[0] == ()
    assert sum(span.seconds for span in leaks[1]) == pytest.approx(sum(span.seconds for span in speech[0]), rel=0.2)


def test_an_answer_into_a_leak_splits_the_span() -> None:
    voices = call(CALLS[0])
    first, second = ((spans(channel)[0]) for channel in voices)
    clean = np.zeros((2, 5 * SAMPLE_RATE), dtype=np.float32)
    for side, (span, begin, end) in enumerate([(first, 0.5, 2.0), (second, 2.0, 3.5)]):
        start = int(span.start * SAMPLE_RATE)
        clean[side, int(begin * SAMPLE_RATE) : int(end * SAMPLE_RATE)] = voices[side, start:][: 3 * SAMPLE_RATE // 2]
    heard = mixed(clean, Leak(-20))
    own, leaks, _ = own_spans(heard, [(Span(0.5, 3.5),), (Span(0.5, 3.5),)])
    for spans_found, expected in zip([*own, *leaks], [(0.5, 2.0), (2.0, 3.5), (2.0, 3.5), (0.5, 2.0)], strict=True):
        assert [(span.start, span.end) for span in spans_found] == [pytest.approx(expected, abs=0.15)]


def test_a_voice_that_both_channels_carry_alike_is_kept_once_and_called_undecided() -> None:
    voice = call(CALLS[0])[0]
    own, leaks, undecided = own_spans(np.stack([voice, voice]), [spans(voice), spans(voice)])
    assert undecided
    assert own == [spans(voice), ()]
    assert leaks == [(), spans(voice)]


@pytest.mark.parametrize("path", CALLS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "leak",
    [
        Leak(-1, delay=0.003, telephone=False),
        Leak(-3, delay=0.003),
        Leak(-3, delay=0.0),
        Leak(-6, delay=0.12),
        Leak(-15, delay=0.12),
        Leak(-10, delay=0.3, room=0.1),
    ],
    ids=str,
)
def test_leaks_that_are_near_in_level_or_far_in_time_are_found(path: Path, leak: Leak) -> None:
    clean = call(path)
    result = compare(clean, mixed(clean, leak))
    assert result.found_share > 0.95
    assert result.lost_share < 0.02


def test_an_inverted_leak_that_is_heard_first_is_found() -> None:
    clean = call(CALLS[0])
    early = np.roll(clean[0], -SAMPLE_RATE // 20)
    heard = mixed(np.stack([clean[0], clean[1] - 0.5 * early]), None)
    own, _, undecided = own_spans(heard, [spans(channel) for channel in heard])
    assert not undecided
    assert own[0] == spans(heard[0])
    assert sum(span.seconds for span in own[1]) == pytest.approx(sum(s.seconds for s in spans(clean[1])), rel=0.1)


def test_an_equal_copy_belongs_to_the_channel_that_leads() -> None:
    voice = call(CALLS[0])[0]
    late = np.roll(voice, SAMPLE_RATE // 50)
    own, leaks, undecided = own_spans(np.stack([late, voice]), [spans(late), spans(voice)])
    assert (own[1], leaks[1], undecided) == (spans(voice), (), False)
    assert sum(span.seconds for span in own[0]) < 0.05 * sum(span.seconds for span in leaks[0])


def test_what_nobody_says_on_the_other_channel_is_no_leak() -> None:
    heard = mixed(call(CALLS[0]), Leak(-20))
    speech = [spans(heard[0]), ()]
    assert own_spans(heard, speech) == (speech, [(), ()], False)


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.1])
def test_silence_and_noise_leak_nowhere(rng: np.random.Generator, level: float) -> None:
    noise = rng.normal(0.0, level, (2, 5 * SAMPLE_RATE)).astype(np.float32)
    speech = [(Span(0.5, 2.0), Span(3.0, 4.5)), (Span(1.0, 4.0),)]
    assert own_spans(noise, speech) == (speech, [(), ()], False)


@given(
    st.integers(0, 20_000),
    st.lists(st.floats(0, 1.25), max_size=8).map(sorted),
    st.lists(st.floats(0, 1.25), max_size=8).map(sorted),
)
@settings(max_examples=30, deadline=None)
def test_spans_of_any_shape_are_returned_whole(n_samples: int, left: list[float], right: list[float]) -> None:
    voices = call(CALLS[0])[:, 2 * SAMPLE_RATE :][:, :n_samples]
    heard = mixed(voices, Leak(-10, telephone=False))
    speech = [
        tuple(Span(start, end) for start, end in zip(times[::2], times[1::2], strict=False) if start < end)
        for times in (left, right)
    ]
    own, leaks, _ = own_spans(heard, speech)
    for side in (0, 1):
        whole = sum(span.seconds for span in speech[side])
        assert sum(span.seconds for span in [*own[side], *leaks[side]]) == pytest.approx(whole)


@cache
def read_call(folder: Path, overlap: float) -> Waveform:
    """Two readers in turn, three seconds each, the next one ``overlap`` seconds before the last one ends."""
    readers = [
        [at_level(decode(folder / f"LJ001-000{number}.flac")[0], SPEECH_DB) for number in (1, 3, 4, 5)],
        [at_level(decode(path)[0], SPEECH_DB - 2) for path in sorted(folder.glob("sense_and_*08*0.flac"))],
    ]
    clean = np.zeros((2, 40 * SAMPLE_RATE), dtype=np.float32)
    at = SAMPLE_RATE // 2
    for turn in range(12):
        side, texts = turn % 2, readers[turn % 2]
        words = texts[turn // 2 % len(texts)][: 3 * SAMPLE_RATE]
        clean[side, at : at + len(words)] += words
        at += len(words) - int(overlap * SAMPLE_RATE)
    return clean


@pytest.mark.parametrize("gains", [(0, 0), (0, -15), (-20, 0)])
def test_readers_who_talk_at_once_are_both_kept(shared_data: Path, gains: tuple[float, float]) -> None:
    clean = read_call(shared_data / "speech" / "read", 1.5)
    assert compare(clean, mixed(clean, None, gains=gains)).lost_share < 0.01


@pytest.mark.parametrize("level", [-10, -20, -30])
@pytest.mark.parametrize(("overlap", "most_lost"), [(0.0, 0.01), (1.0, 0.1)])
def test_leaks_of_readers_are_found(shared_data: Path, level: float, overlap: float, most_lost: float) -> None:
    clean = read_call(shared_data / "speech" / "read", overlap)
    result = compare(clean, mixed(clean, Leak(level)))
    assert result.found_share > 0.9
    assert result.lost_share < most_lost


def test_a_call_on_which_both_talk_from_the_start_is_kept_whole(shared_data: Path) -> None:
    heard = decode(shared_data / "speech" / "stereo" / "stereo_diarization.wav", keep_channels=True)
    speech = [spans(channel) for channel in heard]
    assert own_spans(heard, speech) == (speech, [(), ()], False)


def test_what_that_call_leaks_is_found_where_only_one_talks(shared_data: Path) -> None:
    clean = decode(shared_data / "speech" / "stereo" / "stereo_diarization.wav", keep_channels=True)
    result = compare(clean, mixed(clean, Leak(-10), noise=-75))
    assert result.found_share > 0.9
    assert result.lost_share < 0.1
