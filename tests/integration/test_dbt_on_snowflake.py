"""The same dbt project on the target snowflake, through dbt-snowflake and fakesnow's server.

What fakesnow lacks of Snowflake's SQL is added to it in ``support.fakesnow_gaps``.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.filling import frames
from support.pipeline import REPOSITORY
from support.warehouse_server import Fault, WarehouseServer
from support.warehouses import SCHEMA, new_database, snowflake

from dashboard.serving import browser, browser_program, serving, settle
from emotion_pipeline.engine.stages.tables import TABLES
from emotion_pipeline.warehouse.reviews import read_reviews

OTHER_DAY, DAY, SEGMENTS = "2026-11-02", "2026-11-03", 2
REPLACED = ("FCT_SEGMENTS", "FCT_RECORDINGS", "TONE_TIMELINE", "DAILY_TONE_SENTIMENT")


@dataclass(frozen=True)
class Project:
    """The dbt project over a database of its own."""

    server: WarehouseServer
    database: str
    folder: Path

    @property
    def marts(self) -> str:
        return f"{self.database}.MARTS_{SCHEMA}"

    def fill(self, day: str, recordings: int) -> None:
        """Write a day of every table as the pipeline does."""
        for name, frame in frames(day, recordings, SEGMENTS).items():
            snowflake(self.database).write(TABLES[name], day, frame)

    def dbt(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        folders = {"project-dir": "dbt_project", "profiles-dir": "dbt_project"}
        folders |= {"target-path": str(self.folder), "log-path": str(self.folder)}
        options = [word for name, folder in folders.items() for word in (f"--{name}", folder)]
        return subprocess.run(
            [str(Path(sys.executable).with_name("dbt")), *arguments, *options],
            cwd=REPOSITORY,
            env={**os.environ, "DBT_TARGET": "snowflake", **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def recordings(self, mart: str, day: str) -> int:
        """Return how many recordings of a day a reader sees in a mart."""
        what = "max(recordings_found)" if mart == "DAILY_TONE_SENTIMENT" else "count(distinct recording_id)"
        with self.server.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f"select coalesce({what}, 0) from {self.marts}.{mart} where recording_date = '{day}'")
            [[count]] = cursor.fetchall()
        return int(count)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Two days of tables, and the marts of both."""
    with WarehouseServer() as server:
        database = new_database(server)
        with server.as_settings(database, SCHEMA=SCHEMA):
            project = Project(server, database, tmp_path_factory.mktemp("target"))
            project.fill(OTHER_DAY, recordings=3)
            project.fill(DAY, recordings=1)
            # One of the unit tests asks what the mart looks like, so tests come with the next build.
            built = project.dbt("run")
            assert built.returncode == 0, built.stdout
            yield project


@pytest.mark.full
def test_a_run_of_a_day_replaces_that_day_and_one_that_cannot_be_put_in_anew_stays_as_it_was(project: Project) -> None:
    before = {(mart, day): project.recordings(mart, day) for mart in REPLACED for day in (DAY, OTHER_DAY)}
    for day in (DAY, OTHER_DAY):
        project.fill(day, before["FCT_SEGMENTS", day] + 1)
    project.server.arm(Fault(f"insert into {project.marts}.fct_segments", "before", "refused"))
    # On one thread the models use one connection where dbt keeps it: what fails must be rolled back before the next.
    failed = project.dbt("run", "--select", "fct_segments", "tone_timeline", "--threads", "1", MARTS_DAYS=DAY)
    project.server.arm(None)
    assert failed.returncode == 1
    assert "Processing aborted by error" in failed.stdout
    after = {(mart, day): project.recordings(mart, day) for mart, day in before}
    assert after == before | {("TONE_TIMELINE", DAY): before["TONE_TIMELINE", DAY] + 1}


@pytest.mark.full
def test_who_reads_while_days_are_replaced_sees_the_old_or_the_new_and_never_half(project: Project) -> None:
    before = {mart: project.recordings(mart, DAY) for mart in REPLACED}
    project.fill(DAY, before["FCT_RECORDINGS"] + 2)
    seen: dict[str, int] = {}

    def read(statement: str) -> None:
        match = re.match(rf"insert into {project.marts}\.(\w+)", statement)
        if match and (mart := match[1].upper()) in REPLACED:
            seen[mart] = project.recordings(mart, DAY)

    project.server.watch = read
    built = project.dbt("build")
    project.server.watch = None
    assert built.returncode == 0, built.stdout
    assert "unit tests" in built.stdout
    assert "ERROR=0 SKIP=0" in built.stdout
    assert seen == before, "deleted, and not yet put in anew"
    after = {mart: project.recordings(mart, DAY) for mart in REPLACED}
    assert after == dict.fromkeys(REPLACED, before["FCT_RECORDINGS"] + 2)


@pytest.mark.full
@pytest.mark.skipif(browser_program() is None, reason="there is no Chromium: apt-get install chromium")
def test_the_dashboard_shows_the_marts_of_snowflake_and_keeps_reviews_there(project: Project) -> None:
    calls = project.recordings("FCT_CALLS", DAY) + project.recordings("FCT_CALLS", OTHER_DAY)
    with serving({"EMOTION_STORAGE__BACKEND": "snowflake"}) as address, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        for path in ("", "calls", "call", "quality", "review"):
            page.goto(f"{address}/{path}", timeout=60_000)
            settle(page)
            assert page.get_by_test_id("stException").count() == 0, path
            if path == "calls":
                assert page.get_by_text(f"{calls} calls. Choose").count() == 1
        page.get_by_text("angry", exact=True).first.click()
        page.get_by_role("button", name="Keep and go on").click()
        page.get_by_text("1 reviews are kept").wait_for(timeout=60_000)
    assert len(read_reviews(snowflake(project.database))) == 1
