"""Remakes the sample recordings from dialogues.yaml: synthesise, place on channels, encode.

What is said, by whom and in which mood stands in ``dialogues.yaml`` and not here. Speech comes from the program
espeak-ng, and that of the passages from clips of two corpora; both are needed for remaking only. PyAV encodes. The same
dialogues, clips and versions give the same bytes.

    python samples/make_samples.py [--into FOLDER] [--corpora FOLDER]
"""

import argparse
import io
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, TypeAlias
from xml.sax.saxutils import escape

import av
import numpy as np
import yaml
from av.audio.stream import AudioStream
from av.codec.context import Flags
from numpy.typing import NDArray

SAMPLES: Final = Path(__file__).resolve().parent
# Samples per second of espeak-ng's output, and of everything before the encoder.
SPEECH_RATE: Final = 22_050
# Root mean square of the line noise: no telephone or room is digitally silent.
NOISE_DBFS: Final = -72.0
# Peak of a passage of clips.
PASSAGE_DBFS: Final = -1.0
# Quiet before the first and after the last word.
EDGE_SECONDS: Final = 0.4
CODECS: Final = {".wav": "pcm_s16le", ".mp3": "libmp3lame", ".flac": "flac", ".ogg": "libopus", ".m4a": "aac"}

# ``float32``, shape ``(n_samples,)`` or ``(n_channels, n_samples)``, ``SPEECH_RATE``, range [-1, 1].
Signal: TypeAlias = NDArray[np.float32]


class SampleError(Exception):
    """The samples cannot be made here; the message says what is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Speaker:
    voice: str
    pitch: int


@dataclass(frozen=True, slots=True)
class Mood:
    """How a mood sounds: ``rate`` in words a minute, ``pitch`` added to the speaker's, ``range`` in percent of the
    voice's own, ``level`` as a sentence's peak in dBFS, ``pause`` between sentences in seconds."""

    rate: int
    pitch: int
    range: int
    level: float
    pause: float


@dataclass(frozen=True, slots=True)
class Turn:
    speaker: str
    mood: str
    text: str
    gap: float = 0.0


@dataclass(frozen=True, slots=True)
class Recording:
    """One file to make; ``channels`` names the speakers of each channel, left first."""

    file: str
    scenario: str
    mood: str
    sample_rate: int
    seed: int
    channels: tuple[tuple[str, ...], ...]
    turns: tuple[Turn, ...]
    bit_rate: int | None = None

    def channel_of(self, speaker: str) -> int:
        return next(index for index, speakers in enumerate(self.channels) if speaker in speakers)


@dataclass(frozen=True, slots=True)
class Passage:
    """Clips of a corpus one after the other, ``pause`` seconds apart; what is not named is as in ``Recording``.

    ``corpus`` is the folder of the clips.
    """

    file: str
    scenario: str
    mood: str
    sample_rate: int
    pause: float
    corpus: str
    clips: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrokenUpload:
    file: str
    scenario: str
    bytes: int
    seed: int


@dataclass(frozen=True, slots=True)
class Dialogues:
    speakers: dict[str, Speaker]
    moods: dict[str, Mood]
    recordings: tuple[Recording, ...]
    passages: tuple[Passage, ...]
    broken: BrokenUpload


def read_dialogues(path: Path) -> Dialogues:
    """The dialogues of ``path``; a key that is unknown or missing raises a ``TypeError`` that names it."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return Dialogues(
        speakers={name: Speaker(**speaker) for name, speaker in document["speakers"].items()},
        moods={name: Mood(**mood) for name, mood in document["moods"].items()},
        recordings=tuple(_recording(entry) for entry in document["recordings"]),
        passages=tuple(Passage(**{**entry, "clips": tuple(entry["clips"])}) for entry in document["passages"]),
        broken=BrokenUpload(**document["broken"]),
    )


