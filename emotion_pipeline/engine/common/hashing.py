"""The SHA-256 of files, read in blocks: anew each time, or once as long as a large file stays the same."""

import hashlib
from functools import lru_cache
from pathlib import Path


def hash_file(file: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits; raises OSError where it cannot be read."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def sha256_of(file: Path) -> str:
    """As ``hash_file``, but read again only when the size or the time of change differs: for weights of models."""
    state = file.stat()
    return _cached_sha256(file.resolve(), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=32)
def _cached_sha256(file: Path, size: int, changed_ns: int) -> str:
    """Hash a file; size and time of change are part of the key of the cache only."""
    return hash_file(file)
