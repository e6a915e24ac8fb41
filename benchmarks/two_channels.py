"""``python -m benchmarks.two_channels``: words counted twice and own words lost in calls whose channels leak.

A clean call is transcribed once. Each mix then adds one channel to the other at a level, lag and polarity, plainly,
through a room or over a telephone, and a word counts by its time: twice where the other channel keeps its leak, lost
where its own channel does not keep it. What is not speech in a mix is neither.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final, Literal, get_args

import av
import numpy as np
import typer
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from scipy import signal

from benchmarks.support.speech import call
from emotion_pipeline.engine.audio.channels import ChannelComparison
from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.audio.voice_activity import speech_spans
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, Span, Waveform
from emotion_pipeline.engine.diarize.bleed import own_spans
from emotion_pipeline.engine.transcribe.recording import LocalTranscriber
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper

Way = Literal["plain", "room", "phone"]
Scenario = Literal["both", "first", "alone"]

SCENARIOS: Final = get_args(Scenario)
WAYS: Final = get_args(Way)
LEVELS: Final = (-1.0, -3.0, -6.0, -10.0, -15.0, -20.0, -25.0)
LAGS_MS: Final = (-300.0, -120.0, -10.0, 0.0, 3.0, 50.0, 120.0, 300.0)
_NOISE_DB: Final = -65.0
_ROOM_S: Final = 0.3
_PHONE_RATE: Final = 8_000


@dataclass(frozen=True, slots=True)
class Leak:
    """How a voice gets to the other channel; a lag below 0 is heard there first."""

    level_db: float
    lag_ms: float
    inverted: bool = False
    way: Way = "plain"


@dataclass(frozen=True, slots=True)
class Counts:
    """Words of a call: all, those kept on the wrong channel, and those that their own channel does not keep."""

    words: int = 0
    twice: int = 0
    lost: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.words + other.words, self.twice + other.twice, self.lost + other.lost)

    def shares(self) -> dict[str, float]:
        """Return the number of words and the percentages of them that are counted twice and lost."""
        return {
            "words": self.words,
            "twice_percent": round(100 * self.twice / max(1, self.words), 2),
            "lost_percent": round(100 * self.lost / max(1, self.words), 2),
        }


def leaked(voice: Channel, leak: Leak) -> Channel:
    """Return what a leak makes of a voice."""
    rng = np.random.default_rng(5)
    leaking = np.roll(voice, round(leak.lag_ms * SAMPLE_RATE / 1000)).astype(np.float64)
    if leak.way == "phone":
        band = signal.butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE, output="sos")
        leaking = np.asarray(signal.sosfilt(band, leaking))
    if leak.way == "room":
        time = np.arange(round(_ROOM_S * SAMPLE_RATE)) / SAMPLE_RATE
        echoes = 0.08 * rng.normal(size=len(time)) * 10 ** (-3 * time / _ROOM_S)
        echoes[0] = 1.0
        leaking = signal.fftconvolve(leaking, echoes / np.linalg.norm(echoes))[: len(voice)]
    return (leaking * 10 ** (leak.level_db / 20) * (-1 if leak.inverted else 1)).astype(np.float32)


def mixed(clean: Waveform, leak: Leak | None, scenario: Scenario) -> Waveform:
    """Return a call with noise and a leak: into both channels, into the second, or with the first voice ``alone``."""
    noise = np.random.default_rng(7).normal(0.0, 10 ** (_NOISE_DB / 20), clean.shape)
    mix = (np.stack([clean[0], np.zeros_like(clean[1])]) if scenario == "alone" else clean) + noise
    if leak is not None:
        mix[1] += leaked(clean[0], leak)
        if scenario == "both":
            mix[0] += leaked(clean[1], leak)
        if leak.way == "phone":
            mix = np.stack([over_telephone(channel) for channel in mix])
    return mix.clip(-1, 1).astype(np.float32)


def over_telephone(channel: Channel) -> Channel:
    """Return a channel coded as AMR-NB at 12.2 kbit/s and decoded again; 5 ms late."""
    file = io.BytesIO()
    with av.open(file, "w", format="amr") as output:
        stream = output.add_stream("libopencore_amrnb", rate=_PHONE_RATE, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 12_200
        for frame in _resampled(channel, "s16", _PHONE_RATE):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file, "r") as coded:
        decoded = np.concatenate([frame.to_ndarray()[0] for frame in coded.decode(audio=0)])
    frames = _resampled(decoded, "flt", SAMPLE_RATE, _PHONE_RATE)
    decoded = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    return decoded[: len(channel)]


def _resampled(samples: Channel, kind: str, rate: int, rate_before: int = SAMPLE_RATE) -> list[AudioFrame]:
    frame = AudioFrame.from_ndarray(samples[np.newaxis].astype(np.float32), format="flt", layout="mono")
    frame.sample_rate = rate_before
    resampler = AudioResampler(kind, "mono", rate)
    frames = [*resampler.resample(frame), *resampler.resample(None)]
    for resampled in frames:
        resampled.pts = None
    return frames


def counted(clean: Waveform, words: Sequence[Sequence[float]], leak: Leak | None, scenario: Scenario) -> Counts:
    """Return what becomes of the words of a call in one mix.

    :param words: for each channel the middle of each of its words, in seconds
    """
    mix = mixed(clean, leak, scenario)
    truth = [_spans(channel.tobytes()) for channel in clean]
    spoken = [[time for time in times if _inside(spans, time)] for times, spans in zip(words, truth, strict=True)]
    if scenario == "alone":
        spoken[1], truth[1] = [], ()
    comparison = ChannelComparison()
    comparison.add(mix)
    if comparison.speaker_channels == 1:
        return Counts(sum(map(len, spoken)), 0, len(spoken[1]))
    own = own_spans(mix, [speech_spans(channel) for channel in mix]).own
    counts = Counts()
    for side, other in ((0, 1), (1, 0)):
        lost = sum(not _inside(own[side], time) for time in spoken[side])
        leaks_there = leak is not None and (side == 0 or scenario == "both")
        late = [time + leak.lag_ms / 1000 for time in spoken[side]] if leak is not None and leaks_there else []
        twice = sum(_inside(own[other], time) and not _inside(truth[other], time, 0.15) for time in late)
        counts += Counts(len(spoken[side]), twice, lost)
    return counts


@cache
def _spans(samples: bytes) -> tuple[Span, ...]:
    return speech_spans(np.frombuffer(samples, dtype=np.float32))


def _inside(spans: Sequence[Span], time: float, widened: float = 0.0) -> bool:
    return any(span.start - widened <= time <= span.end + widened for span in spans)


def main(
    data: Annotated[Path, typer.Option(help="Folder with speech/manifest.tsv and faults/stereo.")] = Path(
        "../shared/data"
    ),
    seconds: Annotated[float, typer.Option(help="Length of the call that readers make; 0 for none.")] = 30.0,
    levels: Annotated[list[float] | None, typer.Option("--level", help="Of leaks, in dB; else seven.")] = None,
    lags: Annotated[list[float] | None, typer.Option("--lag", help="Of leaks, in ms; else eight.")] = None,
) -> None:
    """Count over all mixes of two calls, by scenario, way, level, lag and polarity, which alternates."""
    counts: dict[str, Counts] = {}
    for clean, words in _calls(data, seconds):
        mixes = product(levels or LEVELS, lags or LAGS_MS, WAYS, SCENARIOS)
        for number, (level, lag, way, scenario) in enumerate(mixes):
            inverted = number // len(SCENARIOS) % 2 == 1
            found = counted(clean, words, Leak(level, lag, inverted, way), scenario)
            for name in ("all", scenario, way, f"{level:g} dB", f"{lag:g} ms", "inverted" if inverted else "upright"):
                counts[name] = counts.get(name, Counts()) + found
    typer.echo(json.dumps({"two_channels": {name: found.shares() for name, found in counts.items()}}))


def _calls(data: Path, seconds: float) -> Iterator[tuple[Waveform, list[list[float]]]]:
    """Yield calls with one person on each channel, clean, and the middle of each word of each channel."""
    transcriber = LocalTranscriber(faster_whisper())
    with TemporaryDirectory() as folder:
        paths = [data / "faults" / "stereo" / "call_clean.flac"]
        if seconds:
            paths.append(call(data, Path(folder), seconds).path)
        for path in paths:
            clean = decode(path, keep_channels=True)
            yield clean, [_word_times(channel, Path(folder) / "side.flac", transcriber) for channel in clean]


def _word_times(channel: Channel, path: Path, transcriber: LocalTranscriber) -> list[float]:
    encode_flac(channel[np.newaxis], path)
    words = transcriber.transcribe(path, speakers=("speaker_1",)).words
    return [(word.start + word.end) / 2 for word in words]


if __name__ == "__main__":
    typer.run(main)
