"""Pictures of every page, for docs/pictures: ``python -m dashboard.pictures`` over the marts that the settings name."""

from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from PIL import Image

from dashboard.serving import browser, serving, settle

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER: Final = Path(__file__).parents[1] / "docs" / "pictures"
PAGES: Final = ("overview", "calls", "call", "review", "quality")
_COLOURS: Final = 128


def main() -> None:
    """Draw every page in light, and one in dark and one as a phone shows it."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with serving({}) as address, browser() as chromium:
        for name in PAGES:
            _draw(chromium, f"{address}/{'' if name == 'overview' else name}", FOLDER / f"{name}.png", "light", 1280)
        _draw(chromium, f"{address}/call", FOLDER / "call_dark.png", "dark", 1280)
        _draw(chromium, address, FOLDER / "overview_phone.png", "light", 390)


def _draw(chromium: "Browser", address: str, target: Path, scheme: Literal["light", "dark"], width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(address)
    settle(page)
    # Charts are drawn after the script has ended.
    page.wait_for_timeout(1500)
    # Below the last line a page has a margin of 160 points, which nobody wants to look at.
    height = page.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight") - 120
    page.set_viewport_size({"width": width, "height": min(max(int(height) + 40, 600), 1900)})
    page.wait_for_timeout(1000)
    photograph(page, target, _COLOURS)


def photograph(page: "Page", target: Path, colours: int) -> None:
    """Write what a page shows as a small PNG of so many colours, and close the page."""
    page.screenshot(path=target)
    page.close()
    with Image.open(target) as picture:
        picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=colours).save(target, optimize=True)


if __name__ == "__main__":
    main()
