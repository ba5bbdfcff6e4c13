"""Every page in each of its states: axe (WCAG 2.2 AA), narrow screens, 200 %, dark, forced colours, reduced motion."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.routing import APIRoute
from jinja2 import Template

from labs_schema.models import Lab
from serving.web.routes import ROUTERS
from tests.harness.every_page import EveryPage
from tests.harness.fake_canvas import TOKEN, FakeCanvas

pytestmark = pytest.mark.slow
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TEMPLATES = Path(__file__).parents[4] / "serving" / "web" / "templates"
SIZES = {"320 px": (320, 700), "200 %": (640, 450)}
PARTS = {"/lab/rate/progress"}
"""Routes whose answer is a part of another page."""


@pytest.fixture(scope="module")
def rendered() -> Iterator[set[str]]:
    """The names of the templates of all pages that are opened."""
    names, render = set[str](), Template.render

    def recording(template: Template, *given: Any, **context: Any) -> str:
        names.add(template.name or "")
        return render(template, *given, **context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "render", recording)
        yield names


@pytest.fixture(scope="module")
def service(
    browser: Any, tmp_path_factory: pytest.TempPathFactory, make_lab: Callable[..., Lab]
) -> Iterator[EveryPage]:
    canvas = FakeCanvas(12)
    canvas.submissions[10_000]["score"] = 0.5
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADER_CANVAS_URL", canvas.url)
        patch.setenv("GRADER_CANVAS_TOKEN", TOKEN)
        patch.setenv("GRADER_OUTBOUND_ALLOW", canvas.url)
        opened = EveryPage(browser, tmp_path_factory.mktemp("labs"), make_lab, canvas)
        yield opened
        opened.close()
        opened.store.close()
    canvas.close()


def axe(page: Any, **options: Any) -> list[str]:
    found = Axe().run(page, options=options).response["violations"]
    return [f"{each['id']} {[node['target'] for node in each['nodes'][:3]]}" for each in found]


def faults(page: Any) -> Iterator[str]:
    """Of the page as it is, seen in several ways."""
    yield from axe(page, runOnly={"type": "tag", "values": AXE_TAGS})
    page.emulate_media(color_scheme="dark")
    yield from (f"dark: {each}" for each in axe(page, runOnly={"type": "rule", "values": ["color-contrast"]}))
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


def test_every_page_is_accessible(service: EveryPage, rendered: set[str]) -> None:
    page, found, paths = service.page(), [], set[str]()
    for name in service.visit(page):
        page.wait_for_load_state()
        paths.add(urlsplit(page.url).path.removeprefix("/app"))
        found += [f"{name}: {each}" for each in faults(page)]
    assert found == []
    routes = [each for router in ROUTERS for each in router.routes if isinstance(each, APIRoute)]
    pages = [each for each in routes if "GET" in each.methods and each.path not in PARTS]
    assert [each.path for each in pages if not any(each.path_regex.match(path) for path in paths)] == []
    extending = {path.name for path in TEMPLATES.glob("*.html") if re.search(r"{% extends", path.read_text("utf-8"))}
    assert {each for each in extending - rendered if not each.startswith("lti_")} == set()
    service.errors[:] = [each for each in service.errors if not re.search(r"40[14]|409|422", each)]
    assert service.errors == []
