"""The stretches of noise that the tests generate, for benchmarks that count what is made up over them."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_TESTS: Final = Path(__file__).resolve().parents[2] / "tests"


def noise_suite(seed: int | None = None) -> Iterator[Any]:
    """Yield ``tests.support.noises.Noise`` items of 16 s; None is the seed of the tests."""
    sys.path.insert(0, str(_TESTS))
    from support.noises import SEED, noises

    return noises(SEED if seed is None else seed)
