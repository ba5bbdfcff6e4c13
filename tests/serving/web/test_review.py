"""Reviewing with plain forms: decisions, comments, undo, conflicts, blind ratings and lists."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from labs_schema.models import Lab, SourceFile, UnreadableSubmission
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from serving.jobs.repository import JobRepository
from serving.jobs.results import results
from serving.review.index import ReviewIndex
from serving.review.statistics import statistics
from serving.store.overrides import Action
from serving.store.roles import Role
from serving.store.store import Store
from serving.store.tables import audit
from tests.harness.pages import COURSE, Forms, Visitor, pages_app, record_lab, visitor

Reviewed = Any
FIRST, SECOND = "Does it compile?", "Is it readable?"


def other(lab: Lab, criterion: int, rating: str | None) -> int:
    """The position of a rating that is not `rating`."""
    return next(i for i, each in enumerate(lab.criteria[criterion].ratings) if each.title != rating)


def fields(page: Visitor) -> dict[str, str]:
    return next(given for action, given in Forms(page.page.text).found if "/grades/" in action)


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


def test_two_tas_at_once_see_both_versions_and_lose_neither(reviewed: Reviewed) -> None:
    ada, ben, grade = reviewed.ta("Ada"), reviewed.ta("Ben"), reviewed.grades[0]
    ada.open(f"grades/{grade}")
    ben.open(f"grades/{grade}")
    ada.submit("grades/", act="rate-0-0", **{"comment-0": "by Ada"})
    page = ben.submit("grades/", act="rate-0-1", **{"comment-0": "by Ben", "comment-1": "also by Ben"})
    assert page.status_code == 409 and "by Ada" in page.text and "by Ben" in page.text
    history = reviewed.store.read_history(grade)
    assert (history.decisions[FIRST].rating, history.decisions[FIRST].comment) == ("A", "by Ada")
    assert history.decisions[SECOND].comment == "also by Ben"  # no one else changed this criterion
    lost = [each for each in history.overrides if each.action is Action.CONFLICT]
    assert [(each.new, each.why) for each in lost] == [("B", "by Ben")]


def test_apply_mine_after_a_conflict_replaces_the_saved_version(reviewed: Reviewed) -> None:
    ada, ben, grade = reviewed.ta("Ada"), reviewed.ta("Ben"), reviewed.grades[0]
    for each in (ada, ben):
        each.open(f"grades/{grade}")
    ada.submit("grades/", act="rate-0-0")
    ben.submit("grades/", act="rate-0-1", **{"comment-0": "by Ben"})
    page = ben.submit("grades/", act="rate-0-1")
    decided = reviewed.store.read_history(grade).decisions[FIRST]
    assert page.status_code == 200 and (decided.rating, decided.comment) == ("B", "by Ben")


def test_a_form_sent_twice_is_recorded_once(reviewed: Reviewed) -> None:
    ta, grade = reviewed.ta(), reviewed.grades[0]
    page = ta.open(f"grades/{grade}")
    for _ in range(2):
        ta.page = page
        assert ta.submit("grades/", act="rate-0-1", **{"comment-0": "once"}).status_code == 200
    assert len(reviewed.store.read_history(grade).overrides) == 1


def test_an_old_form_with_another_choice_is_a_conflict(reviewed: Reviewed) -> None:
    ta, grade = reviewed.ta(), reviewed.grades[0]
    page = ta.open(f"grades/{grade}")
    ta.submit("grades/", act="rate-0-0")
    ta.page = page  # the back button
    assert ta.submit("grades/", act="rate-0-1").status_code == 409
    assert reviewed.ratings()[FIRST] == "A"


def test_a_regrade_leaves_decisions_and_a_page_opened_before_conflicts(reviewed: Reviewed) -> None:
    ta, late = reviewed.ta(), reviewed.ta("late")
    grade = reviewed.grades[0]
    late.open(f"grades/{grade}")
    ta.open(f"grades/{grade}")
    rating = other(reviewed.lab, 0, reviewed.ratings()[FIRST])
    ta.submit("grades/", act=f"rate-0-{rating}", **{"comment-0": "stays"})
    new = record_lab(reviewed.store, reviewed.lab, request="job2", seed=5)[0]
    decided = reviewed.store.read_history(new)
    assert decided.decisions[FIRST].comment == "stays"
    assert decided.ratings[FIRST] == reviewed.lab.criteria[0].ratings[rating].title
    page = ta.open(f"grades/{grade}")
    assert page.url.path == f"/app/grades/{new}" and fields(ta)["comment-0"] == "stays"
    page = late.submit("grades/", act="rate-1-0")
    assert page.status_code == 409 and reviewed.store.read_history(new).decisions[SECOND].rating is None


def test_a_regrade_job_exports_the_decisions(reviewed: Reviewed) -> None:
    ta = reviewed.ta()
    ta.open(f"grades/{reviewed.grades[0]}")
    rating = other(reviewed.lab, 0, reviewed.ratings()[FIRST])
    ta.submit("grades/", act=f"rate-0-{rating}")
    jobs = JobRepository(reviewed.store.database)
    job = jobs.add(COURSE, reviewed.lab, actor="test", job_id="job2")
    record_lab(reviewed.store, reviewed.lab, request="job2", seed=5)
    found = {each.grade.student: each for each in results(reviewed.store, jobs.job(job.id))}
    student = reviewed.lab.submissions[0].student
    assert found[student].ratings[FIRST] == reviewed.lab.criteria[0].ratings[rating].title
    assert found[student].overridden == (FIRST,)


def test_a_new_submission_is_decided_again(reviewed: Reviewed) -> None:
    ta = reviewed.ta()
    ta.open(f"grades/{reviewed.grades[0]}")
    ta.submit("grades/", act="rate-0-0")
    changed = reviewed.lab.submissions[0].model_copy(update={"files": (SourceFile(path="main.c", text="int x;\n"),)})
    lab = reviewed.lab.model_copy(update={"submissions": (changed,)})
    [new] = record_lab(reviewed.store, lab, request="job2")
    assert reviewed.store.read_history(new).decisions == {}
    item = ReviewIndex(reviewed.store.database).lab(COURSE, "lab1").items[new]
    assert item.decided == 0


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


def test_a_hidden_rating_is_nowhere_on_the_page_until_chosen(store: Store, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=1)
    store.create_key("x", Role.TA, None, actor="test")
    [grade] = record_lab(store, lab)
    ta = visitor(pages_app(store, blind_share=1.0), store)
    for path in (f"grades/{grade}", "lab?course=cs101&lab=lab1"):
        page = ta.open(path).text
        assert not any(sign in page for sign in ("<meter", 'value="accept', "proposed", "probability")), path
    assert ">0 submissions<" in ta.open("lab?course=cs101&lab=lab1&show=all&rating=A").text
    ta.open(f"grades/{grade}")
    assert ta.submit("grades/", act="accept-0").status_code == 422
    ta.open(f"grades/{grade}")
    page = ta.submit("grades/", act="rate-0-0")
    assert page.text.count("<meter") == 3  # the other criterion is still hidden
    record = store.read_history(grade).overrides[0]
    assert record.blind and record.shown_at
    ta.submit("grades/", act="undo-0")
    ta.submit("grades/", act="rate-0-1")
    assert not store.read_history(grade).overrides[-1].blind


def test_agreement_counts_first_blind_decisions_only(store: Store, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=6)
    store.create_key("x", Role.TA, None, actor="test")
    grades = record_lab(store, lab)
    for share, number in ((1.0, 0), (1.0, 1), (0.0, 2)):
        ta = visitor(pages_app(store, blind_share=share), store)
        machine = store.read_history(grades[number]).ratings[FIRST]
        chosen = other(lab, 0, machine) if number == 1 else "ABC".index(machine or "A")
        ta.open(f"grades/{grades[number]}")
        ta.submit("grades/", act=f"rate-0-{chosen}")
    found = statistics(ReviewIndex(store.database).lab(COURSE, "lab1"))
    assert (found.blind.decisions, found.blind.share.value, found.seen.decisions) == (2, 0.5, 1)
    assert found.gap.value == 0.5 and found.timed == 3


def test_blind_mode_is_the_visitors_own_choice(reviewed: Reviewed) -> None:
    ta, other_ta = reviewed.ta(), reviewed.ta("other")
    ta.open("lab?course=cs101&lab=lab1")
    ta.submit("blind")
    assert "<meter" not in ta.open(f"grades/{reviewed.grades[0]}").text
    assert "<meter" in other_ta.open(f"grades/{reviewed.grades[0]}").text
    ta.submit("grades/", act="rate-0-0")
    assert reviewed.store.read_history(reviewed.grades[0]).overrides[0].blind


def test_accepting_all_above_the_threshold_is_one_undoable_step(store: Store, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=6)
    store.create_key("x", Role.TA, None, actor="test")
    grades = record_lab(store, lab, accept=0.6)
    app = pages_app(store, blind_share=0.0)
    ta, second = visitor(app, store), visitor(app, store)
    accepted = sum(
        each.accepted
        for item in ReviewIndex(store.database).lab(COURSE, "lab1").items.values()
        for each in item.criteria
    )
    assert 0 < accepted < 12
    ta.open("lab?course=cs101&lab=lab1")
    ta.submit("lab/accept")
    review = ReviewIndex(store.database).lab(COURSE, "lab1")
    assert sum(item.decided for item in review.items.values()) == accepted
    item = next(each for each in review.items.values() if each.decided)
    position = next(i for i, each in enumerate(item.criteria) if each.decision.rating)
    rating = other(lab, position, item.criteria[position].rating)
    second.open(f"grades/{item.grade}")
    second.submit("grades/", act=f"rate-{position}-{rating}")
    ta.open("lab?course=cs101&lab=lab1")
    ta.submit("lab/undo")
    review = ReviewIndex(store.database).lab(COURSE, "lab1")
    assert sum(each.decided for each in review.items.values()) == 1  # the second TA's decision stays
    assert review.items[item.grade].criteria[position].decision.rating == lab.criteria[position].ratings[rating].title
    assert len(grades) == 6 and store.verify().faults == ()


def test_lists_are_filtered_by_the_url_and_paged(store: Store, make_lab: Callable[..., Lab]) -> None:
    store.create_key("x", Role.TA, None, actor="test")
    record_lab(store, make_lab(students=120), accept=0.5)
    ta = visitor(pages_app(store, blind_share=0.0), store)
    pages = [ta.open(f"lab?course=cs101&lab=lab1&show=all&order=student&page={n}").text for n in (1, 2, 3)]
    assert [page.count('<th scope="row">') for page in pages] == [50, 50, 20]
    assert "s000" in pages[0] and "s119" in pages[2]
    review = ReviewIndex(store.database).lab(COURSE, "lab1")
    waiting = sum(each.waiting > 0 for each in review.items.values())
    assert f">{waiting} submissions<" in ta.open("lab?course=cs101&lab=lab1").text
    assert ">1 submission<" in ta.open("lab?course=cs101&lab=lab1&show=all&search=S007").text
    with_a = sum(any(c.current == "A" and c.title == SECOND for c in each.criteria) for each in review.items.values())
    page = ta.open(f"lab?course=cs101&lab=lab1&show=all&rating=A&criterion={SECOND}").text
    assert f">{with_a} submissions<" in page
    assert ta.open("lab?course=cs101&lab=lab1&show=nonsense&order=x&page=9").status_code == 200
    assert ta.open("lab?course=cs101&lab=lab1&page=0").status_code == 422
    assert ta.open("lab?course=cs101&lab=none").status_code == 404


def test_next_leads_through_all_that_waits_once(reviewed: Reviewed) -> None:
    ta = reviewed.ta()
    page, seen = ta.open("lab?course=cs101&lab=lab1").text, []
    path = page.partition('class="button primary" href="')[2].partition('"')[0]
    while "/grades/" in path:
        ta.open(path)
        seen.append(path.rpartition("/")[2])
        text = ta.submit("grades/", act="accept-all").text  # decided submissions leave the list
        path = text.partition('rel="next" data-key="j" href="')[2].partition('"')[0]
    assert sorted(seen) == sorted(reviewed.grades)
    assert "Nothing waits for a decision" in ta.open("lab?course=cs101&lab=lab1").text


def test_a_forgotten_student_leaves_the_lists(reviewed: Reviewed) -> None:
    ta = reviewed.ta()
    assert "s003" in ta.open("lab?course=cs101&lab=lab1").text
    reviewed.store.forget_student("s003", actor="test")
    assert "s003" not in ta.open("lab?course=cs101&lab=lab1").text
    assert ta.open(f"grades/{reviewed.grades[3]}").status_code == 404


def test_students_without_a_program_are_listed_and_can_be_rated(store: Store, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=2)
    absent = UnreadableSubmission(student="s900", folder="s900", code="no-program", reason="no source file")
    lab = lab.model_copy(update={"unreadable": (absent,)})
    store.create_key("x", Role.TA, None, actor="test")
    job = JobRepository(store.database).add(COURSE, lab, actor="test")
    record_lab(store, lab, request=job.id)
    ta = visitor(pages_app(store, blind_share=0.0), store)
    assert "s900" in ta.open("lab?course=cs101&lab=lab1&show=ungraded").text
    grade = next(g for g, each in ReviewIndex(store.database).lab(COURSE, "lab1").items.items() if each.name == "s900")
    assert "no-program: no source file" in ta.open(f"grades/{grade}").text
    ta.submit("grades/", act="rate-0-2")
    assert store.read_history(grade).ratings[FIRST] == "C"


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


def test_the_page_counts_passed_tests_and_shows_the_failed_ones(store: Store, make_lab: Callable[..., Lab]) -> None:
    lab = make_lab(students=1)
    passed = CheckResult(check="three", kind=CheckKind.TEST, outcome=Outcome.PASSED)
    failed = CheckResult(
        check="<b>zero</b>", kind=CheckKind.TEST, outcome=Outcome.FAILED, input="0", expected="1", actual="<i>7</i>"
    )
    observations = SubmissionObservations(submission="0" * 64, results=(passed, failed))
    submission = lab.submissions[0].model_copy(update={"observations": observations})
    store.create_key("platform", Role.PLATFORM, None, actor="test")
    [grade] = record_lab(store, lab.model_copy(update={"submissions": (submission,)}))
    page = visitor(pages_app(store), store).open(f"grades/{grade}").text
    assert "1 of 2 tests passed" in page and "&lt;b&gt;zero&lt;/b&gt;: failed" in page
    assert "&lt;i&gt;7&lt;/i&gt;" in page and "hidden from students" in page
