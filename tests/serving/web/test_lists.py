"""Lists of submissions: filters, pages, order, acceptance of many, students without a program; test results."""

from collections.abc import Callable
from typing import Any

from labs_schema.models import Lab, UnreadableSubmission
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from serving.jobs.repository import JobRepository
from serving.review.index import ReviewIndex
from serving.store.access.roles import Role
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, pages_app, record_lab, visitor
from tests.serving.web.conftest import FIRST, SECOND, other

Reviewed = Any


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
