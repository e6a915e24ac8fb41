"""The dashboard and the report as people see them: a real browser on real marts, what is shown beside what SQL says."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd
import pytest
from support.filling import filled
from support.pipeline import QUIET, Pipeline
from typer.testing import CliRunner, Result

from benchmarks.dashboard import visit
from dashboard.serving import browser, browser_program, serving, settle
from emotion_pipeline.cli.app import app
from emotion_pipeline.cli.output import csv_text
from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.stages.tables import TABLES
from emotion_pipeline.report.queries import ATTRIBUTES, CALLS, CALLS_FOUND, OVERVIEW, QUEUE, Filters, ask, ask_of_chosen
from emotion_pipeline.warehouse.files import Files
from emotion_pipeline.warehouse.lake import Lake
from emotion_pipeline.warehouse.reviews import pending, read_reviews

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

pytestmark = pytest.mark.skipif(browser_program() is None, reason="there is no Chromium: apt-get install chromium")

DAYS = ("2026-11-02", "2026-11-03")
PAGES = {"": "Overview", "calls": "Calls", "call": "One call", "review": "Review", "quality": "Quality"}


def environment(pipeline: Pipeline) -> dict[str, str]:
    storage = pipeline.settings.storage
    return {"EMOTION_STORAGE__ROOT": str(storage.root), "EMOTION_STORAGE__MARTS": str(storage.marts)}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Two days of generated calls and their marts."""
    pipeline = Pipeline(tmp_path_factory.mktemp("dashboard"))
    for number, day in enumerate(DAYS):
        filled(Lake(pipeline.settings.storage.root), day, recordings=3 + number)
    with pipeline.instance() as instance:
        job = pipeline.definitions.resolve_job_def("marts_only")
        assert job.execute_in_process(instance=instance, run_config=QUIET).success
    return pipeline


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def address(pipeline: Pipeline) -> Iterator[str]:
    with serving(environment(pipeline)) as address:
        yield address


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console complains of."""
    return []


@pytest.fixture
def opened(chromium: "Browser", complaints: list[str]) -> "Iterator[Callable[[str], Page]]":
    """Opens an address and waits until all is drawn."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})

    def note(message: "ConsoleMessage") -> None:
        # Streamlit looks for its server below the address of a page first.
        if message.type == "error" and "/_stcore/" not in message.location["url"]:
            complaints.append(f"{message.text} {message.location['url']}")

    def open_page(address: str) -> "Page":
        page = context.new_page()
        page.on("console", note)
        page.goto(address, timeout=120_000)
        settle(page)
        return page

    yield open_page
    context.close()


