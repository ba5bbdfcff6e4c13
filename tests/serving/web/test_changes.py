"""Proposed grades of a lab: the changes, putting them in use, and taking them back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.jobs.in_process.ungraded_lab import add_ungraded
from serving.jobs.job import work_hash
from serving.jobs.repository import JobRepository
from serving.review.index import LabReview, ReviewIndex
from serving.review.labelling.proposed_grades import Proposal, read_proposal, write_proposal
from serving.store.access.roles import Role
from serving.store.exports import erase_from_exports
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Forms, Visitor, machine_grade, pages_app, record_lab, visitor
from tests.harness.courses.lab_folders import write_lab

CHANGES = f"lab/changes?course={COURSE}&lab=lab1"


class Course:
    """`lab1` in a folder, and a proposal of grades for it. `seed`: of the proposed ratings."""

    def __init__(self, store: Store, lab: Lab, folder: Path) -> None:
        self.store, self.folder = store, folder / "lab1"
        write_lab(lab, self.folder)
        self.lab = load_lab(self.folder)
        store.create_key("platform", Role.PLATFORM, None, actor="test")
        self.app = pages_app(store, OneCourse(COURSE, read_registry(folder)[0], folder), blind_share=0.0)

    def ta(self) -> Visitor:
        return visitor(self.app, self.store)

    def propose(self, seed: int, name: str = "p1") -> None:
        grades = [machine_grade(self.lab, each, seed=seed) for each in self.lab.submissions]
        proposal = Proposal(
            id=name * 8, course=COURSE, lab="lab1", model="runs/new", model_hash="c" * 64, work=work_hash(self.lab),
            version=None, at="2026-01-01T00:00:00+00:00", actor="someone",
        )  # fmt: skip
        write_proposal(self.store, proposal, grades)

    def review(self) -> LabReview:
        return ReviewIndex(self.store.database).lab(COURSE, "lab1")

    def ratings(self) -> dict[tuple[str | None, str], str | None]:
        return {(i.name, c.title): c.current for i in self.review().items.values() for c in i.criteria}

    def proposed(self, seed: int) -> dict[tuple[str | None, str], str | None]:
        graded = ((s, machine_grade(self.lab, s, seed=seed)) for s in self.lab.submissions)
        return {(student, c.criterion): c.rating for s, g in graded for student in s.students for c in g.criteria}


@pytest.fixture
def course(store: Store, make_lab: Callable[..., Lab], tmp_path: Path) -> Course:
    return Course(store, make_lab(students=12), tmp_path / "labs")


def test_nothing_changes_before_the_grades_are_put_in_use(course: Course) -> None:
    record_lab(course.store, course.lab)
    course.propose(1)
    before, proposed = course.ratings(), course.proposed(1)
    page = course.ta().open(CHANGES).text
    differing = sum(before[key] != proposed[key] for key in before)
    assert differing > 0 and f"<dd>{differing} <small>of {len(before)}</small></dd>" in page
    assert page.count('<th scope="row">') == differing and course.ratings() == before


def test_the_shown_grades_are_put_in_use_once_and_decisions_stay(course: Course) -> None:
    [grade, *_] = record_lab(course.store, course.lab)
    title = course.lab.criteria[0].title
    course.store.record_override(grade, title, "C", "by Ada", request="r1", actor="ada")
    course.propose(1)
    ta = course.ta()
    page = ta.open(CHANGES)
    for _ in range(2):  # a double click
        ta.page = page
        assert ta.submit("lab/changes").status_code == 200
    proposed = course.proposed(1)
    first = course.lab.submissions[0].student
    assert course.ratings() == {**proposed, (first, title): "C"}
    assert {item.request for item in course.review().items.values()} == {"p1" * 8}
    assert len(JobRepository(course.store.database).all(COURSE)) == 1


def test_undo_brings_the_earlier_grades_back_except_newer_ones(course: Course) -> None:
    record_lab(course.store, course.lab)
    before = course.ratings()
    course.propose(1)
    ta = course.ta()
    ta.open(CHANGES)
    ta.submit("lab/changes")
    title, first = course.lab.criteria[0].title, course.lab.submissions[0]
    item = next(each for each in course.review().items.values() if each.name == first.student)
    course.store.record_override(item.grade, title, "B", "", request="r2", actor="ada")
    last = course.lab.model_copy(update={"submissions": course.lab.submissions[-1:]})
    record_lab(course.store, last, request="regraded since", seed=2)
    newer = {key: rating for key, rating in course.ratings().items() if key[0] == last.submissions[0].student}
    ta.open(CHANGES)
    page = ta.submit("changes/undo")
    assert page.status_code == 200 and "this was undone" in page.text
    assert course.ratings() == {**before, **newer, (first.student, title): "B"}
    assert not [action for action, _ in Forms(page.text).found if "changes" in action]


def test_first_grades_taken_back_are_ungraded_again(course: Course) -> None:
    add_ungraded(course.store, COURSE, course.lab, {s.folder for s in course.lab.submissions[:6]}, actor="ta")
    course.propose(1)
    ta = course.ta()
    ta.open(CHANGES)
    ta.submit("lab/changes")
    assert course.ratings() == course.proposed(1)
    ta.open(CHANGES)
    ta.submit("changes/undo")
    assert set(course.ratings().values()) == {None} and len(course.review().items) == 12


def test_an_outdated_proposal_is_refused(course: Course) -> None:
    record_lab(course.store, course.lab)
    before = course.ratings()
    course.propose(1)
    ta = course.ta()
    ta.open(CHANGES)
    course.propose(2, "p2")
    assert ta.submit("lab/changes").status_code == 409
    page = ta.open(CHANGES)
    file = next((course.folder / "submissions").rglob("main.c"))
    file.write_text(f"{file.read_text()}\n/* changed */\n")
    assert ta.submit("lab/changes").status_code == 409 and course.ratings() == before
    assert "have changed since" in ta.open(CHANGES).text and "Use these grades" in page.text


def test_a_forgotten_student_is_erased_from_the_proposal(course: Course) -> None:
    course.propose(1)
    [export] = course.store.list_exports(COURSE)
    erased = erase_from_exports(["s003"], [export.path])
    found: Any = read_proposal(course.store, COURSE, "lab1")
    assert not erased.left and len(found.grades) == 11 and found.proposal.model_hash == "c" * 64


def test_blind_criteria_are_not_listed(course: Course) -> None:
    record_lab(course.store, course.lab)
    course.propose(1)
    app = pages_app(course.store, OneCourse(COURSE, read_registry(course.folder.parent)[0]), blind_share=1.0)
    page = visitor(app, course.store).open(CHANGES).text
    assert '<th scope="row">' not in page and "without seeing the model" in page


def test_names_of_courses_and_labs_stay_inside_the_folder(store: Store) -> None:
    from serving.review.labelling.proposed_grades import lab_folder

    assert store.database.folder
    for name in ("..", "../../etc", "/etc", ".", "a/b", "-"):
        folder = lab_folder(store, name, name).resolve()
        assert folder.parent.parent == (store.database.folder / "labels").resolve()
