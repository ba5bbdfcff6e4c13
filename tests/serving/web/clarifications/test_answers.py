"""A doubt about the rubric is answered once; the answer is a proposal until a person applies it to the lab."""

from typing import Any

import pytest

from labs_schema.hashes import rubric_hash
from labs_schema.reading.validate import load_lab
from labs_schema.rubrics.clarifying import add_clarification
from serving.review.doubts import doubts
from serving.review.index import ReviewIndex
from serving.store.review.clarifications import Clarifications
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, record_lab, visitor
from tests.serving.web.clarifications.conftest import (
    ACCEPTED,
    ANSWER,
    FIRST,
    HERE,
    HESITATES,
    SECOND,
    AnsweredLab,
    press,
    shown,
    shows,
)


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
