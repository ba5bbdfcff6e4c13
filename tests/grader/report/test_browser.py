"""The report in a real browser: nothing fails, figures are seen, links lead to work, hostile code stays text."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from grader.evaluation import Evaluation
from grader.report import write_report
from labs_schema.models import Lab
from labs_schema.reading.validate import lab_folders, load_lab
from serving.measures.decisions import Decision

pytestmark = pytest.mark.slow

LABS = Path(__file__).parents[3] / "labs"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip

Evaluate = Callable[[Mapping[str, Lab]], tuple[Evaluation, dict[str, list[Decision]]]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. Without one the tests are skipped, but not where CI promises to have it."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        reason = "there is no Chromium; as root: requirements/browser"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(evaluated: Evaluate, hostile_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the sample labs and the hostile one, with a learning curve's run left out."""
    labs = {lab.name: lab for lab in (hostile_lab, *map(load_lab, lab_folders(LABS)))}
    evaluation, decided = evaluated(labs)
    path = tmp_path_factory.mktemp("browser") / "report.html"
    write_report(evaluation, decided, labs, path, command="grader evaluate runs/latest --report report.html")
    return path


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The report, opened. In the end the test fails where the console, the network or a script complained."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("requestfailed", lambda request: complaints.append(request.url))
    opened.on("request", lambda request: request.url == report.as_uri() or complaints.append(request.url))
    opened.goto(report.as_uri())
    yield opened
    opened.close()
    assert not complaints


def test_every_figure_is_seen(page: Any) -> None:
    sizes = page.locator("figure svg").evaluate_all("""figures => figures.map(figure => {
        const box = figure.getBoundingClientRect();
        const seen = [...figure.querySelectorAll("path, text")].filter(mark => {
            const part = mark.getBoundingClientRect();
            return part.width + part.height > 3 && part.left >= box.left - 1 && part.right <= box.right + 1;
        });
        return [box.width, box.height, seen.length];
    })""")
    assert page.locator("figure").count() == 5 * 5 <= len(sizes)
    assert all(width > 200 and height > 80 and seen > 10 for width, height, seen in sizes)


def test_every_link_leads_to_something_and_a_submissions_link_opens_it(page: Any) -> None:
    works = page.locator("#misgraded ~ .scroll a").all()
    assert len(works) == page.locator("details.work").count() > 50
    for link in [works[0], works[len(works) // 2], works[-1]]:
        target = page.locator(f"details[id='{link.get_attribute('href')[1:]}']")
        assert not target.locator(".listing").first.is_visible()
        link.click()
        target.locator(".listing").first.wait_for(state="visible")  # the page's script opens it
        target.locator("table.options").first.wait_for(state="visible")
        assert -1 < target.bounding_box()["y"] < 900
    for link in page.locator("nav a").all():
        assert page.locator(link.get_attribute("href")).is_visible()


def test_students_code_stays_text(page: Any) -> None:
    page.click("#open-all")
    shown = page.locator("details.work pre.code").all_inner_texts()
    for hostile in ('<script>document.title = "owned"</script>', "onerror=\"document.title = 'owned'\"", "[U+202E]"):
        assert any(hostile in text for text in shown)
    assert page.title() == "How far the grader and the TAs agree"
    assert page.locator("script").count() == 1 and page.locator("img").count() == 0


def test_a_script_that_reached_the_page_would_not_run(browser: Any, report: Path, tmp_path: Path) -> None:
    unescaped = report.read_text(encoding="utf-8").replace("</h1>", "</h1><script>document.title = 'owned'</script>")
    (tmp_path / "report.html").write_text(unescaped, encoding="utf-8")
    opened = browser.new_page()
    opened.goto((tmp_path / "report.html").as_uri())
    assert opened.title() == "How far the grader and the TAs agree"
    opened.close()


@pytest.mark.parametrize("width", [1280, 380])
def test_nothing_makes_the_page_wider_than_its_window(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.click("#open-all")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_prints_on_white_without_what_only_a_screen_needs(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible() and not page.locator("#open-all").is_visible()
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page") > 10
