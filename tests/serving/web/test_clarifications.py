"""A doubt about the rubric is answered once; the answer is a proposal until a person applies it to the lab."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.grades import Status
from labs_schema.hashes import rubric_hash
from labs_schema.models import Lab
from labs_schema.observations import EvidenceLine, Outcome
from labs_schema.reading.validate import load_lab
from labs_schema.rubrics.clarifying import add_clarification
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.engines.engine import LabelScores, ScoreRequest
from serving.jobs.chunk import grade_chunk
from serving.jobs.worker.backend import WorkerBackend
from serving.review.doubts import doubts
from serving.review.index import ReviewIndex
from serving.scheduler.engine_thread import EngineThread
from serving.store.access.roles import Role
from serving.store.review.clarifications import Clarification, Clarifications, Event
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Forms, Visitor, pages_app, record_lab, visitor
from tests.harness.courses.lab_folders import write_lab

FIRST, SECOND = "Does it compile?", "Is it readable?"
HERE = f"lab/doubts?course={COURSE}&lab=lab1"
ANSWER = "A warning about an unused variable is still an A."
FAILED = (EvidenceLine(check="build", outcome=Outcome.FAILED),)
HESITATES = {"rating": "A", "probabilities": {"A": 0.5, "B": 0.4, "C": 0.1}, "evidence": FAILED}
ACCEPTED = {"status": Status.ACCEPTED, "review_reasons": (), "rating": "A"}


class AnsweredLab:
    """Six submissions about which the model hesitates between A and B; with an answer in the rubric it gives B."""

    def __init__(self, store: Store, lab: Lab, folder: Path, engine: Any, grader: Any) -> None:
        self.store, self.folder = store, folder / "labs" / "lab1"
        write_lab(lab, self.folder)
        self.lab = load_lab(self.folder)
        engine.answer = _answer
        self.thread = EngineThread(lambda: grader)
        self.backend = WorkerBackend(store, folder / "labs", self.thread)
        store.create_key("platform", Role.PLATFORM, None, actor="test")
        self.grades = record_lab(store, self.lab, c0=HESITATES, c1=ACCEPTED)
        registry = read_registry(self.folder.parent)[0]
        self.app = pages_app(store, OneCourse(COURSE, registry, self.folder.parent), blind_share=0.0)
        self.ta = visitor(self.app, store, name="Ada")

    def answer(self, **fields: str) -> Clarification:
        assert self.ta.open(HERE).status_code == 200
        assert self.ta.submit("lab/doubts", **{"text": ANSWER, "scope": "these", **fields}).status_code == 200
        return self.clarification()

    def clarification(self) -> Clarification:
        return Clarifications(self.store.database).of_lab(COURSE, "lab1")[0]

    def grade(self, found: Clarification) -> None:
        """The chunks of the job, as by a worker."""
        job = self.backend.jobs.job(found.job)
        for number in range(job.chunks):
            grade_chunk(self.backend, job.id, number)
        self.backend.jobs.finish(job)

    def ratings(self, title: str = FIRST) -> list[str | None]:
        review = ReviewIndex(self.store.database).lab(COURSE, "lab1")
        by_name = {item.name: item for item in review.items.values()}
        items = [by_name[each.student] for each in self.lab.submissions]
        return [next(each.current for each in item.criteria if each.title == title) for item in items]

    def rubric(self) -> Any:
        return json.loads((self.folder / "rubrics.json").read_text())


def _answer(request: ScoreRequest) -> LabelScores:
    assert request.query is not None and request.query.lab.name == "lab1"
    best = 1 if request.query.criterion.clarifications else 0
    return LabelScores(tuple(-0.1 if i == best else -4.0 for i in range(len(request.labels))))


@pytest.fixture
def answered(store: Store, make_lab: Callable[..., Lab], tmp_path: Path, fake_engine: Any, fake_grader: Any) -> Any:
    found = AnsweredLab(store, make_lab(), tmp_path, fake_engine, fake_grader)
    yield found
    found.thread.close()


def shown(visitor: Visitor, found: Clarification) -> str:
    page = visitor.open(f"clarifications/{found.id}")
    assert page.status_code == 200
    return page.text


def shows(visitor: Visitor) -> set[str]:
    """The buttons of an answer's page."""
    return {each[0].rpartition("/")[2] for each in Forms(visitor.page.text).found if "/clarifications/" in each[0]}


def press(visitor: Visitor, found: Clarification, button: str) -> Any:
    """Sends the form of a button that the page may no longer have."""
    fields = {"csrf": Forms(visitor.page.text).found[-1][1]["csrf"]}
    return visitor.client.post(f"/app/clarifications/{found.id}/{button}", data=fields)


