"""The service's metrics for Prometheus. They are updated where things happen; workers report through their server."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

_PREFIX: Final = "emotion_api"
_LATENCIES_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 1.2, 2.5, 5.0, 10.0, 30.0)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_LENGTHS_S: Final = (1, 5, 15, 30, 60, 300, 900, 3_600, 14_400)
_SHARED_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        counter = partial(Counter, namespace=_PREFIX, registry=registry)
        gauge = partial(Gauge, namespace=_PREFIX, registry=registry)
        histogram = partial(Histogram, namespace=_PREFIX, registry=registry)
        by_route = ["method", "route"]
        self.request_seconds = histogram(
            "request_seconds", "Time from a request's head to its answer's end.", by_route, buckets=_LATENCIES_S
        )
        self.requests = counter("requests", "Requests.", [*by_route, "status"])
        self.errors = counter("errors", "Requests that ended with an error.", ["route", "status"])
        self.in_flight = gauge("in_flight_requests", "Requests in work.", multiprocess_mode="livesum")
        self.queued_texts = gauge("queued_texts", "Texts that wait for the model.", multiprocess_mode="livesum")
        self.batch_texts = histogram("batch_texts", "Texts of one forward pass.", buckets=_SIZES)
        self.jobs = counter("jobs", "Jobs that ended, by how.", ["outcome"])
        self.job_seconds = histogram("job_seconds", "Time that a job was worked on.", buckets=_LENGTHS_S)
        self.unfinished_jobs = gauge(
            "unfinished_jobs", "Jobs in the database that have not ended.", ["status"], multiprocess_mode="mostrecent"
        )
        self.audio_seconds = counter("audio_seconds", "Length of analysed audio.")
        self.webhooks = counter("webhooks", "Webhooks, by how they ended.", ["outcome"])
        self.oldest_queued_job_seconds = gauge(
            "oldest_queued_job_seconds", "Age of the oldest job that waits.", multiprocess_mode="mostrecent"
        )
        self.model_load_seconds = gauge(
            "model_load_seconds", "Time that loading and warming took.", ["process"], multiprocess_mode="max"
        )
        if _SHARED_DIRECTORY not in os.environ:
            ProcessCollector(registry=registry)
            PlatformCollector(registry=registry)
            GCCollector(registry=registry)
        registry.register(_Gpu())

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format, of all processes where several serve."""
        if _SHARED_DIRECTORY not in os.environ:
            return generate_latest(self._registry)
        shared = CollectorRegistry()
        MultiProcessCollector(shared)
        shared.register(_Gpu())
        return generate_latest(shared)


class _Gpu(Collector):
    """Memory and load of each NVIDIA GPU; nothing without a GPU or without ``nvidia-ml-py``."""

    def collect(self) -> Iterator[Metric]:
        memory = GaugeMetricFamily(f"{_PREFIX}_gpu_memory_used_bytes", "Memory in use.", labels=["gpu"])
        load = GaugeMetricFamily(f"{_PREFIX}_gpu_utilization_ratio", "Share of time in use, [0, 1].", labels=["gpu"])
        for index, used, share in _gpus():
            memory.add_metric([str(index)], used)
            load.add_metric([str(index)], share)
        yield memory
        yield load


def _gpus() -> list[tuple[int, float, float]]:
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        return [
            (
                index,
                float(pynvml.nvmlDeviceGetMemoryInfo(handle).used),
                float(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu) / 100.0,
            )
            for index, handle in enumerate(handles)
        ]
    except pynvml.NVMLError:
        return []
