"""What all tests share: where the shared corpora lie, a seeded source of randomness, and who runs which module when."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

REPOSITORY = Path(__file__).resolve().parents[1]
# Modules that ask the same running service: it takes longer to start than most of them take.
SHARE_A_SERVICE = {
    f"tests/integration/api/test_api_{name}.py"
    for name in ("audio", "description", "figures", "load", "smoke", "texts", "tokens")
}
# Whose modules take longest, in this order.
LONGEST_ROOMS = ("integration", "transcribe", "emotion", "tone")


class SharedServiceScheduling(LoadFileScheduling):
    """Gives a module to one worker, and all that share a service to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        module = super()._split_scope(nodeid)
        return "service" if module in SHARE_A_SERVICE else module


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    return SharedServiceScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put modules that take long first: a worker that gets one of them last keeps all others waiting."""
    shared = {REPOSITORY / module for module in SHARE_A_SERVICE}

    def turn(item: pytest.Item) -> int:
        rooms = (number for number, room in enumerate(LONGEST_ROOMS) if room in item.nodeid.split("/"))
        return -1 if item.path in shared else next(rooms, len(LONGEST_ROOMS))

    items.sort(key=turn)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Let torch compute with one thread, as workers do not share a core; loading CTranslate2 in a test changes that."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


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
