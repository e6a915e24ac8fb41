"""Fixtures that every test may use: where the shared corpora lie, and a seeded source of randomness."""

import os
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The corpora beside a checkout (``../shared/data``, or ``EMOTION_SHARED_DATA``); users do not have them."""
    folder = Path(os.environ.get("EMOTION_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the shared corpora are not at {folder}")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_261_121)
