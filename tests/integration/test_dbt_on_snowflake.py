"""The same dbt project on the target snowflake, through dbt-snowflake and fakesnow's server.

What fakesnow cannot be asked is listed, with the reason, in docs/architecture.md; everything else runs here.
"""

import os
import subprocess
import sys
from pathlib import Path

from support.fake_snowflake import connected, fake_snowflake, insert, make_tables
from support.filling import frames
from support.pipeline import REPOSITORY

from emotion_pipeline.tables import TABLES

DAY, RECORDINGS, SEGMENTS = "2026-11-02", 2, 2
NOT_IN_FAKESNOW = "stg_raw_audio"


def test_staging_and_the_time_spine_are_built_and_tested_on_snowflake(tmp_path: Path) -> None:
    with fake_snowflake() as variables:
        with connected(variables) as connection:
            make_tables(connection)
            for name, frame in frames(DAY, RECORDINGS, SEGMENTS).items():
                insert(connection, TABLES[name], frame)
        folders = {"project-dir": "dbt_project", "profiles-dir": "dbt_project"}
        folders |= {"target-path": str(tmp_path / "target"), "log-path": str(tmp_path / "logs")}
        options = [word for name, folder in folders.items() for word in (f"--{name}", folder)]
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("dbt")),
                "build",
                *("--select", "staging", "metrics", "--exclude", NOT_IN_FAKESNOW),
                *("--indirect-selection", "cautious"),  # a test that also asks a mart waits for it
                *options,
            ],
            cwd=REPOSITORY,
            env={**os.environ, **variables, "DBT_TARGET": "snowflake"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout
        assert "ERROR=0" in done.stdout
        with connected(variables) as connection:
            cursor = connection.cursor()
            cursor.execute("select count(*) from EMOTION.MARTS.STG_SEGMENTS")
            counted = cursor.fetchall()
    assert counted == [(RECORDINGS * SEGMENTS,)]
