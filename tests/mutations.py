"""Breaks ten central lines, one at a time, and runs the tests that should notice: ``make mutations``.

Each mutation is made in a copy of the tracked files, so that nothing here is changed. It exits with 1 where a mutation
is not noticed, or where its line is not there any more.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

REPOSITORY: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One line of ``emotion_pipeline`` made wrong, and the test modules, all of ``make test``, that have to fail."""

    fault: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS: Final = (
    Mutation(
        "a gate lets every batch pass",
        "checks/gate.py",
        "            passed=self.passed,",
        "            passed=True,",
        ("integration/test_gates.py",),
    ),
    Mutation(
        "a partition is written in place, not renamed",
        "warehouse/atomic_files.py",
        "            draft.replace(final)",
        "            final.write_bytes(draft.read_bytes())",
        ("integration/test_warehouse_crashes.py",),
    ),
    Mutation(
        "rows of another model are reused",
        "engine/stages/reuse.py",
        "previous[FINGERPRINT_COLUMN] == fingerprint",
        "previous[FINGERPRINT_COLUMN] != ''",
        ("unit/engine/test_reuse.py",),
    ),
    Mutation(
        "a happy voice matches sad words",
        "engine/agreement.py",
        "sentiment > 0 if tone",
        "sentiment < 0 if tone",
        ("unit/engine/test_agreement.py",),
    ),
    Mutation(
        "personal data stay in a transcript",
        "engine/transcribe/transcript_maker.py",
        "        if self.redactor is not None:",
        "        if self.redactor is None:",
        ("unit/engine/test_transcripts_stage.py",),
    ),
    Mutation(
        "a token for another service is accepted",
        "api/tokens.py",
        'options={"require": _REQUIRED}',
        'options={"require": _REQUIRED, "verify_aud": False}',
        ("integration/api/test_api_tokens.py",),
    ),
    Mutation(
        "a text that repeats itself is believed",
        "engine/transcribe/guard.py",
        "> rules.highest_compression_ratio or _is_loop(decoding.text)",
        "> 1e9",
        ("unit/transcribe/test_guard.py",),
    ),
    Mutation(
        "tone is scored on the other speaker's channel",
        "engine/stages/tone_scores.py",
        "waveform[int(channel)]",
        "waveform[-1 - int(channel)]",
        ("unit/engine/test_tone_stage.py",),
    ),
    Mutation(
        "columns are matched by position",
        "schema/conform.py",
        "    values = frame[name]",
        "    values = frame.iloc[:, table.column_names.index(name)]",
        ("integration/test_warehouses.py",),
    ),
    Mutation(
        "the head of a wav2vec2 checkpoint lacks its tanh",
        "engine/tone/wav2vec2/network.py",
        "self.dropout(torch.tanh(self.dense(self.dropout(pooled))))",
        "self.dropout(self.dense(self.dropout(pooled)))",
        ("unit/tone/test_wav2vec2_checkpoint.py", "unit/tone/test_wav2vec2_tone.py"),
    ),
)


def is_noticed(mutation: Mutation, copy: Path) -> bool:
    """Return whether a test fails while ``mutation`` stands in ``copy``. Raises ValueError where its line is gone."""
    file = copy / "emotion_pipeline" / mutation.file
    source = file.read_text(encoding="utf-8")
    if source.count(mutation.old) != 1:
        raise ValueError(f"{mutation.file} has {source.count(mutation.old)} times: {mutation.old.strip()}")
    file.write_text(source.replace(mutation.old, mutation.new), encoding="utf-8")
    tests = [f"tests/{name}" for name in mutation.tests]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-m", "not full", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    try:
        return subprocess.run(command, cwd=copy, env=environment, capture_output=True, check=False).returncode == 1
    finally:
        file.write_text(source, encoding="utf-8")


def copy_of(repository: Path, folder: Path) -> Path:
    """Copy the tracked files, and what dbt parsed, into ``folder``."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(repository / name, target)
    shutil.copytree(repository / "dbt_project" / "target", folder / "dbt_project" / "target", dirs_exist_ok=True)
    return folder


def main() -> int:
    console = Console(highlight=False)
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of(REPOSITORY, Path(folder))
        for mutation in MUTATIONS:
            noticed = is_noticed(mutation, copy)
            missed += not noticed
            console.print(f"{'noticed' if noticed else 'MISSED '}  {mutation.fault} ({mutation.file})")
    return min(missed, 1)


if __name__ == "__main__":
    sys.exit(main())