def interrupted(answered: AnsweredLab, monkeypatch: Any, step: str = "complete") -> Clarification:
    """An answer whose application was killed in `step`: `_write` before the text is written, `complete` after it."""
    found = answered.answer()
    answered.grade(found)
    shown(answered.ta, found)
    assert shows(answered.ta) == {"apply", "discard"}
    with monkeypatch.context() as patch:
        patch.setattr(f"serving.web.routes.rubrics.clarifications.{step}", _killed)
        assert answered.ta.submit("/apply").status_code == 500
    assert answered.clarification().last is Event.APPLYING
    return found


def regrade(answered: AnsweredLab, *numbers: int) -> None:
    """Some submissions get newer grades, with rating C."""
    submissions = tuple(answered.lab.submissions[each] for each in numbers)
    lab = load_lab(answered.folder).model_copy(update={"submissions": submissions})
    record_lab(answered.store, lab, request="job2", c0={"rating": "C"})


def rewrite(answered: AnsweredLab, change: Callable[[Any], None]) -> None:
    rubric = answered.rubric()
    change(rubric)
    (answered.folder / "rubrics.json").write_text(json.dumps(rubric))


def test_a_doubt_names_the_criterion_the_two_ratings_and_what_is_shared(answered: AnsweredLab) -> None:
    review = ReviewIndex(answered.store.database).lab(COURSE, "lab1")
    [found] = doubts(answered.store.database, review, lambda *_: False)
    assert (found.criterion, found.lower, found.upper, found.shared) == (FIRST, "A", "B", ("build: failed",))
    assert len(found.grades) == 6
    page = answered.ta.open(HERE).text
    assert "6 submissions" in page and "build: failed" in page
    assert doubts(answered.store.database, review, lambda *_: True) == []  # nothing that is hidden from a visitor


def test_the_same_two_ratings_without_outcomes_and_reasons_are_no_doubt(store: Store, make_lab: Any) -> None:
    record_lab(store, make_lab(), c0={**HESITATES, "evidence": ()}, c1=ACCEPTED)
    review = ReviewIndex(store.database).lab(COURSE, "lab1")
    assert len(review.items) == 6 and doubts(store.database, review, lambda *_: False) == []


def test_an_answer_changes_nothing_before_it_is_applied(answered: AnsweredLab) -> None:
    before = (answered.folder / "rubrics.json").read_bytes()
    found = answered.answer()
    assert "0 of 6 submissions graded again" in shown(answered.ta, found)
    answered.grade(found)
    page = shown(answered.ta, found)
    assert "6 <small>of 12</small>" in page and "s003" in page and "Apply to the lab" in page
    assert answered.ratings() == ["A"] * 6 and (answered.folder / "rubrics.json").read_bytes() == before
    assert f"/clarification/{found.id}" not in answered.ta.open("").text  # no lab of its own
    assert answered.store.verify().faults == ()


def test_applied_the_answer_is_in_the_rubric_and_decisions_stay(answered: AnsweredLab) -> None:
    answered.ta.open(f"grades/{answered.grades[0]}")
    found = answered.answer()
    answered.store.record_override(answered.grades[0], FIRST, "C", "No.", request="r", actor="ta")
    answered.grade(found)
    page = shown(answered.ta, found)
    assert "5 <small>of 12</small>" in page
    assert answered.ta.submit("/apply").status_code == 200 and "Applied by Ada" in answered.ta.page.text
    assert answered.ratings() == ["C", *["B"] * 5] and answered.ratings(SECOND) == ["A"] * 6
    assert answered.rubric()[0]["clarifications"] == [ANSWER]
    review = ReviewIndex(answered.store.database).lab(COURSE, "lab1")
    assert {rubric_hash(review.rubrics[item.rubric]) for item in review.items.values()} == {
        rubric_hash(load_lab(answered.folder))
    }
    assert answered.store.read_history(answered.grades[0]).decisions[FIRST].rating == "C"
    assert ANSWER in answered.ta.open(f"grades/{answered.grades[1]}").text
    assert answered.store.verify().faults == ()


def test_a_discarded_answer_changes_nothing_and_cannot_be_applied(answered: AnsweredLab) -> None:
    found = answered.answer()
    answered.grade(found)
    shown(answered.ta, found)
    before = answered.ta.page
    assert "Discarded by Ada" in answered.ta.submit("/discard").text
    answered.ta.page = before
    assert answered.ta.submit("/apply").status_code == 409
    assert answered.ratings() == ["A"] * 6 and "clarifications" not in answered.rubric()[0]


