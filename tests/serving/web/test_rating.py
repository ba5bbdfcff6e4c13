"""Rating a new lab on the pages: durable decisions, the next program, what was learned, without script."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.review.index import ReviewIndex
from serving.review.labelling.labelling import LabelState, Readiness, Stage, readiness
from serving.review.statistics import blind_agreement
from serving.store.access.roles import Role
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Forms, Visitor, pages_app, record_lab, visitor
from tests.harness.courses.lab_folders import write_lab
from tests.harness.courses.labelling import FakeLabelling, estimated

RATE = f"lab/rate?course={COURSE}&lab=lab1"


class Course:
    """A course with `lab1` in a folder; `lab` is as it was read."""

    def __init__(self, store: Store, lab: Lab, folder: Path) -> None:
        self.store, self.lab = store, lab
        write_lab(lab.model_copy(update={"human_grades": ()}), folder / "lab1")
        registry, self.folder = read_registry(folder)[0], folder / "lab1"
        store.create_key("platform", Role.PLATFORM, None, actor="test")
        self.labelling = FakeLabelling(["s002", "s000", "s003", "s001"])
        self.courses = OneCourse(COURSE, registry, folder)
        self.app = pages_app(store, self.courses, blind_share=0.0, labelling=self.labelling)

    def ta(self, name: str = "ta") -> Visitor:
        return visitor(self.app, self.store, name=name)

    def item(self, student: str) -> Any:
        review = ReviewIndex(self.store.database).lab(COURSE, "lab1")
        return next(each for each in review.items.values() if each.name == student)

    def decided(self, student: str) -> dict[str, str | None]:
        return {each.title: each.decision.rating for each in self.item(student).criteria}


@pytest.fixture
def course(store: Store, make_lab: Callable[..., Lab], tmp_path: Path) -> Course:
    return Course(store, make_lab(students=4), tmp_path / "labs")


def start(ta: Visitor) -> Visitor:
    ta.open(RATE)
    ta.submit("rate/start")
    return ta


def test_a_program_without_a_grade_is_rated_and_the_decision_is_the_tas(course: Course) -> None:
    ta = start(course.ta("Ada Meyer"))
    assert "s002" in ta.page.text and "more like it" in ta.page.text
    ta.submit("grades/", act="rate-0-1", **{"comment-0": "line 2"})
    ta.submit("grades/", act="rate-1-0")
    assert "Every criterion is rated" in ta.page.text and ta.page.url.path == "/app/lab/rate"
    item = course.item("s002")
    assert [each.decision.rating for each in item.criteria] == ["B", "A"]
    [first] = item.criteria[0].decision.active
    assert first.blind and first.shown_at and first.why == "line 2" and first.old is None
    assert {key.id: key.name for key in course.store.list_keys()}[first.actor] == "Ada Meyer"
    assert course.labelling.refreshed == 3  # the start, and every rating
    ta.open(RATE)
    assert "s000" in ta.page.text.split("<h1>")[1][:40]


def test_ratings_survive_a_restart_and_a_later_grade_of_a_model(course: Course) -> None:
    ta = start(course.ta())
    ta.submit("grades/", act="rate-0-2")
    record_lab(course.store, course.lab, request="later")
    assert course.decided("s002")[course.lab.criteria[0].title] == "C"
    course.labelling.now = LabelState()
    again = Visitor(pages_app(course.store, course.courses, labelling=course.labelling))
    again.client.cookies = ta.client.cookies
    again.open(RATE)
    assert "Start rating" in again.page.text and "s002" not in again.page.text
    again.submit("rate/start")
    assert "s002" in again.page.text  # its second criterion is not rated yet


def test_the_models_rating_is_never_shown_while_rating(course: Course) -> None:
    record_lab(course.store, course.lab, accept=0.0)
    ta = start(course.ta())
    for act in ("rate-0-0", "rate-1-0"):
        assert "<meter" not in ta.page.text and "accept-" not in ta.page.text
        ta.submit("grades/", act=act)
    assert "<meter" not in ta.page.text
    assert blind_agreement(ReviewIndex(course.store.database).lab(COURSE, "lab1"))[1] == 2


def test_opening_a_page_writes_nothing_and_starting_twice_adds_nothing(course: Course) -> None:
    ta = course.ta()
    ta.open(RATE)
    ta.open(f"lab?course={COURSE}&lab=lab1")
    assert not ReviewIndex(course.store.database).lab(COURSE, "lab1").items and course.labelling.refreshed == 0
    start(ta)
    grades = {each.grade for each in ReviewIndex(course.store.database).lab(COURSE, "lab1").items.values()}
    course.labelling.now = LabelState()
    start(ta)
    assert {each.grade for each in ReviewIndex(course.store.database).lab(COURSE, "lab1").items.values()} == grades
    assert len(grades) == 4


def test_changed_files_are_rated_again_and_a_models_grade_stays(course: Course) -> None:
    ta = start(course.ta())
    ta.submit("grades/", act="rate-0-0")
    [graded] = record_lab(
        course.store, course.lab.model_copy(update={"submissions": course.lab.submissions[:1]}), request="later"
    )
    for file in (course.folder / "submissions").rglob("main.c"):
        file.write_text("int main(void) { return 77; }\n")
    course.labelling.now = LabelState()
    start(ta)
    assert "s002" in ta.page.text and "77" in ta.page.text
    assert list(course.decided("s002").values()) == [None, None]
    assert course.item("s000").grade == graded


def test_a_rating_is_undone_and_the_program_comes_back(course: Course) -> None:
    ta = start(course.ta())
    for position in (0, 1):
        ta.submit("grades/", act=f"rate-{position}-0")
    ta.submit("grades/", act="undo-last")
    assert list(course.decided("s002").values()) == ["A", None]
    ta.open(RATE)
    assert "s002" in ta.page.text


def test_another_program_is_shown_and_two_tas_get_different_ones(course: Course) -> None:
    ada, ben = start(course.ta("Ada")), course.ta("Ben")
    ada.submit("grades/", act="rate-0-0")
    ben.open(RATE)
    assert "s000" in ben.page.text.split("<h1>")[1][:40]
    ada.open(f"{RATE}&after={course.item('s002').grade}")
    assert "s000" in ada.page.text.split("<h1>")[1][:40]


def test_two_tas_on_one_program_lose_neither_version(course: Course) -> None:
    ada, ben = start(course.ta("Ada")), course.ta("Ben")
    ben.open(RATE)
    ada.submit("grades/", act="rate-0-0")
    assert ben.submit("grades/", act="rate-0-1").status_code == 409
    ben.submit("grades/", act="rate-0-1")
    assert course.decided("s002")[course.lab.criteria[0].title] == "B"


def test_members_of_a_group_get_the_same_rating(store: Store, make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    lab = make_lab(students=2)
    first = lab.submissions[0].model_copy(update={"members": ("s000", "s009")})
    course = Course(store, lab.model_copy(update={"submissions": (first, *lab.submissions[1:])}), tmp_path / "labs")
    ta = start(course.ta())
    ta.submit("grades/", act="rate-0-1")
    assert course.decided("s009") == course.decided("s000")
    assert list(course.decided("s009").values()) == ["B", None]


def test_the_estimate_is_shown_with_its_interval_baseline_and_version(course: Course) -> None:
    course.labelling.now = LabelState(versions=(estimated(0.66, 4), estimated(0.81)))
    page = start(course.ta()).page.text
    assert "0.81 <small>0.71 to 0.91</small>" in page and "0.60" in page and "<code>aaaaaaaaaaaa</code>" in page
    assert "The rest can be graded." in page and "<polyline" in page and "style=" not in page


@pytest.mark.parametrize(
    ("agreement", "programs", "expected"),
    [(0.9, 9, Readiness.TOO_FEW), (0.74, 20, Readiness.TOO_LOW), (0.59, 20, Readiness.TOO_LOW), (0.75, 10, "ready")],
)
def test_readiness(agreement: float, programs: int, expected: str) -> None:
    assert readiness(estimated(agreement, programs).estimate, 0.5 if agreement < 0.6 else 0.75) == expected


def test_the_rest_is_graded_for_the_ta_who_asks(course: Course) -> None:
    course.labelling.now = LabelState(versions=(estimated(0.81),))
    ta = start(course.ta())
    ta.submit("rate/rest")
    assert len(course.labelling.graded_for) == 1 and course.item("s001").criteria[0].rating is None


def test_without_a_provider_the_page_names_the_command(course: Course) -> None:
    app = pages_app(course.store, course.courses)
    ta = visitor(app, course.store)
    assert "grader serve" in ta.open(RATE).text
    assert not [action for action, _ in Forms(ta.page.text).found if "start" in action]


def test_a_failure_is_shown_and_can_be_tried_again(course: Course) -> None:
    ta = start(course.ta())
    course.labelling.now = LabelState(Stage.FAILED, error="model <b>x</b> is not pulled")
    page = ta.open(RATE).text
    assert "model &lt;b&gt;x&lt;/b&gt; is not pulled" in page and "Try again" in page


def test_a_platform_key_and_another_course_see_no_rating_page(course: Course) -> None:
    other = visitor(course.app, course.store, course="cs999")
    assert other.open(RATE).status_code in (403, 404)
