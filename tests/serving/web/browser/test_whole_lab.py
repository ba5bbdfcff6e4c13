"""A TA reviews a lab of real submissions to its end: by keyboard, by roles and names alone, and without script.

The TA gives the ratings that the lab's own TA gave, so that every decision can be compared with what was intended.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.review.index import ReviewIndex
from tests.harness.browser.pages import COURSE
from tests.harness.browser.review_browser import Service, saved
from tests.harness.courses.real_lab import real_lab

Ratings = Mapping[str, str]
ALL = 75
SIZES = [pytest.param(2, marks=pytest.mark.slow), pytest.param(ALL, marks=pytest.mark.nightly)]
ANNOUNCED = """addEventListener("DOMContentLoaded", () => {
  window.announced = [];
  const watch = (node) => new MutationObserver(() => announced.push(node.textContent)).observe(
    node, { childList: true, characterData: true, subtree: true });
  document.querySelectorAll("[role=status], [role=alert], [aria-live]").forEach(watch);
});"""


class Review:
    """A lab under review. `waited`: student -> titles of the criteria that waited for a person."""

    def __init__(self, service: Service, lab: Lab) -> None:
        self.service, self.lab = service, lab
        items = self._items()
        self.waited = {item.name: [each.title for each in item.criteria if each.waits] for item in items}
        assert sum(map(len, self.waited.values())) > len(lab.submissions)

    def _items(self) -> list[Any]:
        return list(ReviewIndex(self.service.store.database).lab(COURSE, self.lab.name).items.values())

    def number(self, student: str, title: str) -> int:
        """The position of the rating that the TA gives."""
        given = self.lab.ratings_by_student[student][title]
        return [each.title for each in self.lab.criterion(title).ratings].index(given)

    def check(self) -> None:
        """Every criterion that waited has the intended decision, once and by this TA; the others have the model's."""
        ada = next(each.id for each in self.service.store.list_keys() if each.name == "Ada Meyer")
        items = self._items()
        assert len(items) == len(self.lab.submissions) and not any(item.waiting for item in items)
        for item in items:
            decided = {each.title: each.decision for each in item.criteria if each.decision.rating}
            given = {each.title: each.rating for each in item.criteria if each.title in decided}
            given |= {title: self.lab.ratings_by_student[item.name][title] for title in self.waited[item.name]}
            assert {title: each.rating for title, each in decided.items()} == given, item.name
            assert {record.actor for each in decided.values() for record in each.active} <= {ada}
            assert all(len(each.active) == 1 for each in decided.values()), item.name


@pytest.fixture
def review(start: Callable[..., Service], tmp_path: Path) -> Callable[[int], Review]:
    def review(submissions: int) -> Review:
        lab = real_lab(tmp_path, submissions)
        return Review(start(lab), lab)

    return review


@pytest.mark.parametrize("submissions", SIZES)
def test_a_ta_reviews_by_keyboard_alone(review: Callable[[int], Review], submissions: int) -> None:
    """Rates the marked criterion until the rest of the proposals is right, accepts these, and continues."""
    given = review(submissions)
    page = given.service.lab(given.service.page(), given.lab.name)
    tab_to(page, "Review the next submission")
    page.keyboard.press("Enter")
    page.wait_for_url("**/grades/*")
    for _ in range(submissions):
        student = page.inner_text("h1")
        while waiting := page.locator(".criterion.waits").all():
            titles = [each.locator("h2").inner_text() for each in waiting]
            if all(
                is_proposed(each, given.number(student, title)) for each, title in zip(waiting, titles, strict=True)
            ):
                page.keyboard.press("a")
            else:
                assert page.inner_text(".criterion.current h2") == titles[0]
                page.keyboard.press(str(given.number(student, titles[0]) + 1))
            saved(page)
        with page.expect_navigation():
            page.keyboard.press("j")
    assert "Nothing waits for a decision" in page.inner_text("main")
    given.check()


@pytest.mark.parametrize("submissions", SIZES)
def test_a_ta_reviews_by_roles_names_and_announcements_alone(review: Callable[[int], Review], submissions: int) -> None:
    given = review(submissions)
    page = given.service.page()
    page.add_init_script(ANNOUNCED)
    page.get_by_role("link", name=given.lab.name).press("Enter")
    page.get_by_role("link", name="Review the next submission").press("Enter")
    for number in range(submissions):
        student = page.get_by_role("heading", level=1).inner_text()
        assert page.get_by_role("region", name="Submitted files").get_by_role("region").count()
        for title in given.waited[student]:
            group = page.get_by_role("region", name="Rubric").get_by_role("group", name=title)
            button = group.get_by_role("button").nth(given.number(student, title))
            rating = given.lab.ratings_by_student[student][title]
            assert button.get_attribute("aria-pressed") == "false"
            button.press("Enter")
            page.wait_for_function("rated => announced.at(-1)?.includes(rated)", arg=f"Saved: {title} {rating}")
            assert group.get_by_role("button", pressed=True).count() == 1
        following = "Next" if number < submissions - 1 else "Back to the list"
        with page.expect_navigation():
            page.get_by_role("navigation", name="Submissions").get_by_role("link", name=following).press("Enter")
    page.get_by_text("Nothing waits for a decision.").wait_for()
    given.check()


@pytest.mark.parametrize("submissions", SIZES)
def test_a_ta_reviews_without_script(review: Callable[[int], Review], submissions: int) -> None:
    given = review(submissions)
    page = given.service.lab(given.service.page(java_script_enabled=False), given.lab.name)
    page.click("text=Review the next submission")
    for _ in range(submissions):
        student = page.inner_text("h1")
        for title in given.waited[student]:
            position = [each.title for each in given.lab.criteria].index(title)
            page.click(f"#c{position}-r{given.number(student, title)}")
        page.click(".steps [data-key=j]")
    assert "Nothing waits for a decision" in page.inner_text("main")
    given.check()


def tab_to(page: Any, text: str) -> None:
    while page.evaluate("document.activeElement.matches('a, button') && document.activeElement.innerText") != text:
        page.keyboard.press("Tab")


def is_proposed(criterion: Any, number: int) -> bool:
    return "proposed" in (criterion.locator(".choice").nth(number).get_attribute("class") or "")
