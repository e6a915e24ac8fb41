"""``python -m benchmarks.tone``: tone of voice by a wav2vec2 checkpoint of the real size, the notebook's way and ours.

The weights are random, the same for both, in the key layout of the checkpoint of the documents; they say how fast and
how alike, not how right. The peer is ``transformers.pipeline("audio-classification")`` called file by file on the whole
file in float32, with the head that the checkpoint needs put in, since the library would draw a random one.
"""

import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.support.apart import apart
from benchmarks.support.processor import processor
from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.models.usage import process_peak_bytes
from emotion_pipeline.engine.tone.labels import TONES
from emotion_pipeline.engine.tone.wav2vec2.model import Wav2Vec2ToneModel, load_wav2vec2
from emotion_pipeline.engine.tone.windows import windows

if TYPE_CHECKING:
    import torch

SAMPLES: Final = Path(__file__).resolve().parents[1] / "samples"
# Files that each side scores before it is the other's turn, so that a busy minute hits both.
_GROUP: Final = 4
# Files of which a window goes through the exact path as well.
_COMPARED: Final = 8
# Of the memory that is free, how much the peer may take: it would bring the machine down.
_PEER_SHARE: Final = 0.6

Floats = NDArray[np.float64]


def main(
    files: Annotated[int, typer.Option(help="How many files, of 10 s to --longest.")] = 20,
    longest: Annotated[float, typer.Option(help="Seconds of the longest file.")] = 60.0,
    layers: Annotated[int, typer.Option(help="Layers of the network; the real one has 24.")] = 24,
    long_minutes: Annotated[float, typer.Option(help="Length of the file for the memory's ratio.")] = 10.0,
    threads: Annotated[int, typer.Option(help="Threads of torch, for both.")] = 2,
    precision: Annotated[str, typer.Option(help="Ours; auto is what the processor is good at.")] = "auto",
) -> None:
    """Compare speed, results and memory on the same weights."""
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = write_checkpoint(Path(folder), layers)
        figures: dict[str, Any] = {"files": files, "layers": layers, "threads": threads, "load": os.getloadavg()[0]}
        figures |= apart(processor)
        figures |= apart(compare, checkpoint, files, longest, threads, precision)
        figures |= memory(checkpoint, long_minutes * 60, threads, precision)
    typer.echo(json.dumps({key: _rounded(value) for key, value in figures.items()}))


