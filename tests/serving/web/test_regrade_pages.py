"""A student's feedback page by link, its regrade requests, and the queue in which TAs answer them."""

from datetime import timedelta
from typing import Any

import pytest

from labs_schema.grades import Status
from labs_schema.models import Lab
from serving.store.access.roles import Role
from serving.store.access.student_links import LinkOptions, StudentLinks
from serving.store.grades.regrade_requests import LIMITS, RegradeRequests
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Visitor, pages_app, record_lab, visitor

COMPILES, READABLE = "Does it compile?", "Is it readable?"
ACCEPTED = {"status": Status.ACCEPTED, "review_reasons": ()}


class Pages:
    """Grades of a lab: all criteria are accepted, except the second of the second student."""

    def __init__(self, store: Store, lab: Lab) -> None:
        self.store = store
        store.create_key("platform", Role.PLATFORM, None, actor="test")
        one = lab.model_copy(update={"submissions": lab.submissions[:1]})
        two = lab.model_copy(update={"submissions": lab.submissions[1:2]})
        self.grade = record_lab(store, one, c0={**ACCEPTED, "rating": "A"}, c1=ACCEPTED)[0]
        self.open_grade = record_lab(store, two, request="job2", c0=ACCEPTED)[0]
        self.app = pages_app(store, blind_share=0.0)
        self.requests = RegradeRequests(store.database)

    def link(self, grade: str, days: float = 1, **options: bool) -> str:
        links = StudentLinks(self.store.database)
        return links.create(grade, timedelta(days=days), LinkOptions(**options), actor="test")[0]

    def student(self, grade: str, **options: bool) -> Visitor:
        found = Visitor(self.app)
        found.open(f"feedback?link={self.link(grade, **options)}")
        return found


@pytest.fixture
def pages(store: Store, make_lab: Any) -> Pages:
    return Pages(store, make_lab(students=2))


def test_a_student_sees_their_own_feedback_without_signing_in(pages: Pages) -> None:
    student = pages.student(pages.grade)
    assert student.page.status_code == 200
    assert "s000" in student.page.text and COMPILES in student.page.text and "s001" not in student.page.text
    assert "Probabilities" not in student.page.text
    assert "Probabilities" in pages.student(pages.grade, probabilities=True).page.text


def test_feedback_waits_for_review_unless_the_link_includes_it(pages: Pages) -> None:
    waiting = pages.student(pages.open_grade)
    assert waiting.page.status_code == 200 and COMPILES not in waiting.page.text and "<form" not in waiting.page.text
    assert "provisional" in pages.student(pages.open_grade, include_review=True).page.text
    pages.store.record_override(pages.open_grade, READABLE, "A", "Fine names.", request="r", actor="ta")
    assert "Fine names." in pages.student(pages.open_grade).page.text


@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000])
def test_a_wrong_or_expired_link_opens_nothing(pages: Pages, token: str) -> None:
    student = Visitor(pages.app)
    assert student.open(f"feedback?link={token}").status_code == 404
    assert student.open(f"feedback?link={pages.link(pages.grade, days=-1)}").status_code == 404


def test_a_request_is_made_answered_and_shown(pages: Pages) -> None:
    student, ta = pages.student(pages.grade), visitor(pages.app, pages.store)
    page = student.submit("feedback/requests", criterion=COMPILES, text="It <b>does</b> compile.")
    assert page.status_code == 200 and "It &lt;b&gt;does&lt;/b&gt; compile." in page.text
    assert ta.open(f"regrade-requests?course={COURSE}").status_code == 200
    assert "It &lt;b&gt;does" in ta.page.text and "s000" in ta.page.text
    assert ta.submit("regrade-requests/", act="grant", rating="C", answer="You are right.").status_code == 200
    assert "It &lt;b&gt;does" not in ta.page.text
    assert pages.store.read_history(pages.grade).ratings[COMPILES] == "C"
    assert "You are right." in ta.open(f"regrade-requests?course={COURSE}&state=answered").text
    student.open(str(student.page.url))
    assert "You are right." in student.page.text and "New rating: C" in student.page.text


