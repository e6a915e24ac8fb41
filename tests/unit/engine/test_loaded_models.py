"""Models that a process loads once, whoever asks."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from emotion_pipeline.engine.models.loaded_models import LoadedModels


def test_a_model_is_loaded_once_and_held_by_one_thread_at_a_time() -> None:
    models, loads, holders = LoadedModels(), [], []

    def load() -> str:
        time.sleep(0.01)
        loads.append(None)
        return "weights"

    def hold(_: int) -> int:
        with models.held(("a", "cpu"), load) as model:
            assert model == "weights"
            holders.append(None)
            time.sleep(0.01)
            held_by = len(holders)
            holders.pop()
        return held_by

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(hold, range(8))) == {1}
    assert len(loads) == 1


def test_another_device_or_precision_is_another_model() -> None:
    models = LoadedModels()
    for key in (("a", "cpu", "float32"), ("a", "cuda", "float32"), ("a", "cuda", "bfloat16")):
        with models.held(key, lambda key=key: key) as model:
            assert model == key
    assert len(models.keys()) == 3


def test_one_model_does_not_wait_for_another() -> None:
    models = LoadedModels()
    with models.held("a", lambda: 1) as first, models.held("b", lambda: 2) as second:
        assert (first, second) == (1, 2)


def test_a_model_that_could_not_be_loaded_is_tried_again() -> None:
    models = LoadedModels()

    def broken() -> int:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"), models.held("a", broken):
        pass
    with models.held("a", lambda: 7) as model:
        assert model == 7


def test_models_can_be_forgotten() -> None:
    models = LoadedModels()
    with models.held("a", lambda: 1):
        pass
    models.clear()
    assert models.keys() == ()
    with models.held("a", lambda: 2) as model:
        assert model == 2
