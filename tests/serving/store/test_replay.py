"""Replaying stored grades with their rubric and program; differences are reported."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grader.regrade.replay import replay
from labs_schema.models import Person
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import with_redactions
from serving.scoring.triage import Thresholds
from serving.store.errors import ForgottenError
from serving.store.store import Store, open_store


@pytest.fixture
def stored(tmp_path: Path, hand: Any, fake_grader: Any) -> Iterator[tuple[Store, str]]:
    """A store and the id of a grade by `fake_grader`."""
    store = open_store(f"sqlite:///{tmp_path}/grader.db")
    work = hand.written_by(store.pseudonym_for("cs101", "s1", actor="api"), "int a;\n")
    [grade_id] = store.record_grades(hand.lab, [work], fake_grader.grade(hand.lab, [work]), request="r", actor="job")
    assert grade_id is not None
    yield store, grade_id
    store.close()


def test_same_grader_gives_same_grade(stored: tuple[Store, str], fake_grader: Any) -> None:
    replayed = replay(*stored, fake_grader)
    assert replayed.same and replayed.gap == 0 and replayed.provenance == replayed.answers == ()


def test_other_engine_version_is_reported(stored: tuple[Store, str], fake_grader: Any) -> None:
    fake_grader.engine.version = "2"
    replayed = replay(*stored, fake_grader)
    assert [(each.what, each.then, each.now) for each in replayed.provenance] == [("engine_version", "1", "2")]
    assert not replayed.same and replayed.answers == ()


def test_other_rating_is_reported_by_criterion(stored: tuple[Store, str], fake_grader: Any) -> None:
    first = fake_grader.engine.answer
    fake_grader.engine.answer = lambda request: type(first(request))(first(request).logprobs[::-1])
    fake_grader.thresholds = Thresholds(calibrated=False)
    replayed = replay(*stored, fake_grader)
    assert "Does it compile?: rating" in {each.what for each in replayed.answers}
    assert [each.what for each in replayed.provenance] == ["settings_hash"]
    assert replayed.gap == pytest.approx(5 / 6)


def test_reasoning_is_replayed(tmp_path: Path, hand: Any, fake_grader: Any) -> None:
    store = open_store(f"sqlite:///{tmp_path}/grader.db")
    work = hand.written_by(store.pseudonym_for("cs101", "s1", actor="api"), "int a;\n")
    given = fake_grader.grade(hand.lab, [work], reasoning=True)
    [grade_id] = store.record_grades(hand.lab, [work], given, request="r", actor="job")
    assert grade_id is not None and replay(store, grade_id, fake_grader).same
    store.close()


def test_forgotten_grade_cannot_be_replayed(stored: tuple[Store, str], fake_grader: Any) -> None:
    stored[0].forget_student("s1", actor="admin")
    with pytest.raises(ForgottenError):
        replay(*stored, fake_grader)


def test_redactions_are_repeated_without_the_roster(tmp_path: Path, hand: Any, fake_grader: Any) -> None:
    store = open_store(f"sqlite:///{tmp_path}/grader.db")
    text = "/* Mario Rossi */ int a;\n"
    work = hand.written_by(store.pseudonym_for("cs101", "s1", actor="api"), text)
    named = with_redactions(work, "C", NameMatcher([Person(first="Mario", last="Rossi")]))
    [grade_id] = store.record_grades(hand.lab, [named], fake_grader.grade(hand.lab, [named]), request="r", actor="job")
    assert grade_id is not None
    submission = store.read_submission(grade_id)
    assert submission is not None and submission.files[0].text == text and submission.redactions == ("Mario Rossi",)
    requests = len(fake_grader.engine.calls)
    assert replay(store, grade_id, fake_grader).same
    shown = [
        fake_grader.encoder._tokenizer.decode(each.prompt)
        for asking in fake_grader.engine.calls[requests:]
        for each in asking
    ]
    assert shown and all("/* student */" in each and "Rossi" not in each for each in shown)
    store.close()