def _recording(entry: dict[str, Any]) -> Recording:
    turns = tuple(Turn(**turn) for turn in entry["turns"])
    channels = tuple(tuple(speakers) for speakers in entry["channels"])
    return Recording(**{**entry, "turns": turns, "channels": channels})


def find_synthesiser() -> str:
    """The path of espeak-ng; raises ``SampleError`` where it is not installed."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise SampleError(
            "espeak-ng is not on the PATH. It is needed only to remake the samples, which are part of the repository:"
            " to use them, nothing has to be installed. To remake them, install espeak-ng (apt install espeak-ng,"
            " brew install espeak-ng)."
        )
    return program


def say(program: str, sentence: str, speaker: Speaker, mood: Mood) -> Signal:
    """One spoken sentence without the quiet around it, its peak at the mood's level."""
    markup = f'<prosody range="{mood.range}%">{escape(sentence)}</prosody>'
    pitch = str(min(max(speaker.pitch + mood.pitch, 0), 99))
    command = [program, "--stdout", "-m", "-v", speaker.voice, "-s", str(mood.rate), "-p", pitch, markup]
    answer = subprocess.run(command, check=False, capture_output=True)
    if answer.returncode != 0:
        raise SampleError(f"espeak-ng could not say {sentence!r} with voice {speaker.voice}: {answer.stderr.decode()}")
    with wave.open(io.BytesIO(answer.stdout)) as spoken:
        if spoken.getframerate() != SPEECH_RATE:
            rate = spoken.getframerate()
            raise SampleError(f"voice {speaker.voice} speaks at {rate} Hz; choose one that speaks at {SPEECH_RATE} Hz")
        pcm = np.frombuffer(spoken.readframes(spoken.getnframes()), dtype="<i2").astype(np.float32)
    loud = np.flatnonzero(np.abs(pcm) > 0.01 * np.abs(pcm).max(initial=1.0))
    if loud.size == 0:
        raise SampleError(f"espeak-ng said nothing for {sentence!r} with voice {speaker.voice}")
    trimmed = pcm[loud[0] : loud[-1] + 1]
    return trimmed * np.float32(_amplitude(mood.level) / np.abs(trimmed).max())


def say_turn(program: str, turn: Turn, dialogues: Dialogues) -> Signal:
    """A turn's sentences in its speaker's voice, with the mood's pause between them."""
    mood = dialogues.moods[turn.mood]
    pause = np.zeros(_samples(mood.pause), dtype=np.float32)
    pieces: list[Signal] = []
    for sentence in re.split(r"(?<=[.?!])\s+", turn.text):
        pieces += [say(program, sentence, dialogues.speakers[turn.speaker], mood), pause]
    return np.concatenate(pieces[:-1])


def compose(program: str, recording: Recording, dialogues: Dialogues) -> Signal:
    """All turns at their times on their speakers' channels, over faint line noise; ``(n_channels, n_samples)``."""
    placed: list[tuple[int, int, Signal]] = []
    end = _samples(EDGE_SECONDS)
    for turn in recording.turns:
        spoken = say_turn(program, turn, dialogues)
        start = end + _samples(turn.gap)
        placed.append((recording.channel_of(turn.speaker), start, spoken))
        end = start + spoken.size
    shape = (len(recording.channels), end + _samples(EDGE_SECONDS))
    noise = np.random.default_rng(recording.seed).standard_normal(shape, dtype=np.float32)
    mixed = noise * np.float32(_amplitude(NOISE_DBFS))
    for channel, start, spoken in placed:
        mixed[channel, start : start + spoken.size] += spoken
    return mixed


def join(passage: Passage, corpora: Path) -> Signal:
    """The clips of a passage with digital silence between them, shape ``(1, n_samples)``, at the passage's rate."""
    pause = np.zeros(round(passage.pause * passage.sample_rate), dtype=np.float32)
    pieces = [pause]
    for clip in passage.clips:
        path = next((corpora / passage.corpus).glob(f"{clip}.*"), None)
        if path is None:
            raise SampleError(f"{passage.file} needs the clip {clip}, which is not in {corpora / passage.corpus}")
        pieces += [_decoded(path, passage.sample_rate), pause]
    joined = np.concatenate(pieces)
    return (joined * np.float32(_amplitude(PASSAGE_DBFS) / np.abs(joined).max()))[None]


