"""Threads of a process share heaps, so that what one of them freed is not kept for it alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="heaps are glibc's")

_THREADS = 6
# Each thread allocates while all others are at it, too; then glibc writes down the heaps that it has.
_PROGRAM = f"""
import ctypes, sys, threading
from emotion_pipeline.engine.models.heaps import share_heaps
if sys.argv[1] == "shared":
    share_heaps()
libc, together = ctypes.CDLL(None), threading.Barrier({_THREADS})
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
def allocate():
    together.wait()
    for _ in range(100):
        assert libc.malloc(1000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range({_THREADS})]
for thread in threads: thread.start()
for thread in threads: thread.join()
file = ctypes.c_void_p(libc.fopen(sys.argv[2].encode(), b"w"))
assert libc.malloc_info(0, file) == 0
libc.fclose(file)
"""


def _heaps(folder: Path, how: str, **variables: str) -> int:
    told = folder / f"{how}.xml"
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    subprocess.run([sys.executable, "-c", _PROGRAM, how, str(told)], env={**environment, **variables}, check=True)
    return told.read_text().count("<heap nr=")


def test_threads_share_two_heaps_where_each_would_get_its_own(tmp_path: Path) -> None:
    assert _heaps(tmp_path, "each its own") > 2
    assert _heaps(tmp_path, "shared") == 2


def test_who_says_how_many_heaps_there_are_gets_them(tmp_path: Path) -> None:
    assert _heaps(tmp_path, "shared", MALLOC_ARENA_MAX="4") == 4
