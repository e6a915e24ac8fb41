"""Retries of fetches, and calls into libraries that know no deadline.

What a failure means is decided by the source that made the call.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

from emotion_pipeline.engine.common.retries import Deadline, OutOfTimeError, attempts, within
from emotion_pipeline.engine.sources.addresses import shown
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.fetch_errors import FetchError

if TYPE_CHECKING:
    import stamina

T = TypeVar("T")

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_JITTER_S: Final = 1.0
# Largest share of the time-out for the first pause and for the jitter: with little time, pauses are short.
_SHARE_OF_TIME: Final = 0.02


def fetch_attempts(limits: FetchLimits, deadline: Deadline) -> Iterator["stamina.Attempt"]:
    """Yield the attempts at one fetch, see ``common.retries.attempts``."""
    share_s = _SHARE_OF_TIME * limits.timeout_s
    return attempts(
        deadline,
        limits.attempts,
        first_pause_s=min(_FIRST_PAUSE_S, share_s),
        longest_pause_s=_LONGEST_PAUSE_S,
        jitter_s=min(_JITTER_S, share_s),
    )


def call_with_retries(
    call: Callable[[], T],
    address: str,
    limits: FetchLimits,
    deadline: Deadline,
    classify: Callable[[Exception], FetchError | None],
) -> T:
    """Return what ``call`` returns, called again while that may help and the deadline allows.

    A call that is given up goes on in its thread: it must not write into files that others read.

    :param classify: returns what an error means; one for which it returns None is raised as it is
    :raises FetchError: the call failed; the message names ``address`` without its secrets
    """
    for attempt in fetch_attempts(limits, deadline):
        with attempt:
            try:
                return within(deadline, call)
            except FetchError as error:
                failure = error
            except OutOfTimeError:
                failure = limits.out_of_time()
            except Exception as error:
                failure = classify(error)
                if failure is None:
                    raise
            # Raised outside of the handlers: messages of libraries may hold signed addresses.
            raise failure.at(shown(address))
    raise AssertionError("the last attempt returns or raises")
