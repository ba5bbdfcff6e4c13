"""Forms from outdated pages: two TAs at once, forms sent again, regrades, and new submissions."""

from typing import Any

from labs_schema.models import SourceFile
from serving.jobs.repository import JobRepository
from serving.jobs.results.results import results
from serving.review.index import ReviewIndex
from serving.store.grades.overrides import Action
from tests.harness.browser.pages import COURSE, record_lab
from tests.serving.web.conftest import FIRST, SECOND, fields, other

Reviewed = Any


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
