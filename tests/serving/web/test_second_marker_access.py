"""A second marker reads no rating of a submission before they have rated it, on any page and in any API response."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from labs_schema.models import Lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.jobs.repository import JobRepository
from serving.review.index import LabReview, ReviewIndex
from serving.review.team.sharing import second_markers, second_sample
from serving.review.team.team import Marking, NewAssignment, Team
from serving.store.access.roles import Role
from serving.store.grades.regrade_requests import RegradeRequests
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Visitor, pages_app, record_lab
from tests.harness.courses.lab_folders import write_lab

FIRST, SECOND = "Does it compile?", "Is it readable?"
LAB = f"course={COURSE}&lab=lab1"
SECRET = "because of line 2"


class Marked:
    """s000 and s001 have the same program, which Ben is to rate as s000's second marker. Ada rated both, with `SECRET`
    as comment. `api(path)`: what Ben's key gets."""

    def __init__(self, store: Store, lab: Lab, folder: Any) -> None:
        files = lab.submissions[0].files
        submissions = (lab.submissions[0], lab.submissions[1].model_copy(update={"files": files}), *lab.submissions[2:])
        self.store, self.lab = store, lab.model_copy(update={"submissions": submissions})
        write_lab(self.lab, folder / "lab1")
        self.job = JobRepository(store.database).add(COURSE, self.lab, actor="test")
        self.grades = record_lab(store, self.lab, request=self.job.id)
        self.token, key = store.create_key("Ben", Role.TA, COURSE, actor="test")
        store.create_key("Ada", Role.TA, COURSE, actor="test")
        ada = next(each.id for each in store.list_keys() if each.name == "Ada")
        for grade in self.grades[:2]:
            store.record_override(grade, FIRST, "C", SECRET, request=f"r{grade}", actor=ada)
        new = [NewAssignment(grade=self.grades[0], ta=key.id, known=10**6)]
        assert Team(store.database).assign(new, Marking.SECOND, request="second-marking", actor=ada) == []
        self.regrade = RegradeRequests(store.database).submit(self.grades[0], FIRST, "Why?", request="q", actor="test")
        self.app = pages_app(store, OneCourse(COURSE, read_registry(folder)[0], folder), blind_share=0.0)
        self.ben = Visitor(self.app).sign_in(self.token)

    def api(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.ben.client.request(method, path, headers=headers, **options)

    def review(self) -> LabReview:
        return ReviewIndex(self.store.database).lab(COURSE, "lab1")

    def rate(self) -> None:
        self.ben.open(f"second-markings/{self.grades[0]}")
        assert self.ben.submit("second-markings/", **{"rating-0": "2", "rating-1": "0"}).status_code == 200


@pytest.fixture
def marked(store: Store, make_lab: Callable[..., Lab], tmp_path: Any) -> Marked:
    return Marked(store, make_lab(), tmp_path / "labs")


def requests(marked: Marked) -> list[tuple[str, str, dict[str, Any]]]:
    """Every request of a TA's key whose response has a rating of the submission."""
    grade, equal, regrade, job = marked.grades[0], marked.grades[1], marked.regrade.id, marked.job.id
    override = {"json": {"criterion": FIRST, "rating": "A"}}
    return [
        ("GET", f"/grades/{grade}", {}),
        ("GET", f"/grades/{equal}", {}),
        ("POST", f"/grades/{grade}/overrides", override),
        ("POST", f"/grades/{grade}/regrade-requests", {"json": {"criterion": SECOND, "text": "Why?"}}),
        ("POST", f"/grades/{grade}/student-links", {"json": {}}),
        ("GET", f"/regrade-requests/{regrade}", {}),
        ("POST", f"/regrade-requests/{regrade}/answer", {"json": {"rating": None}}),
        ("GET", f"/jobs/{job}/grades.jsonl", {}),
        ("GET", f"/jobs/{job}/rubric_ratings.csv", {}),
        ("GET", f"/jobs/{job}/comparison", {}),
    ]


def test_the_api_withholds_ratings_until_the_second_marker_has_rated(marked: Marked) -> None:
    before = marked.store.verify().head
    for method, path, options in requests(marked):
        refused = marked.api(method, path, **options)
        assert (refused.status_code, refused.json()["code"]) == (409, "second-marking-open"), path
        assert SECRET not in refused.text
    assert marked.api("GET", "/regrade-requests").json()["requests"] == []
    assert marked.store.verify().head == before
    assert marked.api("GET", f"/grades/{marked.grades[2]}").status_code == 200
    marked.rate()
    for method, path, options in requests(marked):
        assert marked.api(method, path, **options).status_code in (200, 201), path
    assert [each["id"] for each in marked.api("GET", "/regrade-requests").json()["requests"]][:1] == [marked.regrade.id]


def test_a_second_marker_reads_no_earlier_grade_of_the_submission(marked: Marked) -> None:
    record_lab(marked.store, marked.lab, request="job2")
    for method, path, options in requests(marked)[:3]:
        assert marked.api(method, path, **options).json()["code"] == "second-marking-open", path


def test_another_tas_key_reads_all_ratings(marked: Marked) -> None:
    marked.token = marked.store.create_key("Cy", Role.TA, COURSE, actor="test")[0]
    for method, path, options in requests(marked):
        assert marked.api(method, path, **options).status_code in (200, 201), path


def test_every_page_withholds_ratings_until_the_second_marker_has_rated(marked: Marked) -> None:
    grade, equal = marked.grades[:2]
    for path in (f"grades/{grade}", f"grades/{equal}", f"lab/rate?{LAB}&grade={grade}"):
        page = marked.ben.open(path)
        assert page.url.path == f"/app/second-markings/{grade}" or page.status_code == 200, path
        assert SECRET not in page.text and "by Ada" not in page.text, path
    pages = [
        *(f"lab?{LAB}&show={show}" for show in ("all", "differs", "decided", "review")),
        f"lab/groups?{LAB}",
        f"lab/groups/{equal}?{LAB}",
        f"lab/assignments?{LAB}",
        f"lab/doubts?{LAB}",
        f"lab/changes?{LAB}",
        f"lab/second-markings?{LAB}",
        f"second-markings/{grade}",
        f"statistics?{LAB}",
        f"regrade-requests?course={COURSE}",
        "",
    ]
    for path in pages:
        page = marked.ben.open(path)
        assert page.status_code == 200 and SECRET not in page.text and "<b>C</b>" not in page.text, path
    assert f"/grades/{equal}" not in marked.ben.open(f"lab/groups?{LAB}").text
    row = marked.ben.open(f"lab?{LAB}&show=all&search=s001").text.partition("<tbody>")[2]
    assert row.count("hidden until") == 2
    marked.rate()
    assert SECRET in marked.ben.open(f"grades/{equal}").text


def test_forms_about_a_withheld_submission_record_nothing(marked: Marked) -> None:
    marked.ben.open(f"grades/{marked.grades[2]}")
    before = marked.store.verify().head
    page = marked.ben.page
    assert marked.ben.client.post(f"/app/grades/{marked.grades[1]}", data={}).status_code >= 400
    marked.ben.page = page
    form = {"course": COURSE, "act": "decline", "answer": "No.", "request": "0123456789abcdef"}
    csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
    answered = marked.ben.client.post(f"/app/regrade-requests/{marked.regrade.id}", data={**form, "csrf": csrf})
    assert answered.status_code == 409 and marked.store.verify().head == before


def test_of_equal_programs_one_is_second_marked_by_a_ta_who_has_rated_none(marked: Marked) -> None:
    review = marked.review()
    drawn = second_sample(review, 1.0, "1")
    assert len(drawn) == 5 and len({item.program for item in drawn}) == 5
    ada = next(each.id for each in marked.store.list_keys() if each.name == "Ada")
    given = second_markers(review, drawn, [ada])
    assert len(given) == 4 and not {marked.grades[0], marked.grades[1]} & given.keys()


def test_a_blind_visitor_answers_a_regrade_request_without_the_models_rating(marked: Marked) -> None:
    machine = marked.store.read_history(marked.grades[3]).ratings[SECOND]
    RegradeRequests(marked.store.database).submit(marked.grades[3], SECOND, "Why?", request="b", actor="test")
    shown = marked.ben.open(f"regrade-requests?course={COURSE}").text
    assert f"</strong> {machine}." in shown
    marked.ben.open(f"lab?{LAB}")
    marked.ben.submit("blind")
    shown = marked.ben.open(f"regrade-requests?course={COURSE}").text
    assert f"</strong> {machine}." not in shown and "hidden until you choose" in shown
