"""The report in Chromium: no errors, visible figures, working links, and hostile code as text."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from grader.evaluation import Evaluation
from grader.report.page import ReportSource, write_report
from labs_schema.models import Lab
from labs_schema.reading.validate import lab_folders, load_lab
from serving.measures.decisions import Decision
from tests.harness.browser.chromium import chromium

pytestmark = pytest.mark.slow

LABS = Path(__file__).parents[3] / "labs"
LABS_SHOWN = 3
Evaluate = Callable[[Mapping[str, Lab]], tuple[Evaluation, dict[str, list[Decision]]]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def report(evaluated: Evaluate, hostile_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of two sample labs and the hostile one, without a run folder."""
    samples = [load_lab(folder) for folder in lab_folders(LABS)[:2]]
    labs = {lab.name: lab for lab in (hostile_lab, *samples)}
    evaluation, decided = evaluated(labs)
    path = tmp_path_factory.mktemp("browser") / "report.html"
    command = "grader evaluate runs/latest --report report.html"
    write_report(ReportSource(evaluation, decided, labs, command=command), path)
    return path


@pytest.fixture
def page(browser: Any, report: Path) -> Iterator[Any]:
    """The report, opened. Any console message, script error or network request fails the test."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    opened.on("console", lambda message: errors.append(message.text))
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("requestfailed", lambda request: errors.append(request.url))
    opened.on(
        "request", lambda request: request.url.startswith((report.as_uri(), "data:")) or errors.append(request.url)
    )
    opened.goto(report.as_uri())
    yield opened
    opened.close()
    assert not errors


INK = """image => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, image.width, image.height);
    const pixels = context.getImageData(0, 0, image.width, image.height).data;
    let [opaque, brightness] = [0, 0];
    for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] > 200) {
        opaque += 1;
        brightness += (pixels[i] + pixels[i + 1] + pixels[i + 2]) / 3;
    }
    return [image.getBoundingClientRect().width, opaque, brightness / opaque];
}"""
"""Width in CSS pixels, number of opaque pixels, and their mean brightness from 0 to 255."""


def drawn(page: Any) -> list[tuple[float, float, float]]:
    images = page.locator("figure img")
    images.evaluate_all("images => Promise.all(images.map(image => image.decode()))")  # codespell:ignore
    return [tuple(image.evaluate(INK)) for image in images.all()]


def test_figures_are_drawn_with_contrast_in_light_and_dark_mode(page: Any) -> None:
    light = drawn(page)
    assert page.locator("figure").count() == 5 * LABS_SHOWN <= len(light)
    assert all(width > 200 and opaque > 500 and brightness < 130 for width, opaque, brightness in light)
    page.emulate_media(color_scheme="dark")
    first = page.locator("figure img").first
    while first.evaluate("image => image.currentSrc == image.src"):  # the browser switches asynchronously
        page.wait_for_timeout(50)
    assert all(opaque > 500 and brightness > 130 for _, opaque, brightness in drawn(page))


def test_every_figure_has_its_numbers_as_text(page: Any) -> None:
    """Agreement figures have a table next to them, the others a data table of their own."""
    tables = page.locator("figure details.data")
    assert tables.count() == page.locator("figure img").count() - 2 * LABS_SHOWN
    tables.first.locator("summary").click()
    assert tables.first.locator("tbody tr").count() > 1 and tables.first.locator("table").is_visible()


def test_links_have_targets_and_submission_links_expand_them(page: Any) -> None:
    submissions = page.locator("#misgraded ~ .scroll a").all()
    assert len(submissions) == page.locator("details.work").count() > 10 * LABS_SHOWN
    for link in [submissions[0], submissions[len(submissions) // 2], submissions[-1]]:
        target = page.locator(f"details[id='{link.get_attribute('href')[1:]}']")
        assert not target.locator(".listing").first.is_visible()
        link.click()
        target.locator(".listing").first.wait_for(state="visible")  # the page's script expands it
        target.locator("table.options").first.wait_for(state="visible")
        assert -1 < target.bounding_box()["y"] < 900
    for link in page.locator("nav a").all():
        assert page.locator(link.get_attribute("href")).is_visible()


def test_student_code_is_shown_as_text(page: Any) -> None:
    page.click("#open-all")
    shown = page.locator("details.work pre.code").all_inner_texts()
    for hostile in ('<script>document.title = "owned"</script>', "onerror=\"document.title = 'owned'\"", "[U+202E]"):
        assert any(hostile in text for text in shown)
    assert page.title() == "Evaluation: agreement of the grader with the TAs"
    assert page.locator("script").count() == 1 and page.locator("img:not(picture img)").count() == 0


def test_content_security_policy_blocks_an_injected_script(browser: Any, report: Path, tmp_path: Path) -> None:
    unescaped = report.read_text(encoding="utf-8").replace("</h1>", "</h1><script>document.title = 'owned'</script>")
    (tmp_path / "report.html").write_text(unescaped, encoding="utf-8")
    opened = browser.new_page()
    opened.goto((tmp_path / "report.html").as_uri())
    assert opened.title() == "Evaluation: agreement of the grader with the TAs"
    opened.close()


@pytest.mark.parametrize("width", [1280, 380])
def test_page_is_not_wider_than_its_window(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.click("#open-all")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_print_is_light_and_without_controls(page: Any) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible() and not page.locator("#open-all").is_visible()
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page") > 10
