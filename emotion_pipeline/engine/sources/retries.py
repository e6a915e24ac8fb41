"""Trying again: which failures are worth it, how long to wait before, and when there is no time left.

What failed and why is decided by the source that tried. The pauses are stamina's: exponential, with jitter, and as long
as the server asked for where it did.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from emotion_pipeline.engine.sources.base import FetchError, FetchLimits
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason

if TYPE_CHECKING:
    import stamina

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_JITTER_S: Final = 1.0
# Of the time-out, at most, for the first pause and for the jitter: who has little time waits little.
_SHARE_OF_TIME: Final = 0.02


class TransientFetchError(FetchError):
    """A failure that may not happen again; ``retry_after_s`` is the wait that the server asked for, if it did."""

    def __init__(self, reason: FetchReason, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason, message)
        self.retry_after_s = retry_after_s


class Deadline:
    """A moment after which nothing may go on, whatever the clock of the day does in between."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def remaining_s(self) -> float:
        """Seconds that are left, 0.0 when there are none."""
        return max(0.0, self._end - time.monotonic())

    @property
    def has_passed(self) -> bool:
        return self.remaining_s == 0.0


def attempts(limits: FetchLimits, deadline: Deadline) -> Iterator["stamina.Attempt"]:
    """Yield the attempts at one fetch, each a context that swallows a ``TransientFetchError`` while another may follow.

    The last error comes out as it is, at once where the pause before the next attempt would outlast the deadline.
    Leave the loop with ``return`` or ``break`` after a success.
    """
    import stamina

    jitter_s = min(_JITTER_S, _SHARE_OF_TIME * limits.timeout_s)
    pause_s = 0.0

    def pause_before_another(error: Exception) -> bool | float:
        if not isinstance(error, TransientFetchError):
            return False
        asked_s = error.retry_after_s
        longest_s = pause_s + jitter_s if asked_s is None else max(asked_s, pause_s)
        if longest_s >= deadline.remaining_s:
            return False
        return True if asked_s is None else longest_s

    for attempt in stamina.retry_context(
        on=pause_before_another,
        attempts=limits.attempts,
        timeout=None,  # the deadline counts the pause before an attempt, too
        wait_initial=min(_FIRST_PAUSE_S, _SHARE_OF_TIME * limits.timeout_s),
        wait_max=_LONGEST_PAUSE_S,
        wait_jitter=jitter_s,
    ):
        pause_s = attempt.next_wait
        yield attempt
