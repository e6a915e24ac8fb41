"""How a wav2vec2 checkpoint scores utterances: windows, batches, pooling, and what happens when memory is out."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from support.little_memory import LittleMemory
from support.tiny_wav2vec2 import base_config_of, checkpoint, config_of, weights_of, write

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel, ToneScore
from emotion_pipeline.engine.tone.base import pool_scores
from emotion_pipeline.engine.tone.wav2vec2.model import Wav2Vec2ToneModel, load_wav2vec2
from emotion_pipeline.engine.tone.wav2vec2.network import Head
from emotion_pipeline.engine.tone.windows import windows

SECONDS = (0.03, 0.6, 1.0, 1.2, 2.0, 2.4, 3.3, 7.0)


def sound(seconds: float, seed: int) -> Channel:
    """A gliding tone in noise, different for each seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tone = np.sin(2 * np.pi * (100 + 90 * seed) * time * (1 + 0.1 * time))
    return (0.3 * tone + 0.02 * (1 + seed) * rng.standard_normal(len(time))).clip(-1, 1).astype(np.float32)


def rows(scores: list[ToneScore]) -> np.ndarray:
    return np.array([list(score.probabilities.values()) for score in scores])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("wav2vec2") / "tiny")


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = base_config_of()
    return write(tmp_path_factory.mktemp("wav2vec2") / "base", config, weights_of(config, Head.STOCK))


@pytest.fixture(params=["folder", "base_folder"])
def either(request: pytest.FixtureRequest) -> Path:
    """A model with norms over the layer, and one with a norm over time."""
    return request.getfixturevalue(request.param)


def exact(folder: Path, batch_seconds: float | None = None) -> Wav2Vec2ToneModel:
    return load_wav2vec2(folder, device="cpu", precision="float32", batch_seconds=batch_seconds)