@pytest.mark.parametrize(("path", "title"), PAGES.items(), ids=PAGES.values())
def test_every_page_is_drawn_within_three_seconds_without_an_error(
    chromium: "Browser", address: str, opened: "Callable[[str], Page]", complaints: list[str], path: str, title: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(f"{address}/{path}")
    assert page.locator("h1").first.inner_text() == title
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_role("dialog").count() == 0
    assert complaints == []
    violations = Axe().run(page).response["violations"]
    serious = [rule for rule in violations if rule["impact"] in {"serious", "critical"}]
    assert {rule["id"]: rule["nodes"][0]["html"] for rule in serious} == {}
    # That was the first visitor, who waits for imports, too. Later ones find a warm server, and their browsers nothing;
    # one of three has to be as quick, because other tests take the cores meanwhile.
    assert any(visit(chromium, f"{address}/{path}")["drawn_s"] < 3.0 for _ in range(3))


def metric(page: "Page", label: str) -> str:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").inner_text()


def test_a_filter_changes_the_numbers_to_what_sql_says(
    address: str, opened: "Callable[[str], Page]", pipeline: Pipeline
) -> None:
    page = opened(address)

    def expected(certain: bool) -> str:
        [[rows]] = ask_of_chosen(pipeline.settings.storage.marts, [OVERVIEW], Filters(certain=certain))
        return f"{rows['spoken_minutes'].iloc[0]:,.1f}"

    assert metric(page, "Minutes spoken") == expected(certain=False)
    page.get_by_text("Certain only").click()
    page.wait_for_timeout(500)
    settle(page)
    assert metric(page, "Minutes spoken") == expected(certain=True)
    assert expected(certain=True) != expected(certain=False)


def test_calls_are_chosen_by_a_column_of_the_manifest(pipeline: Pipeline) -> None:
    marts = pipeline.settings.storage.marts
    offered = ask(marts, ATTRIBUTES)["attribute"].tolist()
    assert offered == ["agent: agent 0", "agent: agent 1", "agent: agent 2", "queue: sales", "queue: support"]
    whole, sales, both = (
        ask(marts, CALLS_FOUND, {**Filters(attributes=one).parameters(), "search": ""})["calls"].iloc[0]
        for one in ((), ("queue: sales",), ("queue: sales", "queue: support"))
    )
    assert (whole, sales, both) == (7, 4, 7)


def test_a_review_is_kept_and_leaves_the_queue(
    address: str, opened: "Callable[[str], Page]", pipeline: Pipeline
) -> None:
    lake = Lake(pipeline.settings.storage.root)
    queue = pending(ask(pipeline.settings.storage.marts, QUEUE), read_reviews(lake))
    page = opened(f"{address}/review")
    assert f"{len(queue)} segments wait" in page.get_by_test_id("stMain").inner_text()
    # The transcript stands where the segment is.
    page.frame_locator("iframe").locator("li.now", has_text=queue["text"].iloc[0]).wait_for()
    page.get_by_label("Your name").fill("ada")
    page.get_by_label("Your name").press("Enter")
    page.get_by_text("angry", exact=True).first.click()
    page.get_by_role("button", name="Keep and go on").click()
    page.get_by_text(f"{len(queue) - 1} segments wait").wait_for(timeout=60_000)
    again = opened(f"{address}/review")
    assert f"{len(queue) - 1} segments wait" in again.get_by_test_id("stMain").inner_text()
    [review] = read_reviews(lake).to_dict("records")
    assert (review["segment_id"], review["reviewer"]) == (queue["segment_id"].iloc[0], "ada")
    assert review["tone"] == "angry"


def test_calls_come_a_page_at_a_time_in_the_order_that_is_chosen(pipeline: Pipeline) -> None:
    marts = pipeline.settings.storage.marts
    asked = {**Filters().parameters(), "search": ""}
    whole = ask(marts, CALLS["Longest"], {**asked, "rows": None, "skipped": 0})
    assert len(whole) == ask(marts, CALLS_FOUND, asked)["calls"].iloc[0] == 7
    assert whole["recording_seconds"].is_monotonic_decreasing
    second = ask(marts, CALLS["Longest"], {**asked, "rows": 3, "skipped": 3})
    assert second["file"].tolist() == whole["file"].tolist()[3:6]
    searched = {**asked, "search": str(whole["file"].iloc[0]).upper()}
    assert ask(marts, CALLS["Longest"], {**searched, "rows": 3, "skipped": 0})["file"].nunique() == 1


def test_quality_names_a_batch_that_its_gate_held_back(
    address: str, opened: "Callable[[str], Page]", pipeline: Pipeline
) -> None:
    files = Files(str(pipeline.settings.storage.root))
    files.hold(TABLES["segments"], DAYS[1], pipeline.rows("segments", DAYS[1]))
    assert files.refused() == [(DAYS[1], "segments")]
    assert metric(opened(f"{address}/quality"), "Batches held back") == "1"
    files.release(TABLES["segments"], DAYS[1])
    page = opened(f"{address}/quality")
    assert metric(page, "Batches held back") == "0"
    assert "Every gate has let the newest batch" in page.get_by_test_id("stMain").inner_text()


def test_a_table_that_is_taken_along_runs_no_formula_in_a_spreadsheet() -> None:
    assert csv_text(pd.DataFrame({"text": ["=1+1", "fine"], "score": [-1.0, 2.0]})) == (
        "text,score\n'=1+1,-1.0\nfine,2.0\n"
    )


@pytest.fixture
def settings(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What the command line is told of the marts; a test may say more."""
    for name, value in environment(pipeline).items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def call(pipeline: Pipeline) -> str:
    """A call whose sound is in the lake."""
    [row, *_] = ask(pipeline.settings.storage.marts, "from fct_calls order by recording_date, file").to_dict("records")
    pipeline.drop_speech("sound", "call.flac", seconds=3.0)
    sound = (pipeline.folder / "recordings" / "sound" / "call.flac").read_bytes()
    (Path(pipeline.settings.storage.root) / row["audio_uri"]).write_bytes(sound)
    return f"{DAYS[0]}/{row['file']}"


def report(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def refusal(*arguments: str | Path) -> str:
    """Return what a report says that is not made."""
    with pytest.raises(EmotionPipelineError) as refused:
        CliRunner().invoke(app, ["report", *map(str, arguments)], catch_exceptions=False)
    return str(refused.value)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("subject", ["day", "call"])
@pytest.mark.usefixtures("settings")
def test_a_report_is_one_page_that_asks_nobody_for_anything(
    chromium: "Browser",
    complaints: list[str],
    call: str,
    tmp_path: Path,
    subject: str,
    scheme: "Literal['light', 'dark']",
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page_file = tmp_path / "page.html"
    chosen = ("--day", DAYS[1]) if subject == "day" else ("--call", call, "--with-audio")
    assert report(*chosen, "--output", page_file).exit_code == 0
    page = chromium.new_page(color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(page_file.as_uri())
    violations = Axe().run(page).response["violations"]
    assert [rule["id"] for rule in violations if rule["impact"] in {"serious", "critical"}] == []
    assert [address for address in asked if not address.startswith("data:")] == [page_file.as_uri()]
    assert complaints == []
    assert page.locator("figure svg").count() > 0
    if subject == "call":
        page.wait_for_function("document.querySelector('audio').duration > 2.9")
    page.close()


@pytest.mark.usefixtures("settings")
def test_a_report_of_a_day_says_what_sql_says(pipeline: Pipeline, tmp_path: Path) -> None:
    assert report("--day", DAYS[1], "-o", tmp_path / "day.html").exit_code == 0
    page = (tmp_path / "day.html").read_text(encoding="utf-8")
    calls = ask(pipeline.settings.storage.marts, "from fct_calls where recording_date = $day", {"day": DAYS[1]})
    assert all(file in page for file in calls["file"])
    day = date.fromisoformat(DAYS[1])
    [[rows]] = ask_of_chosen(pipeline.settings.storage.marts, [OVERVIEW], Filters(day, day))
    [row] = rows.to_dict("records")
    assert f"<dd>{row['share_negative']:.0%}" in page
    assert f"<dd>{row['spoken_minutes']:,.1f}" in page


def test_sound_is_in_a_report_only_where_it_is_asked_for_and_allowed(
    settings: pytest.MonkeyPatch, pipeline: Pipeline, call: str, tmp_path: Path
) -> None:
    page = tmp_path / "call.html"
    assert report("--call", call, "-o", page).exit_code == 0
    assert "data:audio" not in page.read_text(encoding="utf-8")
    settings.setenv("EMOTION_DASHBOARD__AUDIO", "false")
    assert "the settings keep the sound" in refusal("--call", call, "--with-audio", "-o", page)
    settings.setenv("EMOTION_DASHBOARD__AUDIO", "true")
    [other] = ask(pipeline.settings.storage.marts, "from fct_calls order by file desc limit 1")["file"]
    assert f"{other}: its sound is not in" in refusal("--call", other, "--with-audio", "-o", page)


@pytest.mark.usefixtures("settings")
def test_a_report_of_what_is_not_there_names_it_and_what_is(pipeline: Pipeline, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert f"2020-01-01: no recording of this day is in {pipeline.settings.storage.marts}, which holds {DAYS[0]}" in (
        refusal("--day", "2020-01-01", "-o", page)
    )
    assert "nobody.wav is no call of the marts" in refusal("--call", "nobody.wav", "-o", page)
    assert "name the day/file, or more of the id" in refusal("--call", "aaa", "-o", page)
    assert "give --day or --call" in report("-o", page).output
    assert "yesterday is no day" in report("--day", "yesterday", "-o", page).output
    assert not page.exists()


def test_an_empty_lake_has_words_instead_of_numbers(
    chromium: "Browser", opened: "Callable[[str], Page]", tmp_path: Path
) -> None:
    empty = Pipeline(tmp_path)
    with serving(environment(empty)) as address:
        for path in PAGES:
            page = opened(f"{address}/{path}")
            assert "is not there; build the marts" in page.get_by_test_id("stAlert").first.inner_text()
