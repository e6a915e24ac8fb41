"""Deadlines and retries: how long a call may take, whether a failed one is repeated, and after how long.

Which failures are transient is decided by who makes the call: it raises a ``TransientError``. The pauses are stamina's
(exponential, with jitter), or as long as the server asks for.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

from emotion_pipeline.engine.common.errors import EmotionPipelineError

if TYPE_CHECKING:
    import stamina

T = TypeVar("T")


class OutOfTimeError(Exception):
    """The deadline came before a call ended."""


class TransientError(EmotionPipelineError):
    """A failure after which the same call may succeed; ``retry_after_s`` is the wait that the server asked for."""

    retry_after_s: float | None = None


class Deadline:
    """A moment after which nothing may go on, by the monotonic clock; ``math.inf`` seconds never pass."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def remaining_s(self) -> float:
        """Seconds that are left, 0.0 when there are none."""
        return max(0.0, self._end - time.monotonic())

    @property
    def has_passed(self) -> bool:
        return self.remaining_s == 0.0


def attempts(
    deadline: Deadline, count: int, *, first_pause_s: float, longest_pause_s: float, jitter_s: float
) -> Iterator["stamina.Attempt"]:
    """Yield up to ``count`` attempts, each a context that swallows a ``TransientError`` while another may follow.

    The last error is raised as it is, at once where the pause before the next attempt would outlast the deadline.
    Leave the loop with ``return`` or ``break`` after a success.

    :param first_pause_s: before the second attempt; doubled each time up to ``longest_pause_s``
    :param jitter_s: longest random time that is added to a pause
    """
    import stamina

    pause_s = 0.0

    def pause_before_another(error: Exception) -> bool | float:
        if not isinstance(error, TransientError):
            return False
        server_pause_s = error.retry_after_s
        next_pause_s = pause_s + jitter_s if server_pause_s is None else max(server_pause_s, pause_s)
        if next_pause_s >= deadline.remaining_s:
            return False
        return True if server_pause_s is None else next_pause_s

    for attempt in stamina.retry_context(
        on=pause_before_another,
        attempts=count,
        timeout=None,  # the deadline counts the pause before an attempt, too
        wait_initial=first_pause_s,
        wait_max=longest_pause_s,
        wait_jitter=jitter_s,
    ):
        pause_s = attempt.next_wait
        yield attempt


def within(deadline: Deadline, call: Callable[[], T]) -> T:
    """Return what ``call`` returns, or raise what it raises, in a thread of its own.

    :raises OutOfTimeError: it had not ended at the deadline; its thread goes on but does not keep the process alive
    """
    if deadline.has_passed:
        raise OutOfTimeError
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - the waiting thread gets it
            outcome.set_exception(error)

    threading.Thread(target=run, daemon=True, name="emotion-pipeline-call").start()
    try:
        return outcome.result(None if math.isinf(deadline.remaining_s) else deadline.remaining_s)
    except TimeoutError as error:
        if outcome.done():  # the call itself raised it, or ended at the last moment
            return outcome.result()
        raise OutOfTimeError from error


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds to wait by the Retry-After header, at least 0; None without a valid one.

    Source: RFC 9110, section 10.2.3: a number of seconds or a date.

    :param headers: of the response, found whatever their case
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
