"""The models of this process, each loaded once however many assets, recognisers or requests use it.

What a model is and how it is loaded is its back end's business; here it is a key and a value.
"""

import logging
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")

_LOG: Final = logging.getLogger(__name__)


class LoadedModels:
    """Models by key (package, model, revision, device, precision), used by one thread at a time each.

    Threads would share the device anyway, and packages watch or cache inside the model while they compute.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._locks: dict[Hashable, threading.Lock] = {}
        self._models: dict[Hashable, Any] = {}

    @contextmanager
    def held(self, key: Hashable, load: Callable[[], T]) -> Iterator[T]:
        """Give the model called ``key`` to this thread alone, loaded now if it never was."""
        with self._lock:
            own = self._locks.setdefault(key, threading.Lock())
        with own:
            if key not in self._models:
                started = time.perf_counter()
                self._models[key] = load()
                _LOG.info("loaded %s in %.1f s", key, time.perf_counter() - started)
            yield cast(T, self._models[key])

    def keys(self) -> tuple[Hashable, ...]:
        """Return what is loaded."""
        return tuple(self._models)

    def clear(self) -> None:
        """Forget every model, so that its memory can be used for others."""
        with self._lock:
            self._models.clear()


# Those of this process: whoever uses them comes and goes with its work, weights take seconds to load.
LOADED: Final = LoadedModels()
