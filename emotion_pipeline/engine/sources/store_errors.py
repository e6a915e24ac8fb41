"""What a failure of an object store, or of the package that reads it, means: one table from errors to reasons."""

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from emotion_pipeline.engine.sources.base import FetchError, FetchLimits
from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.retries import TransientFetchError
from emotion_pipeline.engine.sources.time_limit import OutOfTimeError

# Packages whose own exceptions, where they are no OSError, are failures of the store.
_OF_STORES: Final = frozenset({"botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "azure", "adlfs"})

# As s3fs has it: not every system knows the number.
_EREMOTEIO: Final = getattr(errno, "EREMOTEIO", errno.EIO)


@dataclass(frozen=True, slots=True)
class _Rule:
    fits: Callable[[Exception], bool]
    reason: FetchReason
    says: str
    may_pass: bool = False


def _of_kind(*kinds: type[Exception]) -> Callable[[Exception], bool]:
    return lambda error: isinstance(error, kinds)


def _numbered(*numbers: int) -> Callable[[Exception], bool]:
    return lambda error: isinstance(error, OSError) and error.errno in numbers


def _is_of_a_store(error: Exception) -> bool:
    return type(error).__module__.partition(".")[0] in _OF_STORES


# In the order in which they are asked; s3fs and gcsfs tell statuses by the numbers of OSError.
_RULES: Final = (
    _Rule(
        _of_kind(OutOfTimeError),
        FetchReason.FETCH_TIMEOUT,
        "not done after {timeout_s:g} s; raise sources.timeout if it is large",
    ),
    _Rule(
        _of_kind(FileNotFoundError, IsADirectoryError, NotADirectoryError),
        FetchReason.NOT_FOUND,
        "there is nothing under this name; check the address",
    ),
    _Rule(
        lambda error: isinstance(error, PermissionError) or (_is_of_a_store(error) and "Credential" in _name(error)),
        FetchReason.FORBIDDEN,
        "it may not be read; check the credentials in the environment and their rights",
    ),
    _Rule(
        lambda error: _name(error) == "FileExpired",
        FetchReason.INCOMPLETE,
        "it was changed while it was read",
        may_pass=True,
    ),
    _Rule(_numbered(errno.ENOSPC), FetchReason.INCOMPLETE, "the disk for temporary files is full; make room"),
    _Rule(_numbered(errno.EBUSY), FetchReason.RATE_LIMITED, "the store wants fewer requests", may_pass=True),
    _Rule(_numbered(errno.EIO, _EREMOTEIO), FetchReason.SERVER_ERROR, "the store failed", may_pass=True),
    _Rule(
        lambda error: isinstance(error, OSError) or _is_of_a_store(error),
        FetchReason.UNREACHABLE,
        "the store does not answer ({name}); check the network",
        may_pass=True,
    ),
)


def failure_of(error: Exception, address: str, limits: FetchLimits) -> FetchError | None:
    """Return what ``error`` means for an address as it may be shown; None where it is no failure of the store."""
    if isinstance(error, TransientFetchError):
        return TransientFetchError(error.reason, f"{address}: {error}", error.retry_after_s)
    if isinstance(error, FetchError):
        return FetchError(error.reason, f"{address}: {error}")
    if isinstance(error, IndexError) and isinstance(error.__context__, OSError):
        error = error.__context__  # s3fs stumbles over time-outs, which come without a number
    rule = next((rule for rule in _RULES if rule.fits(error)), None)
    if rule is None:
        return None
    message = f"{address}: {rule.says.format(timeout_s=limits.timeout_s, name=_name(error))}"
    return (TransientFetchError if rule.may_pass else FetchError)(rule.reason, message)


def _name(error: Exception) -> str:
    return type(error).__name__
