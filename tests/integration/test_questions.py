"""The questions of docs/bi.md, asked of generated calls and of the demo, and the notebook that asks the same marts."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support.answers import answer, label_the_demo, questions
from support.filling import filled
from support.pipeline import INSTANCE, QUIET, Pipeline

from emotion_pipeline.warehouse.lake import Lake
from emotion_pipeline.warehouse.reviews import Label, add_review

QUESTIONS = {question.title: question for question in questions()}
TWO_WEEKS = ("2026-11-02", "2026-11-10")


@pytest.fixture(scope="module")
def marts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Marts of generated calls of two weeks, one of which somebody reviewed."""
    pipeline = Pipeline(tmp_path_factory.mktemp("questions"))
    lake = Lake(pipeline.settings.storage.root)
    for day in TWO_WEEKS:
        filled(lake, day, recordings=6)
    segment = pipeline.rows("segments", TWO_WEEKS[0])["segment_id"].iloc[0]
    add_review(lake, segment, Label("ada", tone="angry", emotion="Anger"), TWO_WEEKS[0])
    with pipeline.instance() as instance:
        job = pipeline.definitions.resolve_job_def("marts_only")
        assert job.execute_in_process(instance=instance, run_config=QUIET).success
    return pipeline.settings.storage.marts


def test_every_question_has_a_number_and_is_answered() -> None:
    assert [title.partition(".")[0] for title in QUESTIONS] == [str(number) for number in range(1, 15)]
    assert all(len(question.answer.splitlines()) > 2 for question in QUESTIONS.values())


@pytest.mark.parametrize("title", QUESTIONS)
def test_a_question_has_an_answer_in_the_columns_that_the_page_shows(marts: Path, title: str) -> None:
    lines = answer(marts, QUESTIONS[title].sql).splitlines()
    assert len(lines) > 2, "no row"
    assert lines[0] == QUESTIONS[title].answer.splitlines()[0]


@pytest.mark.full
def test_the_demo_gives_the_answers_that_the_page_prints(repository: Path, tmp_path: Path) -> None:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(INSTANCE, encoding="utf-8")
    places = {"EMOTION_STORAGE__ROOT": tmp_path / "lake", "EMOTION_STORAGE__MARTS": tmp_path / "marts.duckdb"}
    environment = os.environ | {"DAGSTER_HOME": str(home)} | {name: str(path) for name, path in places.items()}

    def call(*command: str) -> None:
        done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    demo = (sys.executable, "-m", "emotion_pipeline.cli.demo")
    call(*demo)
    label_the_demo(Lake(str(tmp_path / "lake")), tmp_path / "marts.duckdb")
    call(*demo)
    answers = {title: answer(tmp_path / "marts.duckdb", question.sql) for title, question in QUESTIONS.items()}
    assert answers == {title: question.answer for title, question in QUESTIONS.items()}


@pytest.mark.full
def test_every_cell_of_the_notebook_runs(repository: Path, marts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_STORAGE__MARTS", str(marts))
    monkeypatch.setenv("PYTHONPATH", str(repository))
    notebook = nbformat.read(repository / "docs" / "notebooks" / "first_look.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "its outputs are not to be committed"
    done = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(repository)}}).execute()
    code = [cell for cell in done.cells if cell.cell_type == "code"]
    assert all(cell.outputs and cell.outputs[-1].output_type == "execute_result" for cell in code)