def _decoded(clip: Path, rate: int) -> Signal:
    """A clip as one channel at ``rate`` Hz; where a lossy codec overshoots full scale it is cut off there."""
    resampler = av.AudioResampler("fltp", "mono", rate)
    with av.open(str(clip)) as container:
        frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    signal = np.concatenate([frame.to_ndarray()[0] for frame in [*frames, *resampler.resample(None)]])
    return np.clip(signal, -1.0, 1.0)


def encode(signal: Signal, rate: int, recording: Recording | Passage, target: Path) -> None:
    """Writes ``signal`` in the format that the file's ending names; the file appears whole or not at all."""
    layout = "stereo" if len(signal) == 2 else "mono"
    partial = _partial(target)
    # Without bitexact, containers carry random serial numbers and the encoder's version.
    with av.open(str(partial), "w", container_options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(CODECS[target.suffix], rate=recording.sample_rate, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.codec_context.flags |= Flags.bitexact
        if isinstance(recording, Recording) and recording.bit_rate is not None:
            stream.bit_rate = recording.bit_rate
        for frame in _frames(signal, rate, layout):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    partial.replace(target)


def _frames(signal: Signal, rate: int, layout: str) -> Iterator[av.AudioFrame]:
    """``signal`` in frames of a tenth of a second, as PyAV's encoders take them."""
    step = rate // 10
    for start in range(0, signal.shape[1], step):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(signal[:, start : start + step]), "fltp", layout)
        frame.sample_rate = rate
        frame.pts = start
        frame.time_base = Fraction(1, rate)
        yield frame


def write_broken(broken: BrokenUpload, target: Path) -> None:
    """Random bytes under an audio file's name; the file appears whole or not at all."""
    partial = _partial(target)
    partial.write_bytes(np.random.default_rng(broken.seed).bytes(broken.bytes))
    partial.replace(target)


def make_all(dialogues: Dialogues, folder: Path, corpora: Path | None) -> Iterator[Path]:
    """Makes every file of ``dialogues`` below ``folder``, passages only with the corpora; yields each as it is done."""
    program = find_synthesiser()
    for recording in dialogues.recordings:
        yield _made(compose(program, recording, dialogues), SPEECH_RATE, recording, folder)
    if corpora is not None:
        for passage in dialogues.passages:
            yield _made(join(passage, corpora), passage.sample_rate, passage, folder)
    broken = folder / dialogues.broken.file
    broken.parent.mkdir(parents=True, exist_ok=True)
    write_broken(dialogues.broken, broken)
    yield broken


def _made(signal: Signal, rate: int, recording: Recording | Passage, folder: Path) -> Path:
    target = folder / recording.file
    target.parent.mkdir(parents=True, exist_ok=True)
    encode(signal, rate, recording, target)
    return target


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.stem}.partial{target.suffix}")


def _amplitude(dbfs: float) -> float:
    return 10.0 ** (dbfs / 20.0)


def _samples(seconds: float) -> int:
    return round(seconds * SPEECH_RATE)


def main() -> int:
    parser = argparse.ArgumentParser(description="Remake the sample recordings from dialogues.yaml (needs espeak-ng).")
    parser.add_argument("--into", type=Path, default=SAMPLES, help="the folder to write to (default: beside this file)")
    parser.add_argument(
        "--corpora", type=Path, help="the folder above those of the clips; without it passages are left as they are"
    )
    options = parser.parse_args()
    try:
        for path in make_all(read_dialogues(SAMPLES / "dialogues.yaml"), options.into, options.corpora):
            print(f"{path.relative_to(options.into)}  {path.stat().st_size:,} bytes")
    except SampleError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