def write_checkpoint(folder: Path, layers: int) -> Path:
    """Write a checkpoint with the architecture of wav2vec2-large-xlsr and random weights, and return its folder.

    The last bias takes away what a few clips have in common, or every file would get the label that a random head
    likes best and any two programs would agree.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import Wav2Vec2Config

    from emotion_pipeline.engine.tone.wav2vec2.network import Head, SpeechNetwork

    config = Wav2Vec2Config(
        hidden_size=1024, num_hidden_layers=layers, num_attention_heads=16, intermediate_size=4096,
        feat_extract_norm="layer", conv_bias=True, do_stable_layer_norm=True,
        id2label=dict(enumerate(TONES)), label2id={tone: i for i, tone in enumerate(TONES)},
    )  # fmt: skip
    torch.manual_seed(7)
    network = SpeechNetwork(config, Head.SPEECH, len(TONES))
    with torch.no_grad():
        for parameter in network.classifier.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        cast(Any, network.classifier).output.bias -= network.eval()(_clips()).mean(dim=0)
    save_file(network.state_dict(), folder / "model.safetensors")
    config.save_pretrained(folder)
    settings = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": True, "feature_size": 1,
                "padding_value": 0.0, "return_attention_mask": True, "sampling_rate": SAMPLE_RATE}  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def compare(checkpoint: Path, files: int, longest: float, threads: int, precision: str) -> dict[str, Any]:
    """Return audio seconds per second of both, how far our fast path is from our exact one, and from the peer."""
    import torch

    torch.set_num_threads(threads)
    recordings = _recordings(np.linspace(10.0, longest, files))
    peer, ours = Peer(checkpoint), load_wav2vec2(checkpoint, device="cpu", precision=precision)
    warm = recordings[0][: 3 * SAMPLE_RATE]
    peer.score(warm)
    ours.score([warm])
    clocks: dict[str, list[float]] = {"peer": [0.0, 0.0], "ours": [0.0, 0.0]}
    whole, windowed = [], []
    for start in range(0, files, _GROUP):
        group = recordings[start : start + _GROUP]
        whole += _timed(clocks["peer"], lambda group=group: [peer.score(recording) for recording in group])
        windowed += _timed(clocks["ours"], lambda group=group: [_row(s.probabilities) for s in ours.score(group)])
    audio = sum(len(recording) for recording in recordings) / SAMPLE_RATE
    a, b = np.array(whole), np.array(windowed)
    return {
        "audio_seconds": audio,
        "precision": ours.fingerprint.split(":")[2].split(",")[1],
        "speedup": clocks["peer"][0] / clocks["ours"][0],
        "speedup_in_processor_time": clocks["peer"][1] / clocks["ours"][1],
        "audio_seconds_per_second": audio / clocks["ours"][0],
        "peer_audio_seconds_per_second": audio / clocks["peer"][0],
        "label_agreement": float((a.argmax(axis=1) == b.argmax(axis=1)).mean()),
        "labels_seen": len(set(a.argmax(axis=1))),
        "whole_file_mean_difference": float(np.abs(a - b).mean()),
        **sameness(ours, checkpoint, recordings),
    }


def sameness(fast: Wav2Vec2ToneModel, checkpoint: Path, recordings: Sequence[Channel]) -> dict[str, float]:
    """Return how far the fast path is from float32, one window at a time, on the same windows of several files."""
    chosen = [windows(recording)[0] for recording in recordings[:_COMPARED]]
    exact = load_wav2vec2(checkpoint, device="cpu", precision="float32", batch_seconds=1.0)
    a, b = (_softmax(model.logits(chosen)) for model in (exact, fast))
    cosines = np.concatenate([_cosines(x, y) for x, y in zip(exact.states(chosen), fast.states(chosen), strict=True)])
    return {
        "fast_mean_probability_difference": float(np.abs(a - b).mean()),
        "fast_largest_probability_difference": float(np.abs(a - b).max()),
        "fast_mean_cosine": float(cosines.mean()),
        "fast_smallest_cosine": float(cosines.min()),
        "fast_label_agreement": float((a.argmax(axis=1) == b.argmax(axis=1)).mean()),
    }


def memory(checkpoint: Path, long_s: float, threads: int, precision: str) -> dict[str, float | None]:
    """Return the ratio of the peak memory of a long file to that of one of 30 s, each in a process of its own."""
    ours = [apart(_peak, checkpoint, seconds, threads, precision) for seconds in (30.0, long_s)]
    peer = [_peak_of_peer(checkpoint, seconds, threads) for seconds in (30.0, long_s)]
    return {
        "long_s": long_s,
        "peak_memory_ratio": ours[1]["peak"] / ours[0]["peak"],
        "peak_memory_ratio_while_scoring": ours[1]["scoring"] / ours[0]["scoring"],
        "peak_mb_30s": ours[0]["peak"],
        "peak_mb_long": ours[1]["peak"],
        "scoring_mb_30s": ours[0]["scoring"],
        "scoring_mb_long": ours[1]["scoring"],
        "peer_peak_mb_30s": peer[0]["peak"],
        "peer_peak_mb_long": peer[1]["peak"],
        "peer_limit_mb": peer[1]["limit"],
    }


class Peer:
    """The notebook's way: the library's pipeline on one whole file at a time, in float32."""

    def __init__(self, checkpoint: Path) -> None:
        import torch
        import transformers
        from safetensors.torch import load_file
        from transformers import Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification, pipeline

        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        model: Any = Wav2Vec2ForSequenceClassification.from_pretrained(checkpoint)
        weights = load_file(checkpoint / "model.safetensors")
        dense, output = torch.nn.Linear(1024, 1024), torch.nn.Linear(1024, len(TONES))
        for name, layer in (("dense", dense), ("output", output)):
            layer.load_state_dict({part: weights[f"classifier.{name}.{part}"] for part in ("weight", "bias")})
        model.projector = torch.nn.Identity()
        model.classifier = torch.nn.Sequential(dense, torch.nn.Tanh(), output)
        extractor = Wav2Vec2FeatureExtractor.from_pretrained(checkpoint)
        self._classify = pipeline("audio-classification", model=model, feature_extractor=extractor, device="cpu")

    def score(self, recording: Channel) -> Floats:
        found: Any = self._classify({"raw": recording, "sampling_rate": SAMPLE_RATE}, top_k=None)
        return _row({answer["label"]: answer["score"] for answer in found})


def _recordings(lengths: Sequence[float] | Floats) -> list[Channel]:
    """Recordings of these lengths in seconds, cut one after the other out of the samples, repeated."""
    audio = np.concatenate([decode(path).mean(axis=0) for path in _sample_files()])
    samples = [round(seconds * SAMPLE_RATE) for seconds in lengths]
    endless = np.tile(audio, -(-sum(samples) // len(audio)))
    return [recording.copy() for recording in np.split(endless, np.cumsum(samples))[:-1]]


def _clips() -> "list[torch.Tensor]":
    """Short stretches of the samples, scaled as the checkpoint wants them."""
    import torch

    clips = (torch.from_numpy(recording) for recording in _recordings(np.full(30, 9.0))[::5])
    return [(clip - clip.mean()) / clip.std() for clip in (clip[: 2 * SAMPLE_RATE] for clip in clips)]


def _sample_files() -> Iterator[Path]:
    for path in sorted(SAMPLES.glob("*/*")):
        if path.stem != "interrupted_upload" and path.suffix in {".flac", ".mp3", ".m4a", ".ogg", ".wav"}:
            yield path


def _timed(clock: list[float], work: Any) -> Any:
    """Add wall-clock and processor seconds of ``work`` to ``clock`` and return what it returns."""
    started, processor = time.perf_counter(), time.process_time()
    result = work()
    clock[0] += time.perf_counter() - started
    clock[1] += time.process_time() - processor
    return result


def _peak(checkpoint: Path, seconds: float, threads: int, precision: str | None) -> dict[str, Any]:
    """Return MB of the process at its highest, and at its highest after the model was loaded; None where it failed.

    The peer has no ``precision``.
    """
    import torch

    torch.set_num_threads(threads)
    [recording] = _recordings([seconds])
    limit = None
    if precision is None:
        peer = Peer(checkpoint)
        limit = _free_mb() * _PEER_SHARE
        resource.setrlimit(resource.RLIMIT_DATA, (int(limit * 2**20), resource.RLIM_INFINITY))
        try:
            peer.score(recording)
        except (MemoryError, RuntimeError) as error:
            if "memory" not in str(error):
                raise
            return {"peak": None, "scoring": None, "limit": limit}
        return {"peak": _highest_mb(), "scoring": None, "limit": limit}
    ours = load_wav2vec2(checkpoint, device="cpu", precision=precision)
    ours.load()
    loaded = _highest_mb()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the highest so far
    ours.score([recording])
    scoring = _status_mb("VmHWM")
    return {"peak": max(loaded, scoring), "scoring": scoring, "limit": limit}


def _peak_of_peer(checkpoint: Path, seconds: float, threads: int) -> dict[str, Any]:
    try:
        return apart(_peak, checkpoint, seconds, threads, None)
    except BrokenProcessPool:  # a library that gets no memory may well abort
        return {"peak": None, "scoring": None, "limit": None}


def _highest_mb() -> float:
    return process_peak_bytes() / 2**20


def _status_mb(name: str) -> float:
    return _kilobytes(Path("/proc/self/status"), name) / 1024


def _free_mb() -> float:
    return _kilobytes(Path("/proc/meminfo"), "MemAvailable") / 1024


def _kilobytes(file: Path, name: str) -> int:
    line = next(line for line in file.read_text(encoding="ascii").splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1])


def _row(probabilities: Any) -> Floats:
    return np.array([probabilities[tone] for tone in TONES])


def _softmax(logits: NDArray[np.float32]) -> Floats:
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def _cosines(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    return (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


def _rounded(value: Any) -> Any:
    return round(value, 5) if isinstance(value, float) else value


if __name__ == "__main__":
    typer.run(main)