def test_an_application_that_was_interrupted_is_completed_once(answered: AnsweredLab, monkeypatch: Any) -> None:
    found = answered.answer()
    answered.grade(found)
    shown(answered.ta, found)
    before = answered.ta.page
    with monkeypatch.context() as patch:
        patch.setattr("serving.web.routes.rubrics.clarifications.complete", _killed)
        assert answered.ta.submit("/apply").status_code == 500
    assert answered.rubric()[0]["clarifications"] == [ANSWER] and answered.clarification().last is Event.APPLYING
    assert "Apply again" in shown(answered.ta, found)
    for _ in range(2):
        answered.ta.page = before
        assert answered.ta.submit("/apply").status_code == 200
    assert answered.rubric()[0]["clarifications"] == [ANSWER] and answered.ratings() == ["B"] * 6
    assert len(answered.store.read_grades(found.id)) == 6


def _killed(*_: Any, **__: Any) -> None:
    raise RuntimeError("killed")


def test_an_answer_sent_again_after_it_was_applied_leads_to_it(answered: AnsweredLab) -> None:
    answered.ta.open(HERE)
    before = answered.ta.page
    for _ in range(2):
        answered.ta.page = before
        page = answered.ta.submit("lab/doubts", text=ANSWER, scope="these")
        found = answered.clarification()
        assert page.status_code == 200 and page.url.path.endswith(found.id)
        if found.last is None:
            answered.grade(found)
            shown(answered.ta, found)
            assert answered.ta.submit("/apply").status_code == 200
    assert answered.ratings() == ["B"] * 6
    [_] = Clarifications(answered.store.database).of_lab(COURSE, "lab1")


def test_an_answer_that_is_being_applied_is_not_discarded(answered: AnsweredLab, monkeypatch: Any) -> None:
    found = answered.answer()
    answered.grade(found)
    shown(answered.ta, found)
    before = answered.ta.page
    with monkeypatch.context() as patch:
        patch.setattr("serving.web.routes.rubrics.clarifications.complete", _killed)
        assert answered.ta.submit("/apply").status_code == 500
    answered.ta.page = before
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
        patch.setattr("serving.web.routes.rubrics.clarifications._write", _killed)
        answered.ta.submit("/apply")
    answered.ta.page = before
    assert answered.ta.submit("/discard").status_code == 200 and answered.clarification().last is Event.DISCARDED
    assert answered.ratings() == ["A"] * 6 and "clarifications" not in answered.rubric()[0]


def test_a_rubric_or_grade_changed_meanwhile_is_not_overwritten(answered: AnsweredLab) -> None:
    found = answered.answer()
    answered.grade(found)
    record_lab(answered.store, answered.lab, request="job2", c0={"rating": "C"})
    shown(answered.ta, found)
    assert shows(answered.ta) == {"discard"}
    assert press(answered.ta, found, "apply").status_code == 409 and answered.ratings() == ["C"] * 6
    assert "clarifications" not in answered.rubric()[0] and answered.clarification().last is None


def test_sending_an_answer_twice_counts_once_and_an_interrupted_start_is_resumed(answered: AnsweredLab) -> None:
    answered.ta.open(HERE)
    before = answered.ta.page
    for _ in range(2):
        answered.ta.page = before
        assert answered.ta.submit("lab/doubts", text=ANSWER, scope="all").status_code == 200
    [found] = Clarifications(answered.store.database).of_lab(COURSE, "lab1")
    lost = Clarifications(answered.store.database).add(
        (COURSE, "lab1"), FIRST, "Other.", found.grades, request="another-request", actor="ta"
    )
    assert "has not started" in shown(answered.ta, lost)
    assert shows(answered.ta) == {"start", "discard"}
    assert "0 of 6" in answered.ta.submit("/start").text and shows(answered.ta) == {"discard"}
    assert answered.ta.submit("/discard").status_code == 200 and shows(answered.ta) == set()


def test_wrong_answers_and_strangers_are_refused(answered: AnsweredLab) -> None:
    answered.ta.open(HERE)
    before = answered.ta.page
    for wrong in ({"text": " "}, {"text": "x" * 2001}, {"doubt": "x"}, {"scope": "some"}, {"request": "x"}):
        answered.ta.page = before
        assert answered.ta.submit("lab/doubts", **{"text": ANSWER, "scope": "these", **wrong}).status_code >= 400
    answered.ta.page = before
    assert answered.ta.submit("lab/doubts", text=ANSWER, scope="these", doubt="x").status_code == 409
    assert Clarifications(answered.store.database).of_lab(COURSE, "lab1") == []
    found = answered.answer()
    stranger = visitor(answered.app, answered.store, course="cs999")
    assert stranger.open(HERE).status_code == 403
    assert stranger.open(f"clarifications/{found.id}").status_code == 404


@pytest.mark.parametrize("text", ['[{"title": "a", "ratings": []}, // note\n]', "[]", "{}", "nonsense"])
def test_a_rubric_with_comments_is_not_rewritten(text: str) -> None:
    with pytest.raises(ValueError):
        add_clarification(text, 0, ANSWER)
