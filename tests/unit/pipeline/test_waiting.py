"""A run that waits for a pool sleeps until it may ask again, lets others have the processor, and can be cancelled."""

import signal
import threading
import time
from pathlib import Path

import dagster as dg
import pytest

from emotion_pipeline.resources.dagster_private import sleep_while_waiting

POOL_OF_ONE = """
telemetry: {enabled: false}
concurrency: {pools: {default_limit: 1, granularity: op}}
"""
HELD_S = 3.0


@dg.asset(pool="narrow")
def waits() -> None:
    pass


def test_a_run_that_waits_for_a_pool_takes_hardly_any_processor_time(tmp_path: Path) -> None:
    sleep_while_waiting()
    (tmp_path / "dagster.yaml").write_text(POOL_OF_ONE, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.event_log_storage.set_concurrency_slots("narrow", 0)
        threading.Timer(HELD_S, instance.event_log_storage.set_concurrency_slots, ["narrow", 1]).start()
        began, processor = time.monotonic(), time.process_time()
        assert dg.materialize([waits], instance=instance).success
        waited, busy = time.monotonic() - began, time.process_time() - processor
    assert waited >= 1.0, "it had to wait, or this proves nothing"
    assert busy == pytest.approx(0.0, abs=0.7 * waited)


def test_a_run_that_is_cancelled_while_it_waits_ends_at_once(tmp_path: Path) -> None:
    sleep_while_waiting()
    (tmp_path / "dagster.yaml").write_text(POOL_OF_ONE, encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        instance.event_log_storage.set_concurrency_slots("narrow", 0)
        threading.Timer(2.0, _cancel, [instance]).start()
        began = time.monotonic()
        with pytest.raises(dg.DagsterExecutionInterruptedError):
            dg.materialize([waits], instance=instance)
        assert time.monotonic() - began < 2.0 + HELD_S
        [run] = instance.get_runs()
    assert run.status is dg.DagsterRunStatus.CANCELED


def _cancel(instance: dg.DagsterInstance) -> None:
    [run] = instance.get_runs()
    instance.report_run_canceling(run)
    signal.raise_signal(signal.SIGINT)