def test_declining_leaves_the_rating_and_a_second_answer_is_refused_with_its_text(pages: Pages) -> None:
    pages.requests.submit(pages.grade, COMPILES, "Please.", request="q", actor="moodle")
    first, second = visitor(pages.app, pages.store), visitor(pages.app, pages.store)
    for each in (first, second):
        each.open(f"regrade-requests?course={COURSE}")
    assert first.submit("regrade-requests/", act="decline", answer="No.").status_code == 200
    page = second.submit("regrade-requests/", act="grant", rating="B", answer="My long answer.")
    assert page.status_code == 409 and "My long answer." in page.text
    assert pages.store.read_history(pages.grade).overrides == ()


def test_sending_a_form_twice_counts_once(pages: Pages) -> None:
    student = pages.student(pages.grade)
    before = student.page
    for _ in range(2):
        student.page = before
        assert student.submit("feedback/requests", criterion=COMPILES, text="Once.").status_code == 200
    assert len(pages.requests.of_grade(pages.grade)) == 1


def test_wrong_forms_record_nothing(pages: Pages) -> None:
    student = pages.student(pages.grade)
    before = student.page
    for wrong in (
        {"text": " "},
        {"text": "x" * (LIMITS.text_chars + 1)},
        {"request": "short"},
        {"criterion": "Is it fast?"},
        {"csrf": "forged"},
        {"link": "forged"},
    ):
        student.page = before
        assert student.submit("requests", **{"criterion": COMPILES, "text": "x", **wrong}).status_code >= 400
    assert pages.requests.of_grade(pages.grade) == []
    made = pages.requests.submit(pages.grade, COMPILES, "Please.", request="q", actor="moodle")
    ta = visitor(pages.app, pages.store)
    ta.open(f"regrade-requests?course={COURSE}")
    queue = ta.page
    for wrong in ({"act": "grant", "rating": ""}, {"act": "grant", "rating": "Z"}, {"act": "delete"}):
        ta.page = queue
        assert ta.submit("regrade-requests/", **wrong).status_code >= 400
    assert pages.requests.read(made.id).answer is None


def test_the_queue_needs_a_ta_of_the_course(pages: Pages) -> None:
    assert "sign-in" in str(Visitor(pages.app).open(f"regrade-requests?course={COURSE}").url)
    assert visitor(pages.app, pages.store).open("regrade-requests?course=cs999").status_code == 403


def test_a_forgotten_students_link_shows_nothing(pages: Pages) -> None:
    token = pages.link(pages.grade)
    pages.store.forget_student("s000", actor="admin")
    assert Visitor(pages.app).open(f"feedback?link={token}").status_code == 410


def test_the_pages_of_a_lab_count_its_open_requests(pages: Pages) -> None:
    pages.requests.submit(pages.grade, COMPILES, "Please.", request="q1", actor="moodle")
    made = pages.requests.submit(pages.grade, READABLE, "This one, too.", request="q2", actor="moodle")
    ta = visitor(pages.app, pages.store)
    assert "2 open" in ta.open("").text
    assert '2<span class="off-screen"> open' in ta.open(f"lab?course={COURSE}&lab=lab1").text
    assert "Please." in ta.open(f"regrade-requests?course={COURSE}&lab=lab1").text
    assert "Please." not in ta.open(f"regrade-requests?course={COURSE}&lab=lab2").text
    ta.open(f"regrade-requests?course={COURSE}&lab=lab1")
    page = ta.submit(made.id, act="decline", answer="No.")
    assert "lab=lab1" in str(page.url) and "This one" not in page.text and "Please." in page.text
    assert pages.requests.open_counts(COURSE) == {"lab1": 1} and pages.requests.open_counts("cs999") == {}
