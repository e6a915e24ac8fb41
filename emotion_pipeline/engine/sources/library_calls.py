"""Calls into libraries that know no deadline: bounded by one, tried again, their failures told without secrets.

Not here: what a library's error means, which the source that calls it knows, and the pauses between attempts.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from emotion_pipeline.engine.sources.addresses import shown
from emotion_pipeline.engine.sources.base import FetchError, FetchLimits
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.retries import Deadline, TransientFetchError, attempts

T = TypeVar("T")


class OutOfTimeError(Exception):
    """The deadline came before the call ended."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What an error of a library means; a transient one is worth another attempt."""

    reason: FetchReason
    explanation: str
    is_transient: bool = False


def call_with_retries(
    call: Callable[[], T],
    address: str,
    limits: FetchLimits,
    deadline: Deadline,
    classify: Callable[[Exception], Failure | None],
) -> T:
    """Return what ``call`` returns, called again while that may help and the deadline allows.

    A call that is given up goes on in its thread: it must write into no file that others read.

    :param classify: tells what an error means; one for which it returns None is raised as it is
    :raises FetchError: the call failed; the message names ``address`` without its secrets
    """
    for attempt in attempts(limits, deadline):
        with attempt:
            try:
                return within(deadline, call)
            except Exception as error:
                failure = _fetch_error(error, shown(address), limits, classify)
                if failure is None:
                    raise
                # Libraries' messages may hold signed addresses: no traceback may show them.
                raise failure from None
    raise AssertionError("the last attempt returns or raises")


def within(deadline: Deadline, call: Callable[[], T]) -> T:
    """Return what ``call`` returns, or raise what it raises, in a thread of its own.

    :raises OutOfTimeError: it had not ended at the deadline; it goes on by itself and cannot keep the process alive
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - the waiting thread gets it
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="emotion-pipeline-fetch").start()
    try:
        return outcome.result(deadline.remaining_s)
    except TimeoutError as error:
        if outcome.done():  # the call itself raised it
            raise
        raise OutOfTimeError from error


def _fetch_error(
    error: Exception, address: str, limits: FetchLimits, classify: Callable[[Exception], Failure | None]
) -> FetchError | None:
    if isinstance(error, TransientFetchError):
        return TransientFetchError(error.reason, f"{address}: {error}", error.retry_after_s)
    if isinstance(error, FetchError):
        return FetchError(error.reason, f"{address}: {error}")
    if isinstance(error, OutOfTimeError):
        message = f"{address}: not done after {limits.timeout_s:g} s; raise sources.timeout if it is large"
        return FetchError(FetchReason.FETCH_TIMEOUT, message)
    failure = classify(error)
    if failure is None:
        return None
    kind = TransientFetchError if failure.is_transient else FetchError
    return kind(failure.reason, f"{address}: {failure.explanation}")
