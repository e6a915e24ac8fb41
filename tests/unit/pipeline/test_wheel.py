"""What an installed package holds: weights, migrations and all else that lies in its folders."""

import subprocess
import tomllib
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def packages(repository: Path) -> list[str]:
    if not (repository / ".git").exists():
        pytest.skip("this is no checkout")
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"][
        "targets"
    ]["wheel"]["packages"]


def _tracked(repository: Path, *arguments: str) -> set[str]:
    command = ["git", "ls-files", *arguments]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=True, timeout=30)
    return set(done.stdout.splitlines())


def test_no_rule_for_what_git_ignores_takes_a_file_out_of_the_wheel(repository: Path, packages: list[str]) -> None:
    """Hatchling leaves out whatever ``.gitignore`` names, files that are tracked all the same included."""
    assert _tracked(repository, "--cached", "--ignored", "--exclude-standard", "--", *packages) == set()


def test_weights_and_migrations_lie_in_the_packages(repository: Path, packages: list[str]) -> None:
    tracked = _tracked(repository, "--", *packages)
    for task in ("emotion", "text", "tone/acoustic"):
        assert f"emotion_pipeline/engine/{task}/weights/weights.safetensors" in tracked
    migrations = {name for name in tracked if "/migrations/" in name}
    assert {
        f"emotion_pipeline/api/jobs/migrations/{name}"
        for name in ("env.py", "versions/0001_jobs.py", "versions/0002_servers.py")
    } <= migrations
    on_disk = {path.relative_to(repository).as_posix() for path in repository.glob("emotion_*/**/*.safetensors")}
    assert on_disk <= tracked
