"""Pictures of the Dagster UI, for docs/pictures: ``python -m dashboard.dagster_pictures`` on the demo's instance."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from dashboard.pictures import FOLDER, photograph
from dashboard.serving import CODE_LOCATION, browser, serving_dagster

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_DRAWN_WITHIN_MS: Final = 60_000
# Graphs and plots move into their places.
_SETTLES_MS: Final = 3_000
_COLOURS: Final = 96


@dataclass(frozen=True, slots=True)
class View:
    """A page of the UI, a text that is there once it has been drawn, and what to press before it is photographed."""

    path: str
    shows: str
    # Selectors of what is pressed one after the other, of each the last that the page shows.
    presses: tuple[str, ...] = ()
    # What is brought into view, at the top.
    scroll_to: str | None = None
    height: int = 900
    width: int = 1280


VIEWS: Final[Mapping[str, View]] = {
    "dagster_lineage": View(
        "/assets/tone_sentiment?view=lineage&lineageScope=neighbors&lineageDepth=5",
        "dashboard",
        height=1000,
    ),
    "dagster_table": View("/assets/tone_scores?view=events", "mean_confidence", height=1200, width=1400),
    "dagster_check": View(
        "/assets/raw_audio?view=checks&checkDetail=gate",
        "Latest execution",
        ('text="Execution history"', "tr:has-text('recordings rejected') button", 'text="[Show Markdown]"'),
    ),
    "dagster_plots": View(
        "/assets/emotion_labels?view=overview", "mean_confidence", ('text="Plots"',), "Metadata", 1500
    ),
    "dagster_mart": View("/assets/fct_calls?view=overview", "Source code", height=1200),
    "dagster_launchpad": View(
        f"/locations/{CODE_LOCATION}/jobs/daily_emotion/playground", "recompute", ('text="recompute"',)
    ),
}


def main() -> None:
    """Draw every view."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with serving_dagster(os.environ) as address, browser() as chromium:
        for name, view in VIEWS.items():
            _draw(chromium, address, view, FOLDER / f"{name}.png")


def _draw(chromium: "Browser", address: str, view: View, target: Path) -> None:
    page = chromium.new_page(viewport={"width": view.width, "height": view.height}, timezone_id="UTC")
    page.goto(f"{address}{view.path}", timeout=_DRAWN_WITHIN_MS)
    page.get_by_text(view.shows).first.wait_for(timeout=_DRAWN_WITHIN_MS)
    for press in view.presses:
        page.locator(press).last.click()
    page.mouse.move(view.width - 1, view.height - 1)  # away from what explains itself when pointed at
    page.wait_for_timeout(_SETTLES_MS)
    if view.scroll_to:
        page.get_by_text(view.scroll_to, exact=True).last.evaluate("heading => heading.scrollIntoView()")
        page.wait_for_timeout(_SETTLES_MS)
    photograph(page, target, _COLOURS)


if __name__ == "__main__":
    main()
