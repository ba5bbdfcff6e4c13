"""A lab about which the model hesitates, and its doubts and answers on the pages."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.grades import Status
from labs_schema.models import Lab
from labs_schema.observations import EvidenceLine, Outcome
from labs_schema.reading.validate import load_lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.engines.engine import LabelScores, ScoreRequest
from serving.jobs.chunk import grade_chunk
from serving.jobs.worker.backend import WorkerBackend
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
    """An answer whose application was killed in `step`: `_write` before the text is written, `complete` after it.

    The TA still has the page with both buttons.
    """
    found = answered.answer()
    answered.grade(found)
    shown(answered.ta, found)
    assert shows(answered.ta) == {"apply", "discard"}
    before = answered.ta.page
    with monkeypatch.context() as patch:
        patch.setattr(f"serving.web.routes.rubrics.clarifications.{step}", killed)
        assert answered.ta.submit("/apply").status_code == 500
    assert answered.clarification().last is Event.APPLYING
    answered.ta.page = before
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


def killed(*_: Any, **__: Any) -> None:
    raise RuntimeError("killed")
