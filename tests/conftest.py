"""What all tests share: where the shared corpora lie, a seeded source of randomness, and which modules go first."""

import os
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put modules that take long first: a worker that gets one of them last keeps all others waiting."""
    long = {item.path for item in items if item.get_closest_marker("full") or "integration" in item.path.parts}
    items.sort(key=lambda item: item.path not in long)


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
