"""The benchmark of tone in a short form, so that it cannot rot; what it measures in full is `make bench`'s business."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.full
def test_the_benchmark_prints_its_figures_in_one_line(repository: Path) -> None:
    options = {"--files": "2", "--layers": "1", "--longest": "12", "--long-minutes": "0.7", "--threads": "1"}
    command = [sys.executable, "-m", "benchmarks.tone", *(part for pair in options.items() for part in pair)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    figures = json.loads(line)
    assert (figures["files"], figures["layers"], figures["audio_seconds"]) == (2, 1, 22.0)
    assert figures["speedup"] > 0
    assert "avx2" in figures["processor"] or figures["precision"] != "int8"
    assert 0 <= figures["label_agreement"] <= 1
    assert figures["fast_mean_probability_difference"] < 0.01
    assert figures["fast_smallest_cosine"] > 0.999
    assert 0.5 < figures["peak_memory_ratio"] < 1.2
    assert figures["peer_peak_mb_long"] > figures["peer_peak_mb_30s"]
