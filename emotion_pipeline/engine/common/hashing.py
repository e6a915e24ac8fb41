"""What a large file is known by: its SHA-256, read once for as long as the file stays the same."""

import hashlib
from functools import lru_cache
from pathlib import Path


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits, read anew only when its size or time of change is another."""
    state = file.stat()
    return _sha256(file.resolve(), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=32)
def _sha256(file: Path, size: int, changed_ns: int) -> str:
    """Hash a file; size and time of change are there so that another version is another question."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
