"""What a failure of an object store, or of the package that reads it, means for a recording.

s3fs and gcsfs translate HTTP statuses into numbers of ``OSError``.
"""

import errno
from typing import Final

from emotion_pipeline.engine.sources.fetch_reasons import FetchReason
from emotion_pipeline.engine.sources.retries import Failure

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
    is_disk_full = number == errno.ENOSPC
    if isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
        failure = FetchReason.NOT_FOUND, "there is nothing under this name; check the address"
    elif isinstance(error, PermissionError) or (is_of_store and "Credential" in name):
        advice = "check the credentials in the environment and their rights"
        failure = FetchReason.FORBIDDEN, f"it may not be read; {advice}"
    elif name == "FileExpired":
        failure = FetchReason.INCOMPLETE, "it was changed while it was read"
    elif is_disk_full:
        failure = FetchReason.INCOMPLETE, "the disk for temporary files is full; make room"
    elif number == errno.EBUSY:
        failure = FetchReason.RATE_LIMITED, "the store asks for fewer requests"
    elif number in _SERVER_ERRORS:
        failure = FetchReason.SERVER_ERROR, "the store failed"
    elif isinstance(error, OSError) or is_of_store:
        failure = FetchReason.UNREACHABLE, f"the store does not answer ({name}); check the network"
    else:
        return None
    return Failure(*failure, is_transient=failure[0].is_retryable and not is_disk_full)
