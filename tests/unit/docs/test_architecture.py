"""What docs/architecture.md and the package docstrings promise to a newcomer holds."""

import ast
import re
from pathlib import Path

import pytest

_STEPS_OF_A_WALK = 12
_LOOSE_MODULES = 4


def _walks(repository: Path) -> list[list[str]]:
    """Return the numbered steps of each walk."""
    page = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## A newcomer's walk")[2].partition("\n## ")[0]
    walks = re.split(r"^\*\*.+\*\*$", section, flags=re.MULTILINE)[1:]
    return [re.findall(r"^\d+\. (?:.+\n?)(?:   .+\n?)*", walk, flags=re.MULTILINE) for walk in walks]


def _packages(repository: Path) -> list[Path]:
    return sorted((repository / "emotion_pipeline").rglob("__init__.py"))


def test_each_walk_has_at_most_twelve_steps(repository: Path) -> None:
    walks = _walks(repository)
    assert len(walks) == 2
    assert all(0 < len(steps) <= _STEPS_OF_A_WALK for steps in walks)


def test_every_step_of_a_walk_names_files_that_exist(repository: Path) -> None:
    for steps in _walks(repository):
        for step in steps:
            files = re.findall(r"`([\w/]+\.py)`", step)
            assert files, f"this step names no file: {step}"
            missing = [file for file in files if not (repository / "emotion_pipeline" / file).is_file()]
            assert not missing, f"these files of the walk are gone: {missing}"


def test_every_folder_in_the_tables_of_the_architecture_exists(repository: Path) -> None:
    page = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    where, inside = page.partition("Inside `engine/`:")[::2]
    rooms = re.findall(r"^\| (`.+?`) \|", where, flags=re.MULTILINE)
    parts = re.findall(r"^\| (`.+?`) \|", inside.partition("## ")[0], flags=re.MULTILINE)
    paths = [repository / path for cell in rooms for path in re.findall(r"`([^`]+)`", cell)]
    paths += [
        repository / "emotion_pipeline" / "engine" / path for cell in parts for path in re.findall(r"`([^`]+)`", cell)
    ]
    assert len(paths) > 20
    assert [str(path) for path in paths if not path.exists()] == []


def test_every_package_says_its_purpose_in_one_sentence(repository: Path) -> None:
    for file in _packages(repository):
        docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        assert docstring, f"{file} does not say what the package is for"
        first = docstring.splitlines()[0]
        assert first.endswith("."), f"{file} does not open with one whole sentence: {first!r}"


@pytest.mark.parametrize("package", ["emotion_pipeline", "emotion_pipeline/engine"])
def test_few_modules_lie_outside_a_package(repository: Path, package: str) -> None:
    modules = sorted(path.name for path in (repository / package).glob("*.py"))
    assert len(modules) <= _LOOSE_MODULES, modules


def test_private_names_of_dagster_are_imported_in_one_module(repository: Path) -> None:
    private = re.compile(r"^\s*(?:from|import) dagster\._", flags=re.MULTILINE)
    modules = (repository / "emotion_pipeline").rglob("*.py")
    importers = [path.name for path in modules if private.search(path.read_text(encoding="utf-8"))]
    assert importers == ["dagster_private.py"]
