"""An answer whose application was interrupted is completed once or discarded."""

from typing import Any

from serving.review.index import ReviewIndex
from serving.store.review.clarifications import Event
from tests.harness.browser.pages import COURSE
from tests.serving.web.clarifications.conftest import (
    ANSWER,
    AnsweredLab,
    interrupted,
    killed,
    press,
    regrade,
    rewrite,
    shown,
    shows,
)


def test_an_application_that_was_interrupted_is_completed_once(answered: AnsweredLab, monkeypatch: Any) -> None:
    found = interrupted(answered, monkeypatch)
    before = answered.ta.page
    assert answered.rubric()[0]["clarifications"] == [ANSWER]
    assert "Apply again" in shown(answered.ta, found)
    for _ in range(2):
        answered.ta.page = before
        assert answered.ta.submit("/apply").status_code == 200
    assert answered.rubric()[0]["clarifications"] == [ANSWER] and answered.ratings() == ["B"] * 6
    assert len(answered.store.read_grades(found.id)) == 6


def test_an_answer_that_is_being_applied_is_not_discarded(answered: AnsweredLab, monkeypatch: Any) -> None:
    interrupted(answered, monkeypatch)
    before = answered.ta.page
    assert answered.ta.submit("/discard").status_code == 409 and answered.clarification().last is Event.APPLYING
    answered.ta.page = before
    assert answered.ta.submit("/apply").status_code == 200 and answered.clarification().last is Event.APPLIED


def test_an_interrupted_application_is_completed_and_newer_grades_stay(answered: AnsweredLab, monkeypatch: Any) -> None:
    found = interrupted(answered, monkeypatch)
    regrade(answered, 0, 3)
    assert "2 submissions retain another grade" in shown(answered.ta, found) and shows(answered.ta) == {"apply"}
    assert press(answered.ta, found, "discard").status_code == 409
    for _ in range(2):
        assert press(answered.ta, found, "apply").status_code == 200
    assert answered.ratings() == ["C", "B", "B", "C", "B", "B"] and answered.clarification().last is Event.APPLIED
    assert len(answered.store.read_grades(found.id)) == 4 and answered.rubric()[0]["clarifications"] == [ANSWER]
    progress = answered.backend.jobs.progress(found.id)
    assert (progress.job.total, progress.graded, progress.state) == (4, 4, "done")
    assert "2 of the submissions" in shown(answered.ta, found) and shows(answered.ta) == set()
    assert answered.store.verify().faults == ()


def test_an_application_killed_before_the_text_and_overtaken_is_discarded(
    answered: AnsweredLab, monkeypatch: Any
) -> None:
    found = interrupted(answered, monkeypatch, "_write")
    regrade(answered, 1)
    shown(answered.ta, found)
    assert shows(answered.ta) == {"discard"} and press(answered.ta, found, "apply").status_code == 409
    assert answered.ta.submit("/discard").status_code == 200 and answered.clarification().last is Event.DISCARDED
    assert answered.ratings() == ["A", "C", "A", "A", "A", "A"] and "clarifications" not in answered.rubric()[0]


def test_completing_after_another_edit_of_the_rubric_replaces_no_grade(answered: AnsweredLab, monkeypatch: Any) -> None:
    found = interrupted(answered, monkeypatch)
    rewrite(answered, lambda rubric: rubric[1].update(clarifications=["Other."]))
    shown(answered.ta, found)
    assert shows(answered.ta) == {"apply"} and answered.ta.submit("/apply").status_code == 200
    assert answered.ratings() == ["A"] * 6 and answered.clarification().last is Event.APPLIED
    assert answered.rubric()[0]["clarifications"] == [ANSWER]


def test_an_interrupted_application_whose_text_was_removed_is_applied_or_discarded(
    answered: AnsweredLab, monkeypatch: Any
) -> None:
    found = interrupted(answered, monkeypatch)
    rewrite(answered, lambda rubric: rubric[0].pop("clarifications"))
    shown(answered.ta, found)
    assert shows(answered.ta) == {"apply", "discard"}
    assert answered.ta.submit("/discard").status_code == 200 and answered.ratings() == ["A"] * 6
    assert answered.clarification().last is Event.DISCARDED and answered.store.read_grades(found.id) == []


def test_completing_skips_changed_programs_and_forgotten_students(answered: AnsweredLab, monkeypatch: Any) -> None:
    found = interrupted(answered, monkeypatch)
    [program] = [each for each in answered.folder.rglob("*.c") if "s001" in str(each)]
    program.write_text("int main(void) { return 9; }\n")
    answered.store.forget_student("s002", COURSE, actor="test")
    shown(answered.ta, found)
    assert shows(answered.ta) == {"apply"} and answered.ta.submit("/apply").status_code == 200
    review = ReviewIndex(answered.store.database).lab(COURSE, "lab1")
    rated = {item.name: item.criteria[0].current for item in review.items.values()}
    assert rated == {"s000": "B", "s001": "A", "s003": "B", "s004": "B", "s005": "B"}
    assert answered.store.verify().faults == ()


def test_an_answer_that_could_not_be_written_can_be_discarded(answered: AnsweredLab, monkeypatch: Any) -> None:
    found = answered.answer()
    answered.grade(found)
    shown(answered.ta, found)
    before = answered.ta.page
    with monkeypatch.context() as patch:
        patch.setattr("serving.web.routes.rubrics.clarifications._write", killed)
        answered.ta.submit("/apply")
    answered.ta.page = before
    assert answered.ta.submit("/discard").status_code == 200 and answered.clarification().last is Event.DISCARDED
    assert answered.ratings() == ["A"] * 6 and "clarifications" not in answered.rubric()[0]
