"""The dbt that builds the marts: its version is known without asking it."""

import os
import re
import subprocess

from dagster_dbt import DbtCliResource

from emotion_pipeline.resources.marts import DBT, PROJECT, InstalledDbt


def test_its_version_is_what_it_says_itself() -> None:
    asked = subprocess.run([DBT, "--version"], capture_output=True, text=True, check=True).stdout
    stated = re.search(r"installed:\s+(\S+)", asked)
    assert stated is not None
    assert hasattr(DbtCliResource, "_cli_version"), "dagster-dbt finds the version in another way now"
    dbt = InstalledDbt(project_dir=os.fspath(PROJECT.project_dir), dbt_executable=DBT)
    assert str(dbt._cli_version) == stated[1]
