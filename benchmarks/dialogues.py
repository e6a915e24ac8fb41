"""``python -m benchmarks.dialogues FOLDER``: dialogues on one channel with who speaks when, to measure diarizers on.

Written are recordings, an RTTM file beside each, and ``manifest.csv``. Each dialogue has one to four voices of real
people, who take turns of some clips. A turn has one of the two emotions that a voice has in a dialogue, so that voices
differ from themselves as they do in heated calls; with ``--moods`` above two they do so more than people do. Half of
the dialogues go over a telephone, half have noise. Those for tuning have other people: every third one of corpora that
training learns from, so that it can leave them out. Measured is with ``emotion-clf evaluate diarization``.
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.training.tone.channels import over_telephone
from emotion_pipeline.training.tone.corpus import read_clip, read_manifest


class Purpose(StrEnum):
    """What a set is for, by the corpora that its voices come from."""

    EVALUATION = "evaluation"
    TUNING = "tuning"


_CORPORA: Final = {Purpose.EVALUATION: ("ravdess", "emodb"), Purpose.TUNING: ("crema_d", "banglaser")}
# Readers by the start of their files; the recordings of the tuning set have none.
_READERS: Final = ("read/LJ", "read/sense", "read/jfk", "formats/p001.flac")
_SECONDS: Final = (60.0, 300.0)
_MOST_VOICES: Final = 4
_CLIPS_A_TURN: Final = (1, 4)
_PAUSE_IN_TURN: Final = (0.15, 0.5)
_PAUSE_BETWEEN_TURNS: Final = (0.1, 1.2)
# One change of speakers in so many is an overlap of these seconds.
_OVERLAPS: Final = 10
_OVERLAP: Final = (0.2, 0.8)
# Root of the mean square that speech is brought to, and by how many dB a voice may differ from it.
_LEVEL: Final = 0.05
_LEVEL_DB: Final = 4.0
_NOISE_DB: Final = (10.0, 25.0)
# Over steps of 20 ms, speech is at most the first of these below the loudest and the second above the quietest level,
# where a clip has a quiet one; less than the third below the loudest is speech in any case. Readers pause at phrases.
_SILENCE_DB: Final = 35.0
_FLOOR_DB: Final = 12.0
_SPEECH_DB: Final = 22.0
_STEP: Final = 320
_READERS_PAUSE: Final = 0.3
_READERS_PHRASE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What is heard, and each stretch of speech: start and end in seconds, and the name of the speaker."""

    samples: Channel
    speech: Sequence[tuple[float, float, str]]
    telephone: bool
    noise: bool


# By voice, then by emotion: its clips.
Voices = dict[str, dict[str, list[Channel]]]


