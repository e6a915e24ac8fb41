"""The dashboard as Streamlit in Snowflake, as far as it can be seen without an account: definition, files, packages.

``snow streamlit deploy`` reads the definition; its own model of it is not among the packages of the tests.
"""

import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from emotion_pipeline.config.settings import load_settings

# Of an entity of the type streamlit, as snowflake-cli 3.30 knows them.
FIELDS = {"type", "identifier", "title", "comment", "query_warehouse", "runtime_name", "compute_pool"}
FIELDS |= {"external_access_integrations", "main_file", "artifacts"}
# Imports the pages with nothing at hand but the packages that it is given the names of.
ALONE = """
import importlib.metadata as metadata, re, sys

allowed = {*sys.argv[1:], "emotion-pipeline"}
carriers = metadata.packages_distributions()
found = metadata.Distribution.from_name.__func__

def is_allowed(name):
    return re.sub("[-_.]+", "-", name).lower() in allowed

def from_name(kind, name):
    if not is_allowed(name):
        raise metadata.PackageNotFoundError(name)
    return found(kind, name)

class Absent:
    def find_spec(self, name, path=None, target=None):
        of = carriers.get(name.partition(".")[0], ())
        if of and not any(map(is_allowed, of)):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

metadata.Distribution.from_name = classmethod(from_name)
sys.meta_path.insert(0, Absent())
from dashboard import call, calls, overview, quality, review
from emotion_pipeline.warehouse.snowflake import marts_copy, warehouse
"""


@pytest.fixture
def definition(repository: Path) -> dict[str, Any]:
    document = yaml.safe_load((repository / "snowflake.yml").read_text(encoding="utf-8"))
    assert document.keys() == {"definition_version", "entities"}
    assert document["definition_version"] == 2
    return document["entities"]["dashboard"]


def test_the_definition_has_fields_that_snow_knows_and_names_of_the_setup(
    repository: Path, definition: dict[str, Any]
) -> None:
    scripts = ("setup.sql", "dashboard.sql")
    setup, own = ((repository / "deploy/snowflake" / name).read_text(encoding="utf-8") for name in scripts)
    assert definition.keys() <= FIELDS
    assert definition["type"] == "streamlit"
    place = definition["identifier"]
    assert f"-D database={place['database']} -D schema={place['schema']}" in setup
    assert f"-D warehouse={definition['query_warehouse']}" in setup
    assert f"-D dashboard_pool={definition['compute_pool']}" in own
    assert definition["external_access_integrations"] == [f"{place['database']}_PACKAGES"]


def test_every_file_of_the_app_is_there_and_it_begins_at_the_root(repository: Path, definition: dict[str, Any]) -> None:
    sources = [one if isinstance(one, str) else one["src"] for one in definition["artifacts"]]
    assert [source for source in sources if not (repository / source).exists()] == []
    assert definition["main_file"] in sources


def test_the_settings_inside_snowflake_are_valid_and_let_nobody_listen(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_CONFIG", str(repository / "deploy/snowflake/dashboard.yaml"))
    settings = load_settings()
    assert (settings.storage.backend, settings.dashboard.audio) == ("snowflake", False)


def test_the_pages_need_nothing_but_the_requirements_in_their_tested_versions(repository: Path) -> None:
    lines = (repository / "deploy/snowflake/requirements.txt").read_text(encoding="utf-8").splitlines()
    requirements = [Requirement(line) for line in lines if not line.startswith("#")]
    constraints = (repository / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [str(one) for one in requirements if str(one) not in constraints] == []
    command = [sys.executable, "-c", ALONE, *_with_what_they_ask_for(requirements)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr


def _with_what_they_ask_for(requirements: Iterable[Requirement]) -> set[str]:
    """Return the names of these packages and of all that they need in turn, as installed here."""
    names, waiting = set[str](), list(requirements)
    while waiting:
        asked = waiting.pop()
        name = canonicalize_name(asked.name)
        if name in names:
            continue
        names.add(name)
        for text in metadata.requires(name) or ():
            further = Requirement(text)
            if further.marker is None or any(further.marker.evaluate({"extra": one}) for one in ("", *asked.extras)):
                waiting.append(further)
    return names
