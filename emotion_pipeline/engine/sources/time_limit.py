"""Calls into libraries that know no deadline, bounded by one all the same.

What a call does when nobody waits for it any more is its own affair: it must write into no file that others look at.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from emotion_pipeline.engine.sources.retries import Deadline

T = TypeVar("T")


class OutOfTimeError(Exception):
    """The deadline came before the call ended."""


def within(deadline: Deadline, call: Callable[[], T]) -> T:
    """Return what ``call`` returns, or raise what it raises, in a thread of its own.

    :raises OutOfTimeError: it had not ended at the deadline; it goes on by itself and cannot keep the process alive
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="emotion-pipeline-fetch").start()
    try:
        return outcome.result(deadline.remaining_s)
    except TimeoutError as error:
        if outcome.done():  # the call itself raised it
            raise
        raise OutOfTimeError from error
