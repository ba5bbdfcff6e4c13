"""Labelling sessions behind the pages, with made-up hidden states: refits in the background, and versions."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.heads import label_service as module
from grader.heads.base import HeadBase
from grader.heads.label_service import LabelService
from grader.heads.session import LabelSession
from labs_schema.errors import GraderError
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from prompts.base_models import BaseModelSource
from serving.jobs.in_process.ungraded_lab import add_ungraded
from serving.review.index import ReviewIndex
from serving.review.labelling.labelling import LabelState, LabPlace, Stage
from serving.review.labelling.proposed_grades import read_proposal
from serving.store.grades.choices import Choice
from serving.store.store import Store, open_store
from tests.harness.browser.pages import machine_grade
from tests.harness.courses.lab_folders import write_lab

COURSE = "cs101"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/store.db")
    yield opened
    opened.close()


@pytest.fixture
def place(labs: list[Lab], base: HeadBase, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LabPlace:
    """An unrated lab next to a rated one, in the review without grades."""
    write_lab(labs[0].model_copy(update={"human_grades": ()}), tmp_path / "labs" / "lab1")
    write_lab(labs[1], tmp_path / "labs" / "lab2")
    monkeypatch.setattr(module, "find_base", lambda name: BaseModelSource(name=name, source=name))
    monkeypatch.setattr(module, "open_base", lambda *_: base)
    lab = load_lab(tmp_path / "labs" / "lab1")
    add_ungraded(store, COURSE, lab, {each.folder for each in lab.submissions}, actor="ta")
    return LabPlace(COURSE, "lab1", tmp_path / "labs" / "lab1")


def settled(service: LabelService, place: LabPlace) -> LabelState:
    """The state once nothing is left to do."""
    until = time.monotonic() + 60
    while (state := service.state(place)).busy or service._waiting:
        assert time.monotonic() < until
        time.sleep(0.01)
    return state


def rate(store: Store, place: LabPlace, student: str, rating: str) -> None:
    review = ReviewIndex(store.database).lab(place.course, place.lab)
    [item] = [each for each in review.items.values() if each.name == student]
    choices = [Choice(grade=item.grade, criterion=each.title, rating=rating, blind=True) for each in item.criteria]
    store.record_choices(choices, request=f"request of {student} {rating}", actor="ada")


def test_each_rating_makes_a_version_and_a_restart_makes_none(place: LabPlace, store: Store) -> None:
    service = LabelService(store, "tiny")
    assert service.state(place).stage is Stage.CLOSED
    service.refresh(place)
    first = settled(service, place)
    assert first.stage is Stage.READY and first.programs == 20 and len(first.versions) == 1
    assert first.versions[0].estimate is None and len(first.proposals) == module.PROPOSED
    students = [each.student for each in first.proposals[:2]]
    for student in students:
        rate(store, place, student, "A")
        service.refresh(place)
        settled(service, place)
    state = service.state(place)
    estimates = [each.estimate.programs for each in state.versions if each.estimate]
    assert estimates == [1, 2] and len({each.head_hash for each in state.versions}) == 3
    assert not {each.student for each in state.proposals} & set(students)
    again = LabelService(store, "tiny")
    assert again.state(place).versions == state.versions  # on disk
    again.refresh(place)
    assert settled(again, place).versions == state.versions


def test_an_undone_rating_is_no_longer_learned_from(place: LabPlace, store: Store) -> None:
    service = LabelService(store, "tiny")
    rate(store, place, "s003", "A")
    service.refresh(place)
    assert settled(service, place).versions[-1].programs == 1
    review = ReviewIndex(store.database).lab(COURSE, "lab1")
    [item] = [each for each in review.items.values() if each.name == "s003"]
    undo = [
        Choice(grade=item.grade, criterion=each.title, action="undo", undone=each.decision.active[-1].id)
        for each in item.criteria
    ]
    store.record_choices(undo, request="request that undoes it", actor="ada")
    service.refresh(place)
    assert settled(service, place).versions[-1].programs == 0


def test_nothing_waits_for_a_fit(place: LabPlace, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    service, release, fit = LabelService(store, "tiny"), threading.Event(), LabelSession.refit
    service.refresh(place)
    settled(service, place)
    fits: list[int] = []

    def slow(session: LabelSession) -> Any:
        fits.append(1)
        release.wait(60)
        return fit(session)

    monkeypatch.setattr(LabelSession, "refit", slow)
    for student in ("s000", "s001", "s002", "s003"):
        rate(store, place, student, "A")
        service.refresh(place)  # returns although a fit is running
        while not fits:
            time.sleep(0.01)
    assert service.state(place).stage is Stage.FITTING and len(service.state(place).proposals) == module.PROPOSED
    release.set()
    assert settled(service, place).versions[-1].programs == 4
    assert len(fits) == 2  # ratings given during a fit share the next one


def test_ratings_of_other_labs_on_the_pages_are_learned_from(place: LabPlace, store: Store) -> None:
    other = place.folder.parent / "lab2"
    (other / "rubric_ratings.csv").unlink()
    lab = load_lab(other)
    add_ungraded(store, COURSE, lab, {each.folder for each in lab.submissions}, actor="ta")
    rate(store, LabPlace(COURSE, "lab2", other), "s001", "B")
    service = LabelService(store, "tiny")
    service.refresh(place)
    assert len(settled(service, place).versions) == 1  # without any rating there is nothing to fit


def test_a_base_model_that_is_missing_fails_with_its_hint(
    place: LabPlace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> None:
        raise GraderError("run grader model pull tiny", code="model-not-pulled")

    monkeypatch.setattr(module, "open_base", missing)
    service = LabelService(store, "tiny")
    service.refresh(place)
    state = settled(service, place)
    assert (state.stage, state.error) == (Stage.FAILED, "run grader model pull tiny")


def test_a_changed_lab_is_read_again(place: LabPlace, store: Store, make_lab: Callable[..., Lab]) -> None:
    service = LabelService(store, "tiny")
    service.refresh(place)
    assert settled(service, place).programs == 20
    write_lab(make_lab("lab1", students=22).model_copy(update={"human_grades": ()}), place.folder)
    service.refresh(place)
    assert settled(service, place).programs == 22


def test_the_rest_is_graded_as_a_proposal_and_no_grade_changes(
    place: LabPlace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Graded:
        """Fails on one submission."""

        def grade(self, lab: Lab, submissions: Any) -> list[Any]:
            if any(each.student == "s004" for each in submissions):
                raise ValueError(submissions)
            return [machine_grade(lab, each) for each in submissions]

        def provenance(self, lab: Lab, submission: Any) -> Any:
            return machine_grade(lab, submission).provenance

        def close(self) -> None: ...

    monkeypatch.setattr(module, "load_grader", lambda *_: Graded())
    monkeypatch.setattr("grader.heads.run.save_run", lambda *_: Path("run"))
    service = LabelService(store, "tiny")
    rate(store, place, "s003", "A")
    service.grade_rest(place, actor="ada")
    version = settled(service, place).versions[-1]
    found = read_proposal(store, COURSE, "lab1")
    assert found and found.proposal.version == version and found.proposal.actor == "ada"
    ratings = {each.student: [answer.rating for answer in each.criteria] for each in found.grades}
    assert len(ratings) == 20 and ratings["s004"] == [None, None] and None not in ratings["s005"]
    review = ReviewIndex(store.database).lab(COURSE, "lab1")
    assert not any(item.program for item in review.items.values())
