"""The models of this process, each loaded once however many assets, recognisers or requests use it.

A model is a key and a value here; how it is loaded is up to its back end.
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
        """Give the model of ``key`` to this thread alone; ``load`` is called at the first use."""
        with self._lock:
            model_lock = self._locks.setdefault(key, threading.Lock())
        with model_lock:
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


# One for the process: its users are made anew for each piece of work, and weights take seconds to load.
LOADED: Final = LoadedModels()
