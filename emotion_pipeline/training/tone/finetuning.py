"""Fine-tuning a wav2vec2 checkpoint on labelled corpora: from manifests to a folder that the back end loads.

Reported figures are of speakers on whom nothing was chosen. ``finetune_fit`` trains the network that ``starting_point``
makes. The new checkpoint is verified like any other before it is put in place.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.models.artefact import check_writable
from emotion_pipeline.engine.models.devices import torch_device, torch_precision
from emotion_pipeline.engine.tone.labels import ACOUSTIC_TONES
from emotion_pipeline.engine.tone.wav2vec2.checkpoint_files import (
    CONFIG,
    PREPROCESSOR,
    WEIGHTS,
    CheckpointFiles,
    checkpoint_at,
)
from emotion_pipeline.engine.tone.wav2vec2.loaded_checkpoint import verify
from emotion_pipeline.engine.tone.wav2vec2.network import SpeechNetwork
from emotion_pipeline.training.loop import Progress, TrainingLoop
from emotion_pipeline.training.tone.corpus import Clip, read_manifest, without_duplicates
from emotion_pipeline.training.tone.finetune_card import CARD, METRICS, render
from emotion_pipeline.training.tone.finetune_data import LabelledSpeech, Split, split_by_speaker
from emotion_pipeline.training.tone.finetune_fit import Floats, Recipe, ToneTask
from emotion_pipeline.training.tone.metrics import figures_of
from emotion_pipeline.training.tone.starting_point import output_layer, starting_network

_COLDEST, _HOTTEST = -2.0, 3.0  # logarithms of temperatures


@dataclass(frozen=True, slots=True)
class FineTuning:
    """What is fine-tuned and how; ``checkpoint`` is a folder or ``owner/name`` on the hub."""

    checkpoint: str
    recipe: Recipe = field(default_factory=Recipe)
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    revision: str | None = None
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class FineTuningReport:
    """What was trained on what, and its quality on speakers who were not trained on."""

    # Of the weights.
    sha256: str
    # Name, revision and first digits of the SHA-256 of the checkpoint.
    started_from: str
    labels: tuple[str, ...]
    # Clips used, by corpus.
    clips: dict[str, int]
    duplicates: int
    # Further clips to learn from, of what people heard in segments.
    review_clips: int
    # To learn from, to stop by, to measure on.
    speakers: dict[str, int]
    epochs: int
    best_epoch: int
    # What logits were divided by, fitted on the speakers to stop by; it is part of the weights.
    temperature: float
    # Figures of the speakers to stop by, under the names of ``evaluation.ToneEvaluation``: a little too good.
    dev: dict[str, Any]
    # Figures of the speakers on whom nothing was chosen.
    test: dict[str, Any]
    recipe: Recipe
    seed: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def finetune_tone_model(
    manifests: Sequence[Path],
    output: Path,
    plan: FineTuning,
    *,
    work: Path,
    progress: Progress,
    reviewed: Sequence[Clip] = (),
) -> FineTuningReport:
    """Fine-tune ``plan.checkpoint`` on the clips of ``manifests`` and write a checkpoint to the folder ``output``.

    :param work: where unfinished training is kept; the same call goes on from there. It may be deleted afterwards
    :param reviewed: clips to learn from beside those of the manifests, see ``training.reviews``

    Raises ``TrainingDataError`` naming file and row for data that does not fit, ``ArtefactError`` for a checkpoint that
    is not whole, and where ``output`` is a folder of something else; nothing is written by halves.
    """
    started = time.perf_counter()
    check_writable(output, METRICS)
    files = checkpoint_at(plan.checkpoint, plan.revision, cache=plan.cache)
    network, scales_input = starting_network(files, ACOUSTIC_TONES, plan.seed)
    listed = [clip for manifest in manifests for clip in read_manifest(manifest)]
    clips = without_duplicates(listed)
    added = [clip for clip in reviewed if clip.is_of_four]
    speech = LabelledSpeech.of([*clips, *added])
    split = split_by_speaker(speech, plan.seed, len(added))
    task = _task(network, scales_input, speech, split, plan, files)
    state = TrainingLoop(task, work, progress).run()
    temperature = _temperature(task.log_probabilities(split.dev), speech.tones[split.dev])
    _cool(network, temperature)
    report = FineTuningReport(
        sha256="",
        started_from=f"{files.name}@{files.revision} ({files.sha256[:12]})",
        labels=ACOUSTIC_TONES,
        clips={name: sum(clip.corpus == name for clip in clips) for name in sorted({clip.corpus for clip in clips})},
        duplicates=len(listed) - len(clips),
        review_clips=len(added),
        speakers={name: len(np.unique(speech.speakers[part])) for name, part in asdict(split).items()},
        epochs=state.epoch,
        best_epoch=state.best_epoch,
        temperature=round(temperature, 4),
        dev=_figures(task, speech, split.dev),
        test=_figures(task, speech, split.test),
        recipe=plan.recipe,
        seed=plan.seed,
        seconds=round(time.perf_counter() - started, 1),
    )
    return _write(network, scales_input, report, output)


def _task(
    network: SpeechNetwork,
    scales_input: bool,
    speech: LabelledSpeech,
    split: Split,
    plan: FineTuning,
    files: CheckpointFiles,
) -> ToneTask:
    device = torch_device(plan.device)
    # float16 would need its losses scaled; whatever has no bfloat16 trains in float32.
    precision = "bfloat16" if torch_precision(plan.precision, device) == "bfloat16" else "float32"
    made_of = [files.sha256, files.settings_sha256, speech.digest, repr(plan.recipe), str(plan.seed), precision]
    identity = hashlib.sha256("|".join(made_of).encode()).hexdigest()
    return ToneTask(
        network,
        scales_input,
        speech,
        split,
        plan.recipe,
        identity=identity,
        seed=plan.seed,
        device=device,
        precision=precision,
    )


def _temperature(log_probabilities: Floats, truth: NDArray[np.int64]) -> float:
    """Return the temperature that makes the truth likeliest (Guo et al., 2017, "On Calibration of Modern Neural
    Networks").
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    def cost(exponent: float) -> float:
        cooled = log_softmax(log_probabilities / np.exp(exponent), axis=1)
        return -float(cooled[np.arange(len(truth)), truth].mean())

    fit: Any = minimize_scalar(cost, bounds=(_COLDEST, _HOTTEST), method="bounded")
    return float(np.exp(fit.x))


def _cool(network: SpeechNetwork, temperature: float) -> None:
    """Make the temperature part of the weights, so that whoever loads them gets calibrated probabilities."""
    layer = output_layer(network)
    layer.weight.data.div_(temperature)
    layer.bias.data.div_(temperature)


def _figures(task: ToneTask, speech: LabelledSpeech, clips: NDArray[np.int64]) -> dict[str, Any]:
    from scipy.special import softmax

    chances = softmax(task.log_probabilities(clips), axis=1)
    figures = figures_of(speech.tones[clips], chances, speech.speakers[clips].tolist())
    bins = [asdict(part) for part in figures["calibration"]]
    return {**figures, "calibration": bins, "speakers": asdict(figures["speakers"])}


def _write(network: SpeechNetwork, scales_input: bool, report: FineTuningReport, output: Path) -> FineTuningReport:
    """Write the checkpoint beside ``output``, verify it as the back end does, and put it in place."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}-") as scratch:
        fresh = Path(scratch) / output.name
        fresh.mkdir()
        _write_checkpoint(network, scales_input, fresh)
        whole = replace(report, sha256=verify(fresh).sha256)
        (fresh / METRICS).write_text(json.dumps(whole.to_dict(), indent=2) + "\n", encoding="utf-8")
        (fresh / CARD).write_text(render(output.name, whole.to_dict()), encoding="utf-8")
        if output.exists():
            output.rename(Path(scratch) / "old")
        fresh.rename(output)
    return whole


def _write_checkpoint(network: SpeechNetwork, scales_input: bool, folder: Path) -> None:
    from safetensors.torch import save_file

    labels = {str(row): label for row, label in enumerate(ACOUSTIC_TONES)}
    config = {
        **json.loads(network.config.to_json_string(use_diff=False)),
        "model_type": "wav2vec2",
        "pooling_mode": "mean",
        "id2label": labels,
        "label2id": {label: int(row) for row, label in labels.items()},
    }
    preprocessor = {"do_normalize": scales_input, "sampling_rate": SAMPLE_RATE}
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    (folder / PREPROCESSOR).write_text(json.dumps(preprocessor, indent=2) + "\n", encoding="utf-8")
    state = {name: tensor.detach().float().cpu().contiguous() for name, tensor in network.state_dict().items()}
    save_file(state, folder / WEIGHTS[0], metadata={"format": "pt"})