def test_a_window_scores_the_same_alone_and_in_a_batch(either: Path) -> None:
    utterances = [sound(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    together = rows(exact(either, 100.0).score(utterances))
    alone = np.concatenate([rows(exact(either, 1.0).score([utterance])) for utterance in utterances])
    assert np.abs(together - alone).max() < 1e-5
    assert len({row.argmax() for row in together}) > 1
    assert together.sum(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_reduced_precision_changes_probabilities_little(either: Path, precision: str) -> None:
    if precision == "int8" and not torch.cpu.get_capabilities().get("avx2"):
        pytest.skip("int8 needs AVX2, which this processor does not have")
    utterances = [sound(seconds, seed) for seed, seconds in enumerate(SECONDS[1:])]
    fast = load_wav2vec2(either, device="cpu", precision=precision)
    difference = np.abs(rows(fast.score(utterances)) - rows(exact(either).score(utterances)))
    assert difference.max() > 0
    assert difference.mean() < 0.01
    assert f",{precision}," in fast.fingerprint


@pytest.mark.parametrize("room", range(1, len(SECONDS) + 1))
def test_a_batch_that_does_not_fit_is_halved_and_no_row_is_lost(folder: Path, room: int) -> None:
    utterances = [sound(1.0 + 0.02 * seed, seed) for seed in range(len(SECONDS))]
    model = exact(folder, 100.0)
    expected = rows(model.score(utterances))
    with LittleMemory(room) as memory:
        found = rows(model.score(utterances))
    assert np.abs(found - expected).max() < 1e-5
    assert memory.largest <= room
    assert (memory.refused > 0) == (room < len(SECONDS))


def test_a_window_that_does_not_fit_alone_is_an_error_that_says_so(folder: Path) -> None:
    model = exact(folder)
    model.load()
    with LittleMemory(0), pytest.raises(BackendUnavailableError, match=r"not even one item fits.*device 'cpu'"):
        model.score([sound(1.0, 0)])


def test_a_long_utterance_is_pooled_from_its_windows_by_the_speech_in_them(folder: Path, shared_data: Path) -> None:
    from emotion_pipeline.engine.audio.decode import decode

    speech = decode(shared_data / "speech" / "read" / "LJ001-0002.flac")[0]
    spoken = np.resize(speech, 8 * SAMPLE_RATE)
    quiet = (1e-3 * np.random.default_rng(0).standard_normal(8 * SAMPLE_RATE)).astype(np.float32)
    model = exact(folder)
    both, first, second = model.score([np.concatenate([spoken, quiet]), spoken, quiet])
    assert rows([both]) == pytest.approx(rows([first]), abs=3e-3)
    assert np.abs(rows([second]) - rows([first])).max() > 0.01


def test_windows_without_speech_count_the_same(folder: Path) -> None:
    long = sound(24.0, 2)
    model = exact(folder)
    [score] = model.score([long])
    expected = pool_scores(model.score(windows(long)), [1.0] * 3)
    assert rows([score]) == pytest.approx(rows([expected]), abs=1e-5)


@pytest.mark.parametrize(
    "samples",
    [np.zeros(0), np.ones(1), sound(1.0, 1)[:399], np.zeros(16_000), np.full(16_000, 0.5), np.full(16_000, np.nan)],
    ids=["empty", "one sample", "less than a frame", "silence", "constant", "not numbers"],
)
def test_nothing_to_hear_is_scored_as_all_tones_equally_likely(folder: Path, samples: np.ndarray) -> None:
    [before, nothing, after] = exact(folder).score([sound(1.0, 1), samples.astype(np.float32), sound(1.0, 2)])
    assert rows([nothing]) == pytest.approx(1 / 8, abs=1e-5)
    assert nothing.tone == "neutral"
    assert rows([before, after]) == pytest.approx(rows(exact(folder).score([sound(1.0, 1), sound(1.0, 2)])), abs=1e-5)


def test_one_frame_is_enough(folder: Path) -> None:
    [score] = exact(folder).score([sound(0.025, 1)])
    assert np.ptp(rows([score])) > 0.01


def test_no_utterance_has_no_score(folder: Path) -> None:
    assert exact(folder).score([]) == []
    assert exact(folder).score(iter([])) == []


def test_level_and_offset_of_an_utterance_change_nothing(folder: Path) -> None:
    utterance = sound(2.0, 3)
    scores = exact(folder).score([utterance, 0.05 * utterance, 0.5 * utterance + np.float32(0.2)])
    assert np.abs(np.diff(rows(scores), axis=0)).max() < 1e-3


def test_a_checkpoint_that_wants_its_input_as_it_is_gets_it(folder: Path, tmp_path: Path) -> None:
    config = config_of()
    raw = write(tmp_path / "raw", config, weights_of(config))
    (raw / "preprocessor_config.json").write_text('{"do_normalize": false}', encoding="utf-8")
    utterance = sound(2.0, 3)
    loud, soft = rows(exact(raw).score([utterance, 0.3 * utterance]))
    assert np.abs(loud - soft).max() > 1e-4


def test_utterances_are_taken_one_at_a_time_and_let_go(folder: Path) -> None:
    model = exact(folder)
    model.load()
    made: list[int] = []

    def stream() -> Iterator[Channel]:
        for seed in range(45):
            made.append(seed)
            yield sound(20.0, seed % 5)

    scores = rows(model.score(stream()))
    assert made == list(range(45))
    assert np.abs(scores - scores[np.arange(45) % 5]).max() < 1e-5  # the same utterance at both ends of the stream


def test_groups_change_nothing_but_have_to_be_as_many(folder: Path) -> None:
    utterances = [sound(1.0, 1), sound(1.5, 2)]
    model = exact(folder)
    assert model.score(utterances, ["a", "a"]) == model.score(utterances)
    with pytest.raises(ValueError, match="2 utterances came with 1 groups"):
        model.score(utterances, ["a"])


def test_a_device_or_precision_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="precision 'int3'"):
        load_wav2vec2(folder, precision="int3")
    with pytest.raises(BackendUnavailableError, match="device 'tpu'"):
        load_wav2vec2(folder, device="tpu")
