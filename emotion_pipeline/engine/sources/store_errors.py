"""What a failure of an object store, or of the package that reads it, means for a recording.

s3fs and gcsfs translate statuses of HTTP into numbers of ``OSError``.
"""

import errno
from typing import Final

from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.library_calls import Failure

# Packages whose own exceptions, where they are no OSError, are failures of the store.
_STORE_PACKAGES: Final = frozenset({"botocore", "aiobotocore", "aiohttp", "gcsfs", "google", "azure", "adlfs"})

# Not every system has EREMOTEIO, which s3fs uses.
_SERVER_ERRORS: Final = frozenset({errno.EIO, getattr(errno, "EREMOTEIO", errno.EIO)})


def classify(error: Exception) -> Failure | None:
    """Return what an error means; None where it is no failure of the store."""
    if isinstance(error, IndexError) and isinstance(error.__context__, OSError):
        error = error.__context__  # s3fs fails so on time-outs, which have no number
    name = type(error).__name__
    is_of_store = type(error).__module__.partition(".")[0] in _STORE_PACKAGES
    number = error.errno if isinstance(error, OSError) else None
    is_absent = isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError)
    is_forbidden = isinstance(error, PermissionError) or (is_of_store and "Credential" in name)
    is_disk_full = number == errno.ENOSPC
    rules = (
        (is_absent, FetchReason.NOT_FOUND, "there is nothing under this name; check the address"),
        (
            is_forbidden,
            FetchReason.FORBIDDEN,
            "it may not be read; check the credentials in the environment and their rights",
        ),
        (name == "FileExpired", FetchReason.INCOMPLETE, "it was changed while it was read"),
        (is_disk_full, FetchReason.INCOMPLETE, "the disk for temporary files is full; make room"),
        (number == errno.EBUSY, FetchReason.RATE_LIMITED, "the store asks for fewer requests"),
        (number in _SERVER_ERRORS, FetchReason.SERVER_ERROR, "the store failed"),
        (
            isinstance(error, OSError) or is_of_store,
            FetchReason.UNREACHABLE,
            f"the store does not answer ({name}); check the network",
        ),
    )
    for applies, reason, explanation in rules:
        if applies:
            return Failure(reason, explanation, is_transient=reason.is_retryable and not is_disk_full)
    return None
