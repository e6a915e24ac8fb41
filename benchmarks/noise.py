"""``python -m benchmarks.noise``: how much is made up where nobody speaks, over the suite that the tests generate.

``items_with_detected_speech`` counts what the peer finds, Silero's detector by itself; ``items_with_speech`` what is
left after the second look at it, and ``words`` those of the embedded back end over the whole suite as one long
recording. With ``--speech`` folders, seconds of real speech before and after the second look tell what it costs.
"""

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import numpy as np
import typer

from benchmarks.support.noise_suite import noise_suite
from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.audio.voice_activity import VoiceRules, spans_of, speech_probabilities, voiced_spans
from emotion_pipeline.engine.common.errors import MediaError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.transcribe.recording import LocalTranscriber
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper

_RULES: Final = VoiceRules()


def main(
    seed: Annotated[int | None, typer.Option(help="Of another suite than the one of the tests.")] = None,
    speech: Annotated[list[Path] | None, typer.Option(help="Folder of recordings with speech in each.")] = None,
) -> None:
    """Count what is heard in noise, and what of real speech is no longer heard."""
    typer.echo(json.dumps({"noise": _over_noise(seed) | _over_speech(speech or [])}))


def _over_noise(seed: int | None) -> dict[str, float]:
    items = list(noise_suite(seed))
    found = [_looked_at(item.samples) for item in items]
    whole = np.concatenate([item.samples for item in items])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "noise.flac"
        encode_flac(whole[np.newaxis], path)
        words = LocalTranscriber(faster_whisper()).transcribe(path).words
    return {
        "items": len(items),
        "minutes": round(len(whole) / SAMPLE_RATE / 60, 1),
        "items_with_detected_speech": sum(detected > 0 for detected, _, _, _ in found),
        "items_with_speech": sum(kept > 0 for _, kept, _, _ in found),
        "words": len(words),
    }


def _over_speech(folders: Iterable[Path]) -> dict[str, float]:
    found = [_looked_at(channel) for folder in folders for channel in _channels(folder)]
    if not found:
        return {}
    detected, kept, detecting_s, looking_s = (np.array(column) for column in zip(*found, strict=True))
    return {
        "clips": len(found),
        "speech_seconds_detected": round(float(detected.sum()), 1),
        "speech_seconds_kept": round(float(kept.sum()), 1),
        "clips_without_speech_before": int((detected == 0).sum()),
        "clips_without_speech_after": int((kept == 0).sum()),
        "second_look_share": round(float(looking_s.sum() / detecting_s.sum()), 3),
    }


def _looked_at(channel: Channel) -> tuple[float, float, float, float]:
    """Return seconds of speech before and after the second look, and the seconds that detection and it took."""
    started = time.perf_counter()
    probabilities = speech_probabilities(channel)
    before = spans_of(probabilities, channel.size / SAMPLE_RATE, _RULES)
    between = time.perf_counter()
    after = voiced_spans(channel, probabilities, _RULES)
    ended = time.perf_counter()
    return sum(span.seconds for span in before), sum(span.seconds for span in after), between - started, ended - between


def _channels(folder: Path) -> Iterator[Channel]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                yield from decode(path, keep_channels=True)
            except MediaError:
                continue  # manifests, and recordings that are damaged on purpose


if __name__ == "__main__":
    typer.run(main)