def main(
    folder: Annotated[Path, typer.Argument(help="Where the dialogues are written.")],
    data: Annotated[Path, typer.Option(help="Holds tone/ and speech/.")],
    purpose: Annotated[Purpose, typer.Option(help="Which people speak.")] = Purpose.EVALUATION,
    count: Annotated[int, typer.Option(min=1)] = 80,
    moods: Annotated[int, typer.Option(min=1, help="Most emotions of one voice in a dialogue.")] = 2,
    seed: int = 1,
) -> None:
    """Write dialogues with their speakers."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    every = 3 if purpose is Purpose.TUNING else 1
    corpora = [_actors(data / "tone" / name / "manifest.csv", every) for name in _CORPORA[purpose]]
    if purpose is Purpose.EVALUATION:
        corpora[1] |= _readers(data / "speech")
    dialogues = (_dialogue(corpora, 1 + i % _MOST_VOICES, i // _MOST_VOICES, moods, rng) for i in range(count))
    rows = [_write(dialogue, folder, f"dialogue{i:03d}") for i, dialogue in enumerate(dialogues)]
    with (folder / "manifest.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    hours = sum(float(row["seconds"]) for row in rows) / 3600
    typer.echo(json.dumps({"dialogues": {"n": count, "purpose": purpose.value, "hours": round(hours, 2)}}))


def _dialogue(corpora: Sequence[Voices], n_voices: int, kind: int, moods: int, rng: np.random.Generator) -> Dialogue:
    """Return a dialogue; every second one has voices of one corpus alone, who share room and microphone."""
    chosen = [corpora[int(rng.integers(len(corpora)))]] if kind % 2 else corpora
    pool = {name: clips for corpus in chosen for name, clips in corpus.items()}
    names = [str(name) for name in rng.choice(sorted(pool), n_voices, replace=False)]
    voices = {name: _in_moods(pool[name], moods, rng) for name in names}
    gains = {name: 10 ** (rng.uniform(-_LEVEL_DB, _LEVEL_DB) / 20) for name in names}
    samples = np.zeros(round(rng.uniform(*_SECONDS) * SAMPLE_RATE), dtype=np.float32)
    speech: list[tuple[float, float, str]] = []
    start, speaker = round(rng.uniform(0.2, 1.0) * SAMPLE_RATE), names[0]
    while True:
        for clip in _turn(voices[speaker], rng):
            end = start + len(clip)
            if end > len(samples):
                return _over_the_air(samples, speech, kind // 2, rng)
            samples[start:end] += gains[speaker] * clip
            speech.append((start / SAMPLE_RATE, end / SAMPLE_RATE, speaker))
            start = end + round(rng.uniform(*_PAUSE_IN_TURN) * SAMPLE_RATE)
        speaker = str(rng.choice([name for name in names if name != speaker] or names))
        overlaps = n_voices > 1 and rng.integers(_OVERLAPS) == 0
        pause = -rng.uniform(*_OVERLAP) if overlaps else rng.uniform(*_PAUSE_BETWEEN_TURNS)
        start = round(speech[-1][1] * SAMPLE_RATE) + round(pause * SAMPLE_RATE)


def _in_moods(clips: Mapping[str, list[Channel]], moods: int, rng: np.random.Generator) -> dict[str, list[Channel]]:
    chosen = rng.choice(sorted(clips), min(moods, len(clips)), replace=False)
    return {str(emotion): clips[str(emotion)] for emotion in chosen}


def _turn(clips: Mapping[str, Sequence[Channel]], rng: np.random.Generator) -> Iterator[Channel]:
    """Yield the clips of a turn, all of one emotion."""
    emotion = clips[str(rng.choice(sorted(clips)))]
    for _ in range(rng.integers(_CLIPS_A_TURN[0], _CLIPS_A_TURN[1] + 1)):
        yield emotion[int(rng.integers(len(emotion)))]


def _over_the_air(
    samples: Channel, speech: list[tuple[float, float, str]], kind: int, rng: np.random.Generator
) -> Dialogue:
    """Return a dialogue with noise, over a telephone, with both, or as it is."""
    has_noise, has_telephone = bool(kind % 2), bool(kind // 2 % 2)
    if has_noise:
        spectrum = np.fft.rfft(rng.standard_normal(len(samples)))
        colour = rng.uniform(0.0, 1.0)  # between white and pink noise
        noise = np.fft.irfft(spectrum / np.maximum(np.arange(len(spectrum)), 1) ** (colour / 2), len(samples))
        samples = samples + noise / noise.std() * _LEVEL * 10 ** (-rng.uniform(*_NOISE_DB) / 20)
    if has_telephone:
        samples = over_telephone(samples)
    loudest = max(1.0, float(np.abs(samples).max()))
    return Dialogue((samples / loudest).astype(np.float32), speech, has_telephone, has_noise)


def _write(dialogue: Dialogue, folder: Path, name: str) -> dict[str, str]:
    """Write recording and RTTM (NIST's Rich Transcription format), and return the row of the manifest."""
    encode_flac(dialogue.samples[np.newaxis], folder / f"{name}.flac")
    lines = (
        f"SPEAKER {name} 1 {start:.3f} {end - start:.3f} <NA> <NA> {speaker} <NA> <NA>\n"
        for start, end, speaker in sorted(dialogue.speech)
    )
    (folder / f"{name}.rttm").write_text("".join(lines), encoding="utf-8")
    return {
        "file": f"{name}.flac",
        "rttm": f"{name}.rttm",
        "speakers": str(len({speaker for _, _, speaker in dialogue.speech})),
        "seconds": f"{len(dialogue.samples) / SAMPLE_RATE:.2f}",
        "telephone": str(int(dialogue.telephone)),
        "noise": str(int(dialogue.noise)),
    }


def _actors(manifest: Path, every: int) -> Voices:
    """Return the clips of every so many-th speaker."""
    clips = read_manifest(manifest, every_label=True)
    chosen = set(sorted({clip.speaker for clip in clips})[::every])
    voices: Voices = {}
    for clip in (clip for clip in clips if clip.speaker in chosen):
        samples = _speech_of(read_clip(clip))
        voices.setdefault(clip.speaker, {}).setdefault(clip.emotion, []).append(samples)
    return voices


def _readers(folder: Path) -> Voices:
    """Return readers, whose phrases part at their pauses and have one emotion."""
    voices: Voices = {}
    with (folder / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        rows = [row["file"] for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
    for reader in _READERS:
        files = [name for name in rows if name.startswith(reader)]
        voices[reader] = {"reading": [phrase for name in files for phrase in _phrases(decode(folder / name)[0])]}
    return voices


def _phrases(samples: Channel) -> Iterator[Channel]:
    loud = np.flatnonzero(_is_loud(samples))
    pauses = np.flatnonzero(np.diff(loud) * _STEP > _READERS_PAUSE * SAMPLE_RATE)
    for steps in np.split(loud, pauses + 1):
        phrase = samples[steps[0] * _STEP : (steps[-1] + 1) * _STEP]
        if len(phrase) >= _READERS_PHRASE * SAMPLE_RATE:
            yield _levelled(phrase)


def _speech_of(samples: Channel) -> Channel:
    """Return a clip without the silence at its ends, at the common level."""
    loud = np.flatnonzero(_is_loud(samples))
    return _levelled(samples[loud[0] * _STEP : (loud[-1] + 1) * _STEP])


def _is_loud(samples: Channel) -> np.ndarray:
    power = (samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP) ** 2).mean(axis=1)
    level = 10 * np.log10(np.convolve(power, np.ones(3) / 3, mode="same") + 1e-12)
    loudest, quietest = level.max(), np.percentile(level, 5)
    return level > min(max(loudest - _SILENCE_DB, quietest + _FLOOR_DB), loudest - _SPEECH_DB)


def _levelled(samples: Channel) -> Channel:
    return samples / np.sqrt((samples**2).mean()) * np.float32(_LEVEL)


if __name__ == "__main__":
    typer.run(main)
