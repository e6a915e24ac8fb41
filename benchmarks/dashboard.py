"""``python -m benchmarks.dashboard``: how long a person waits for the pages of the dashboard, of 10,000 calls.

The real dashboard, over marts that ``support.many_calls`` draws, in a real browser. Of each page: ``first_paint_s``,
when the browser draws first, and ``drawn_s``, when all is there; the first visit finds nothing kept, the second what
the first has left. Of filters and a search: until all that they change is drawn. The load of the
machine is printed beside, because it decides: figures of a busy machine say little.
"""

import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from benchmarks.support.many_calls import write_marts
from dashboard.serving import browser, serving, settle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WANTED: Final = {"first_paint_s": 3.0, "filter_s": 1.0}
PAGES: Final = {"overview": "", "calls": "calls", "call": "call", "review": "review", "quality": "quality"}
_PATIENCE_S: Final = 60.0
_PAINTED: Final = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def main(calls: Annotated[int, typer.Option(help="How many calls.")] = 10_000) -> None:
    """Print one JSON line; seconds. Needs Chromium."""
    typer.echo(json.dumps({"wanted": WANTED, "calls": calls, **measure(calls), "load": round(os.getloadavg()[0], 1)}))


def measure(calls: int) -> dict[str, Any]:
    """Return the waits of a dashboard of so many calls."""
    with tempfile.TemporaryDirectory(prefix="benchmark-dashboard-") as folder:
        marts = Path(folder) / "marts.duckdb"
        write_marts(marts, calls)
        variables = {"EMOTION_STORAGE__ROOT": f"{folder}/lake", "EMOTION_STORAGE__MARTS": str(marts)}
        with serving(variables) as address, browser() as chromium:
            visit(chromium, address)  # the first visitor of all waits for imports, too
            first = {name: visit(chromium, f"{address}/{path}") for name, path in PAGES.items()}
            again = {name: visit(chromium, f"{address}/{path}") for name, path in PAGES.items()}
            return {"first_visit": first, "second_visit": again, "filters_s": _filters(chromium, address)}


def visit(chromium: "Browser", address: str) -> dict[str, float]:
    """Return what a visitor with an empty cache waits for the first paint and for all of a page."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    started = time.monotonic()
    page.goto(address)
    settle(page)
    drawn = time.monotonic() - started
    painted = page.evaluate(_PAINTED) / 1000
    page.close()
    return {"first_paint_s": round(painted, 2), "drawn_s": round(drawn, 2)}


def _filters(chromium: "Browser", address: str) -> dict[str, float]:
    """Return what a visitor waits for an answer to what is clicked or typed."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    settle(page)
    waits = {"certain_only": _wait(page, _figures, lambda: page.get_by_text("Certain only").click())}
    page.get_by_role("combobox", name="Speaker role").click()
    waits["role"] = _wait(page, _figures, lambda: page.get_by_role("option", name="customer").click())
    page.goto(f"{address}/calls")
    settle(page)
    page.get_by_test_id("stTextInputField").fill("no. 77")
    waits["search"] = _wait(page, _found, lambda: page.get_by_test_id("stTextInputField").press("Enter"))
    return waits


def _wait(page: "Page", shown: Callable[["Page"], str], act: Callable[[], object]) -> float:
    """Return the seconds from an action until what is shown has become something else and stays."""
    before, started = shown(page), time.monotonic()
    act()
    while shown(page) == before:
        if time.monotonic() - started > _PATIENCE_S:
            raise TimeoutError(f"{before} has stood there for {_PATIENCE_S:.0f} s after a filter was changed")
        page.wait_for_timeout(30)  # what asks more often takes the time from the page
    settle(page)
    return round(time.monotonic() - started, 2)


def _figures(page: "Page") -> str:
    return "|".join(page.get_by_test_id("stMetricValue").all_inner_texts())


def _found(page: "Page") -> str:
    return page.get_by_text(re.compile(r"[\d,]+ calls")).first.inner_text()


if __name__ == "__main__":
    typer.run(main)
