"""``make lock``: write the requirements of the images, each version with the hash of the file that pip would take.

The versions are those of ``constraints.txt``. It has to run where the images run: Linux on x86-64, with Python 3.11.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_ROOT: Final = Path(__file__).resolve().parents[1]
_OURS: Final = "emotion-pipeline"
# Of the plain install, what only the code location imports: 380 MB with what hangs on it.
_PIPELINE_ONLY: Final = frozenset(
    {
        "dagster",
        "dagster-dbt",
        "dagster-snowflake",
        "dagster-webserver",
        "dbt-core",
        "dbt-duckdb",
        "great-expectations",
        "sqlglot",
    }
)
# The extras of each image, what of the plain install it leaves out, and what it needs that came with that.
IMAGES: Final = {
    "pipeline": ("api,assemblyai,azure,celery,gcs,gpu,k8s,postgres,s3,snowflake,tracing", frozenset[str](), ()),
    "api": (
        "api,assemblyai,azure,gcs,gpu,s3,tracing",
        _PIPELINE_ONLY,
        ("psycopg2-binary", "snowflake-connector-python"),
    ),
    "dashboard": ("azure,dashboard,gcs,s3", _PIPELINE_ONLY, ("snowflake-connector-python",)),
}
_EXTRAS: Final = ",".join(sorted({extra for extras, _, _ in IMAGES.values() for extra in extras.split(",")}))
_CPU_INDEX: Final = "--extra-index-url https://download.pytorch.org/whl/cpu\n"
# Triton makes code for GPUs: 1 GB, asked for by openai-whisper, unused on a CPU. Each torch for CUDA has its own.
_TRITON: Final = "triton"
# Which torch, the first line of the file, and whether triton is in it.
_ACCELERATORS: Final = {"cpu": ("torch==2.13.0+cpu", _CPU_INDEX, False), "cuda": ("torch===2.13.0", "", True)}
_BUILD: Final = ("hatchling", "cyclonedx-bom")


def main() -> None:
    for accelerator, (torch, head, with_triton) in _ACCELERATORS.items():
        chosen = _chosen([f".[{_EXTRAS}]", torch])
        if not with_triton:
            del chosen[_TRITON]
        for image, (extras, left_out, beside) in IMAGES.items():
            ours = Requirement(f"{_OURS}[{extras}]")
            needed = _reached(chosen, [ours, *map(Requirement, beside)], left_out) - {_OURS}
            _write(f"{image}-{accelerator}", head, (chosen[name] for name in needed))
    _write("build", "", _chosen(_BUILD).values())


def _chosen(requirements: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return what pip would install into an empty environment, by name."""
    with tempfile.TemporaryDirectory() as folder:
        report, constraints = Path(folder) / "report.json", Path(folder) / "constraints.txt"
        pins = (_ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        constraints.write_text("\n".join(pin for pin in pins if not pin.startswith(f"{_TRITON}==")), encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        subprocess.run(
            [*pip, "--constraint", str(constraints), "--report", str(report), *requirements], cwd=_ROOT, check=True
        )
        items = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {canonicalize_name(item["metadata"]["name"]): item for item in items}


def _reached(
    chosen: Mapping[str, Mapping[str, Any]], roots: Iterable[Requirement], left_out: frozenset[str]
) -> set[str]:
    """Return the names of what the roots ask for, and so on, but for what our own package asks for and is left out."""
    extras: dict[str, set[str]] = {}
    waiting = list(roots)
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        known = extras.get(name)
        if name not in chosen or (known is not None and asked.extras <= known):
            continue
        extras[name] = {"", *asked.extras} | (known or set())
        for text in chosen[name]["metadata"].get("requires_dist", ()):
            further = Requirement(text)
            applies = further.marker is None or any(further.marker.evaluate({"extra": extra}) for extra in extras[name])
            if applies and not (name == _OURS and canonicalize_name(further.name) in left_out):
                waiting.append(further)
    return set(extras)


def _write(name: str, head: str, items: Iterable[Mapping[str, Any]]) -> None:
    text = "# Made by `make lock` out of constraints.txt.\n" + head + "".join(sorted(map(_line, items)))
    (_ROOT / "deploy" / "requirements" / f"{name}.txt").write_text(text, encoding="utf-8")


def _line(item: Mapping[str, Any]) -> str:
    digest = item["download_info"]["archive_info"]["hashes"]["sha256"]
    name = item["metadata"]["name"].lower().replace("_", "-")
    return f"{name}=={item['metadata']['version']} --hash=sha256:{digest}\n"


if __name__ == "__main__":
    main()
