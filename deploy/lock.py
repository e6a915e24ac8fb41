"""``make lock``: write the requirements of the images, each version with the hash of the file that pip would take.

The versions are those of ``constraints.txt``. It has to run where the images run: Linux on x86-64, with Python 3.11.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parents[1]
_EXTRAS: Final = "api,assemblyai,azure,celery,dashboard,gcs,gpu,k8s,postgres,s3,snowflake,tracing"
_OURS: Final = "emotion-pipeline"
_CPU_INDEX: Final = "--extra-index-url https://download.pytorch.org/whl/cpu\n"
# Triton makes code for GPUs: 1 GB, asked for by openai-whisper, unused on a CPU. Each torch for CUDA has its own.
_TRITON: Final = "triton"
# What is asked for beside the project itself, the first line of the file, and whether triton is in it.
_FILES: Final = {
    "cpu": ([f".[{_EXTRAS}]", "torch==2.13.0+cpu"], _CPU_INDEX, False),
    "cuda": ([f".[{_EXTRAS}]", "torch===2.13.0"], "", True),
    "build": (["hatchling", "cyclonedx-bom"], "", False),
}


def main() -> None:
    for name, (requirements, head, with_triton) in _FILES.items():
        absent = {_OURS} if with_triton else {_OURS, _TRITON}
        chosen = [item for item in _chosen(requirements) if item["metadata"]["name"] not in absent]
        text = "# Made by `make lock` out of constraints.txt.\n" + head + "".join(sorted(map(_line, chosen)))
        (_ROOT / "deploy" / "requirements" / f"{name}.txt").write_text(text, encoding="utf-8")


def _chosen(requirements: list[str]) -> list[dict[str, Any]]:
    """Return what pip would install into an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        report, constraints = Path(folder) / "report.json", Path(folder) / "constraints.txt"
        pins = (_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        constraints.write_text("\n".join(pin for pin in pins if not pin.startswith(f"{_TRITON}==")), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        subprocess.run(
            [*pip, "--constraint", str(constraints), "--report", str(report), *requirements], cwd=_ROOT, check=True
        )
        return json.loads(report.read_text(encoding="utf-8"))["install"]


def _line(item: dict[str, Any]) -> str:
    digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
    name = item["metadata"]["name"].lower().replace("_", "-")
    return f"{name}=={item['metadata']['version']} --hash=sha256:{digest}\n"


if __name__ == "__main__":
    main()
