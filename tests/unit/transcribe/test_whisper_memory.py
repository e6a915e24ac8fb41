"""Transcription on a device whose memory runs out at every possible size of a batch: the same words, no item lost."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from support.little_memory import LittleMemory
from support.thorough import THOROUGH
from support.tiny_whisper import TinyModel, TinyWhisper

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.models.loaded_models import LOADED
from emotion_pipeline.engine.models.usage import measured
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper
from emotion_pipeline.engine.transcribe.whisper.openai import openai_whisper
from emotion_pipeline.engine.transcribe.whisper.recogniser import WhisperRecogniser
from emotion_pipeline.engine.transcribe.whisper.transformers import transformers_whisper

ITEMS = 3


@dataclass
class LittleMemoryInCTranslate2:
    """A CTranslate2 model whose device gives no memory for more than ``room`` items; its allocator is out of reach."""

    model: Any
    room: int

    def encode(self, features: Any) -> Any:
        if features.shape[0] > self.room:
            raise RuntimeError("CUDA failed with error out of memory")
        return self.model.encode(features)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)


@contextmanager
def little_memory_for_ctranslate2(room: int) -> Iterator[None]:
    [key] = [key for key in LOADED.keys() if "faster-whisper" in str(key)]  # noqa: SIM118 - it is no mapping
    with LOADED.held(key, pytest.fail) as loaded:
        whole = loaded._model
        loaded._model = LittleMemoryInCTranslate2(whole, room)
    try:
        yield
    finally:
        loaded._model = whole


Package = tuple[Callable[[TinyWhisper], WhisperRecogniser], Callable[[int], AbstractContextManager[Any]]]

PACKAGES: dict[str, Package] = {
    "openai": (lambda tiny: openai_whisper(str(tiny.openai), "cpu", ITEMS), LittleMemory),
    "transformers": (
        lambda tiny: transformers_whisper(str(tiny.transformers), "cpu", ITEMS, precision="float32"),
        LittleMemory,
    ),
    "faster": (
        lambda tiny: faster_whisper(str(tiny.faster), "cpu", ITEMS, precision="float32"),
        little_memory_for_ctranslate2,
    ),
}


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> Iterator[Package]:
    LOADED.clear()
    yield PACKAGES[request.param]
    LOADED.clear()


def noise(seconds: float, seed: int) -> Channel:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    return (0.05 * (1 + seed) * samples).clip(-1, 1).astype(np.float32)


def items_and_words(recogniser: WhisperRecogniser, temperature: float) -> tuple[list[Channel], list[str]]:
    items = [noise(1.0 + seed / 2, seed) for seed in range(ITEMS)]
    words = [one.text for one in recogniser.decode(items, "en", temperature)]
    assert len(set(words)) > 1
    return items, words


@pytest.mark.parametrize("room", range(1, ITEMS + 1) if THOROUGH else [2])
def test_every_item_gets_its_words_wherever_memory_runs_out(package: Package, room: int, tiny_model: TinyModel) -> None:
    make, little_memory = package
    recogniser = make(tiny_model("listening"))
    items, words = items_and_words(recogniser, 0.0)
    with measured("cpu") as usage, little_memory(room):
        found = recogniser.decode(items, "en", 0.0)
    assert [one.text for one in found] == words
    assert sum(size * count for size, count in usage.batch_sizes.items()) == ITEMS
    assert max(usage.batch_sizes) <= room
    assert (usage.out_of_memory > 0) == (room < ITEMS)


def test_words_that_are_drawn_are_the_same_where_memory_runs_out(package: Package, tiny_model: TinyModel) -> None:
    make, little_memory = package
    recogniser = make(tiny_model("listening"))
    items, words = items_and_words(recogniser, 0.4)
    with little_memory(1):
        assert [one.text for one in recogniser.decode(items, "en", 0.4)] == words


def test_the_language_is_found_wherever_memory_runs_out(package: Package, tiny_model: TinyModel) -> None:
    make, little_memory = package
    recogniser = make(tiny_model("listening"))
    items = [noise(1.0 + seed / 2, seed) for seed in range(ITEMS)]
    expected = recogniser.language_of(items)
    with measured("cpu") as usage, little_memory(2):
        found = recogniser.language_of(items)
    assert found.code == expected.code
    assert found.probability == pytest.approx(expected.probability, abs=1e-3)
    assert usage.out_of_memory > 0


def test_an_item_that_does_not_fit_alone_is_an_error_that_says_so(package: Package, tiny_model: TinyModel) -> None:
    make, little_memory = package
    recogniser = make(tiny_model("listening"))
    recogniser.decode([noise(1.0, 0)], "en", 0.0)
    with little_memory(0), pytest.raises(BackendUnavailableError, match=r"not even one item fits.*device 'cpu'"):
        recogniser.decode([noise(1.0, 0)], "en", 0.0)
