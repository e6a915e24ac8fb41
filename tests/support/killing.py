"""Killing a real child process at its n-th system call, by ptrace(2): at the call's entry, before the kernel does it,
or at its exit, when it is done.

The child is forked from the test, so that it costs milliseconds: everything is imported already. Linux on x86-64 and
arm64; where tracing is forbidden (a container's policy), ``can_trace`` says so.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

_TRACEME: Final = 0
_SYSCALL: Final = 24
_libc = ctypes.CDLL(None, use_errno=True)


def can_trace() -> bool:
    """Tell whether a child of this process may be traced."""
    return sys.platform == "linux" and run_to_stop(lambda: None, 0) == 0


def run_to_stop(action: Callable[[], object], stop: int) -> int | None:
    """Do ``action`` in a child that gets SIGKILL at its ``stop``-th stop, from 0: entry and exit of every system call.

    Returns the stop, or None where the child ended by itself before. Raises RuntimeError where the action failed.
    """
    child = os.fork()
    if child == 0:
        _act_traced(action)
    _, status = os.waitpid(child, 0)
    if not os.WIFSTOPPED(status):
        raise RuntimeError("a child may not be traced here")
    for number in range(sys.maxsize):
        _libc.ptrace(_SYSCALL, child, 0, 0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSTOPPED(status):
            if status != 0:
                raise RuntimeError(f"the child ended with status {status}")
            return None
        if number == stop:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return number
    raise AssertionError("a child ends some time")


def _act_traced(action: Callable[[], object]) -> None:
    """Do the action between a stop and the end of this process, which runs nothing else: no handler, no buffer."""
    code = 1
    try:
        if _libc.ptrace(_TRACEME, 0, 0, 0) == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
            action()
            code = 0
    finally:
        os._exit(code)
