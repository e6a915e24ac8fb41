"""Fetching what cannot be fetched, from whatever source."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.fetch_errors import FetchError


def failed_fetch(fetch: Callable[[], object], folder: Path, limits: FetchLimits) -> FetchError:
    """Return the error of a fetch into ``folder``, after checking that it came in time and left nothing."""
    started = time.monotonic()
    with pytest.raises(FetchError) as caught:
        fetch()
    assert time.monotonic() - started < limits.timeout_s + 10.0
    assert list(folder.iterdir()) == []
    return caught.value
