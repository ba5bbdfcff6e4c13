"""Every page in each of its states: axe (WCAG 2.2 AA), narrow screens, 200 %, dark, forced colours, reduced motion."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.routing import APIRoute
from jinja2 import Template

from labs_schema.models import Lab
from serving.web.routes import ROUTERS
from tests.harness.browser.accessibility import page_faults
from tests.harness.browser.every_page import EveryPage
from tests.harness.platforms.fake_canvas import TOKEN, FakeCanvas

pytestmark = pytest.mark.slow
TEMPLATES = Path(__file__).parents[4] / "serving" / "web" / "templates"
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


def test_every_page_is_accessible(service: EveryPage, rendered: set[str]) -> None:
    page, found, paths = service.page(), [], set[str]()
    for name in service.visit(page):
        page.wait_for_load_state()
        paths.add(urlsplit(page.url).path.removeprefix("/app"))
        found += [f"{name}: {each}" for each in page_faults(page)]
    assert found == []
    routes = [each for router in ROUTERS for each in router.routes if isinstance(each, APIRoute)]
    pages = [each for each in routes if "GET" in each.methods and each.path not in PARTS]
    assert [each.path for each in pages if not any(each.path_regex.match(path) for path in paths)] == []
    extending = {path.name for path in TEMPLATES.glob("*.html") if re.search(r"{% extends", path.read_text("utf-8"))}
    assert {each for each in extending - rendered if not each.startswith("lti_")} == set()
    service.errors[:] = [each for each in service.errors if not re.search(r"40[14]|409|422", each)]
    assert service.errors == []
