"""Decisions with plain forms: ratings, comments, acceptance, undo, and forms that are refused."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from labs_schema.models import Lab
from serving.jobs.repository import JobRepository
from serving.store.access.roles import Role
from serving.store.grades.overrides import Action
from serving.store.store import Store
from serving.store.tables import audit
from tests.harness.browser.pages import COURSE, Forms, pages_app, record_lab, visitor
from tests.serving.web.conftest import FIRST, SECOND, fields, other

Reviewed = Any


def test_a_rating_is_saved_with_its_comment_and_shown(reviewed: Reviewed) -> None:
    ta, grade = reviewed.ta("Ada Meyer"), reviewed.grades[0]
    before = reviewed.ratings()[FIRST]
    rating = other(reviewed.lab, 0, before)
    ta.open(f"grades/{grade}")
    page = ta.submit("grades/", act=f"rate-0-{rating}", **{"comment-0": "line 2: wrong\r\nresult", "comment-1": ""})
    assert page.status_code == 200 and page.url.path == f"/app/grades/{grade}" and "Ada Meyer" in page.text
    decided = reviewed.store.read_history(grade).decisions[FIRST]
    new = reviewed.lab.criteria[0].ratings[rating].title
    assert (decided.rating, decided.comment, decided.active[0].old) == (new, "line 2: wrong\nresult", before)
    assert fields(ta)["comment-0"] == "line 2: wrong\nresult"
    assert SECOND not in reviewed.store.read_history(grade).decisions


def test_every_comment_is_saved_with_any_button(reviewed: Reviewed) -> None:
    ta = reviewed.ta()
    ta.open(f"grades/{reviewed.grades[0]}")
    ta.submit("grades/", act="rate-0-0", **{"comment-1": "half a thought"})
    assert reviewed.store.read_history(reviewed.grades[0]).decisions[SECOND].comment == "half a thought"
    ta.submit("grades/", act="comment", **{"comment-1": ""})
    assert reviewed.store.read_history(reviewed.grades[0]).decisions[SECOND].comment == ""


def test_proposals_are_accepted_in_one_step_and_undone_in_one(reviewed: Reviewed) -> None:
    ta, grade = reviewed.ta(), reviewed.grades[0]
    ta.open(f"grades/{grade}")
    ta.submit("grades/", act="accept-all")
    history = reviewed.store.read_history(grade)
    machine = {each.criterion: each.rating for each in history.grade.grade.criteria}
    assert {title: each.rating for title, each in history.decisions.items()} == machine
    assert {each.action for each in history.overrides} == {Action.ACCEPT}
    ta.submit("grades/", act="undo-last")
    assert all(each.rating is None for each in reviewed.store.read_history(grade).decisions.values())


def test_undo_restores_the_previous_decision_and_its_comment(reviewed: Reviewed) -> None:
    ta, grade = reviewed.ta(), reviewed.grades[0]
    ta.open(f"grades/{grade}")
    ta.submit("grades/", act="rate-0-0", **{"comment-0": "first"})
    ta.submit("grades/", act="rate-0-1", **{"comment-0": "second"})
    ta.submit("grades/", act="undo-0")
    decided = reviewed.store.read_history(grade).decisions[FIRST]
    assert (decided.rating, decided.comment) == ("A", "first")
    ta.submit("grades/", act="undo-0")
    assert reviewed.store.read_history(grade).decisions[FIRST].rating is None
    assert len(reviewed.store.read_history(grade).overrides) == 4


def test_opening_pages_writes_nothing(reviewed: Reviewed) -> None:
    ta = reviewed.ta()

    def entries() -> int:
        with reviewed.store.database.reading() as connection:
            count: int = connection.execute(select(func.count()).select_from(audit)).scalar_one()
        return count

    before = entries()
    for path in ("", "lab?course=cs101&lab=lab1", f"grades/{reviewed.grades[0]}", "statistics?course=cs101&lab=lab1"):
        assert ta.open(path).status_code == 200, path
    assert entries() == before


def test_another_courses_ta_sees_and_changes_nothing(reviewed: Reviewed) -> None:
    ta, mine = visitor(reviewed.app, reviewed.store, "ta", "cs999"), reviewed.ta()
    mine.open(f"grades/{reviewed.grades[0]}")
    assert ta.open(f"grades/{reviewed.grades[0]}").status_code == 404
    assert ta.open("lab?course=cs101&lab=lab1").status_code == 403
    given = fields(mine) | {"csrf": Forms(ta.open("sign-in").text).found[0][1]["csrf"], "act": "rate-0-0"}
    assert ta.client.post(f"/app/grades/{reviewed.grades[0]}", data=given).status_code == 404
    assert reviewed.store.read_history(reviewed.grades[0]).overrides == ()


@pytest.mark.parametrize(
    "changes",
    [
        {"act": "rate-0-9"}, {"act": "rate-9-0"}, {"act": "erase"}, {"act": None}, {"request": "x"},
        {"shown": "forged"},
        {"revision-0": "x"}, {"revision-0": None, "revision-1": None}, {"act": "undo-0"},
    ],
)  # fmt: skip
def test_a_forged_form_changes_nothing(reviewed: Reviewed, changes: dict[str, str | None]) -> None:
    ta = reviewed.ta()
    ta.open(f"grades/{reviewed.grades[0]}")
    page = ta.submit("grades/", **({"act": "rate-0-0"} | changes))
    assert page.status_code == 422
    assert reviewed.store.read_history(reviewed.grades[0]).overrides == ()


def test_the_form_of_another_submission_is_refused(reviewed: Reviewed) -> None:
    ta = reviewed.ta()
    ta.open(f"grades/{reviewed.grades[0]}")
    given = fields(ta) | {"act": "rate-0-0"}
    assert ta.client.post(f"/app/grades/{reviewed.grades[1]}", data=given).status_code == 422
    assert reviewed.store.read_history(reviewed.grades[1]).overrides == ()


def test_a_long_comment_is_refused_and_shown(reviewed: Reviewed) -> None:
    ta = reviewed.ta()
    ta.open(f"grades/{reviewed.grades[0]}")
    page = ta.submit("grades/", act="comment", **{"comment-0": "long " * 3000})
    assert page.status_code == 413 and "long long" in page.text


def test_an_ended_session_does_not_lose_the_comment(reviewed: Reviewed) -> None:
    ta = reviewed.ta()
    ta.open(f"grades/{reviewed.grades[0]}")
    ta.client.cookies.clear()
    page = ta.submit("grades/", act="comment", **{"comment-0": "typed for minutes"})
    assert page.status_code == 401 and "typed for minutes" in page.text
    token, _ = reviewed.store.create_key("again", Role.TA, COURSE, actor="test")
    page = ta.submit("sign-in", key=token)
    assert page.url.path == f"/app/grades/{reviewed.grades[0]}"


def test_group_members_get_the_decision_unless_they_have_another(store: Store, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=1)
    work = lab.submissions[0].model_copy(update={"members": ("s000", "s001", "s002")})
    group = lab.model_copy(update={"submissions": (work,)})
    store.create_key("x", Role.TA, None, actor="test")
    job = JobRepository(store.database).add(COURSE, group, actor="test")
    copies = tuple(work.model_copy(update={"student": s, "folder": s, "members": ()}) for s in work.members)
    grades = record_lab(store, lab.model_copy(update={"submissions": copies}), request=job.id)
    store.record_override(grades[2], FIRST, "C", "alone", request="own", actor="test")
    ta = visitor(pages_app(store, blind_share=0.0), store)
    assert "Group work" in ta.open(f"grades/{grades[0]}").text
    ta.submit("grades/", act="rate-0-1")
    assert [store.read_history(each).ratings[FIRST] for each in grades] == ["B", "B", "C"]
    ta.submit("grades/", act="undo-0")
    assert [store.read_history(each).decisions[FIRST].rating for each in grades] == [None, None, "C"]
