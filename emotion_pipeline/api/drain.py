"""Stopping the server: requests in work are finished, new ones are refused.

The first signal to stop begins the drain: the service is not ready any more, and after ``leave_s`` it refuses requests.
When the last request is done, or after ``_DRAIN_S``, the server's own signal handler closes it. A second signal closes
it at once. The process ends in time, whatever hangs.
"""

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from emotion_pipeline.api.logs import logger

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
# Longest and shortest drain. In the shortest one a load balancer sees an answer of 503, not a refused connection.
_DRAIN_S: Final = 12.0
_SHORTEST_DRAIN_S: Final = 1.0
# After the drain, for closing connections and workers; then the process ends, whatever it waits for.
_LAST_S: Final = 6.0

_POLL_S: Final = 0.05


class Drain:
    """Counts requests in work; ``has_begun`` says that the service leaves, ``refuses`` that it takes no new requests.

    :param leave_s: seconds between the two
    """

    def __init__(self, leave_s: float) -> None:
        self._leave_s = leave_s
        self._handlers: dict[int, Any] = {}
        self.in_flight = 0
        self.has_begun = False
        self.refuses = False

    def install(self) -> None:
        """Take the signals from the server's handlers, which are called later. Only the main thread may have any."""
        if threading.current_thread() is not threading.main_thread():
            return
        loop = asyncio.get_running_loop()

        def on_signal(number: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._begin, number, lambda: self._handlers[number](number, frame))

        for number in _SIGNALS:
            self._handlers[number] = signal.signal(number, on_signal)

    def _begin(self, number: int, close: Callable[[], None]) -> None:
        if self.has_begun:
            close()
            return
        self.has_begun = True
        logger().info("stopping", signal=signal.Signals(number).name, in_flight=self.in_flight)
        last = threading.Timer(self._leave_s + _DRAIN_S + _LAST_S, os._exit, (1,))
        last.daemon = True
        last.start()
        self._task = asyncio.create_task(self._finish(close), name="drain")

    async def _finish(self, close: Callable[[], None]) -> None:
        await asyncio.sleep(self._leave_s)
        self.refuses = True
        began = time.monotonic()
        while (passed := time.monotonic() - began) < _DRAIN_S:
            if self.in_flight == 0 and passed >= _SHORTEST_DRAIN_S:
                break
            await asyncio.sleep(_POLL_S)
        logger().info("stopped_taking_requests", in_flight=self.in_flight, seconds=round(passed, 3))
        close()
