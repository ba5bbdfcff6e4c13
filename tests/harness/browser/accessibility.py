"""Accessibility faults of a page in Chromium: axe, dark and forced colours, reduced motion, 320 px and 200 %."""

from collections.abc import Iterator
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"320 px": (320, 700), "200 %": (640, 450)}


def page_faults(page: Any) -> Iterator[str]:
    """Of the page as it is. Needs script."""
    yield from _axe(page, {"type": "tag", "values": AXE_TAGS})
    page.emulate_media(color_scheme="dark")
    yield from (f"dark: {each}" for each in _axe(page, {"type": "rule", "values": ["color-contrast"]}))
    page.emulate_media(color_scheme="light", forced_colors="active", reduced_motion="reduce")
    for locator in page.locator("main button:visible, main .alert:visible").all():
        if locator.evaluate("e => getComputedStyle(e).borderLeftStyle") == "none":
            yield f"forced colours: no border around {locator.inner_text()}"
    for locator in page.locator(".criterion.current").all():
        if locator.evaluate("e => getComputedStyle(e).outlineStyle") == "none":
            yield "forced colours: the marked criterion looks like the others"
    if page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") != "auto":
        yield "reduced motion: smooth scrolling"
    if page.evaluate("document.getAnimations().length"):
        yield "reduced motion: animations"
    page.emulate_media(forced_colors="none", reduced_motion="no-preference")
    size = page.viewport_size
    for name, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            yield f"{name}: wider than the window"
    page.set_viewport_size(size)


def _axe(page: Any, rules: dict[str, Any]) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    options = {"runOnly": rules, "resultTypes": ["violations"]}  # the others take more time than the checks
    found = page.evaluate("options => axe.run(options).then(found => found.violations)", options)
    return [f"{each['id']} {[node['target'] for node in each['nodes'][:3]]}" for each in found]
