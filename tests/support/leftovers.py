"""What a fetch may leave behind: nothing. No socket, no thread, no temporary file."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def nothing_left_over(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail if the block leaves sockets or threads that were not there before, or files in the temporary folder.

    :param temporary: an empty folder, which is the process's temporary folder meanwhile
    """
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    sockets, threads = open_sockets(), set(threading.enumerate())
    yield
    assert open_sockets() <= sockets
    assert set(threading.enumerate()) <= threads
    assert list(temporary.iterdir()) == []


def open_sockets() -> set[str]:
    """Return what tells this process's open sockets apart; skips the test where they cannot be counted."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("sockets are counted in /proc, which this system does not have")
    targets = set()
    for link in descriptors.iterdir():
        try:
            targets.add(str(link.readlink()))
        except OSError:  # the descriptor of the listing itself
            continue
    return {target for target in targets if target.startswith("socket:")}
