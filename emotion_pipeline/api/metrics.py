"""The service's metrics for Prometheus. They are updated where things happen; workers report through their server."""

import os
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.gc_collector import GCCollector
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

PREFIX: Final = "emotion_api"
_LATENCIES_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 1.2, 2.5, 5.0, 10.0, 30.0)
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_LENGTHS_S: Final = (1, 5, 15, 30, 60, 300, 900, 3_600, 14_400)
_SHARED_DIRECTORY: Final = "PROMETHEUS_MULTIPROC_DIR"


class Metrics:
    """All metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.request_seconds = Histogram(
            f"{PREFIX}_request_seconds",
            "Time from a request's head to its answer's end.",
            ["method", "route"],
            buckets=_LATENCIES_S,
            registry=registry,
        )
        self.requests = Counter(f"{PREFIX}_requests", "Requests.", ["method", "route", "status"], registry=registry)
        self.errors = Counter(
            f"{PREFIX}_errors", "Requests that ended with an error.", ["route", "status"], registry=registry
        )
        self.in_flight = Gauge(
            f"{PREFIX}_in_flight_requests", "Requests in work.", registry=registry, multiprocess_mode="livesum"
        )
        self.queued_texts = Gauge(
            f"{PREFIX}_queued_texts", "Texts that wait for the model.", registry=registry, multiprocess_mode="livesum"
        )
        self.batch_texts = Histogram(
            f"{PREFIX}_batch_texts", "Texts of one forward pass.", buckets=_SIZES, registry=registry
        )
        self.jobs = Counter(f"{PREFIX}_jobs", "Jobs that ended, by how.", ["outcome"], registry=registry)
        self.job_seconds = Histogram(
            f"{PREFIX}_job_seconds", "Time that a job was worked on.", buckets=_LENGTHS_S, registry=registry
        )
        self.unfinished_jobs = Gauge(
            f"{PREFIX}_unfinished_jobs",
            "Jobs in the database that have not ended.",
            ["status"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self.audio_seconds = Counter(f"{PREFIX}_audio_seconds", "Length of analysed audio.", registry=registry)
        self.webhooks = Counter(f"{PREFIX}_webhooks", "Webhooks, by how they ended.", ["outcome"], registry=registry)
        self.model_load_seconds = Gauge(
            f"{PREFIX}_model_load_seconds",
            "Time that loading and warming took.",
            ["process"],
            registry=registry,
            multiprocess_mode="max",
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
        memory = GaugeMetricFamily(f"{PREFIX}_gpu_memory_used_bytes", "Memory in use.", labels=["gpu"])
        load = GaugeMetricFamily(f"{PREFIX}_gpu_utilization_ratio", "Share of time in use, [0, 1].", labels=["gpu"])
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
