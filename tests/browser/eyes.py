"""How a page looks to somebody: to one who needs contrast, names and a keyboard (axe-core), and in a picture."""

from pathlib import Path
from typing import Literal

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from playwright.sync_api import Page, ViewportSize

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES: tuple[ViewportSize, ...] = ({"width": 390, "height": 844}, {"width": 1440, "height": 900})
_WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
# colours are made by `light-dark()`, which can make nothing else: in the dark only rules of colour can find something new
_RUN = {
    "light": "axe.run({resultTypes: ['violations']})",
    "dark": "axe.run({resultTypes: ['violations'], runOnly: {type: 'rule', values: ['color-contrast', 'link-in-text-block']}})",
}


def looked_at(page: Page, name: str) -> list[str]:
    """Serious violations in both themes at both widths, a line each; a picture of each stays in `PICTURES`."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.evaluate(AXE_SCRIPT)
    found: list[str] = []
    for size in SIZES:
        page.set_viewport_size(size)
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)
            found += [f"{theme}, {size['width']} px: {line}" for line in _violations(page, _RUN[theme])]
            if page.evaluate(_WIDER):
                found.append(f"{theme}, {size['width']} px: it can be scrolled sideways")
            page.screenshot(
                path=PICTURES / f"{name}-{theme}-{size['width']}.png", full_page=True, animations="disabled"
            )
    return found


def _violations(page: Page, run: str) -> list[str]:
    serious = [one for one in page.evaluate(run)["violations"] if one["impact"] in {"serious", "critical"}]
    return [
        f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for one in serious
        for node in one["nodes"]
    ]
