"""Lets a run that waits for its turn at a pool sleep meanwhile, and end where it is cancelled.

Dagster 1.13 computes how long such a run may sleep as the least of 0 and the times that are left, which is never more
than 0: the in-process executor asks again at once, for as long as it waits, and takes a whole processor core from the
runs that work. Here is the same computation without the 0. Nor does that executor look for interrupts between two
steps: a run that is cancelled while it waits would go on as soon as it had its turn. Here the sleep itself ends.
"""

import time

from dagster import raise_execution_interrupts
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext


def sleep_while_waiting() -> None:
    """Mend the waiting of all runs of this process; doing it twice changes nothing."""
    InstanceConcurrencyContext.interval_to_next_pending_claim_check = _seconds_to_the_next_claim
    ActiveExecution.sleep_til_ready = _sleep_until_ready_or_cancelled


def _seconds_to_the_next_claim(self: InstanceConcurrencyContext) -> float:
    now = time.time()
    left = [ready_at - now for step, ready_at in self._pending_timeouts.items() if step in self._pending_claims]
    return max(0.0, min(left, default=0.0))


def _sleep_until_ready_or_cancelled(self: ActiveExecution) -> None:
    with raise_execution_interrupts():
        time.sleep(max(0.0, self.sleep_interval()))
