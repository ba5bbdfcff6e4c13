"""A hundred hostile texts in every place where students, models and TAs write, on every page, in Chromium."""

import csv
import io
import itertools
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from labs_schema.models import Lab, Rating, SourceFile, Submission
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.jobs.repository import JobRepository
from serving.store.access.roles import Role
from serving.store.access.student_links import LinkOptions, StudentLinks
from serving.store.grades.choices import Choice
from serving.store.grades.overrides import Action
from serving.store.grades.regrade_requests import RegradeRequests
from tests.harness.browser.pages import COURSE, record_lab, visitor
from tests.harness.browser.review_browser import Service, saved
from tests.harness.courses.lab_folders import write_lab

pytestmark = pytest.mark.slow
SET = "document.title='owned'"
VECTORS = (
    f"<script>{SET}</script>", f"<img src=x onerror={SET}>", f"<svg/onload={SET}>", f"<body onload={SET}>",
    f"<iframe srcdoc='<script>parent.{SET}</script>'></iframe>", f"<a href=javascript:{SET}>link</a>",
    f"<math><mtext><style><img src=x onerror={SET}></style>", f"<details open ontoggle={SET}>", "{{ 7 * 7 }}",
    f"<input autofocus onfocus={SET}>", "<link rel=stylesheet href=//evil.example/a.css>", "{% include 'page.html' %}",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "<base href=//evil.example/>", "[x](javascript:1)",
    "<style>*{display:none}@import '//evil.example/a.css'</style>", "<form action=//evil.example><input name=csrf>",
    "<object data=//evil.example></object>", "=HYPERLINK(\"//evil.example\")", "+1+cmd|' /C calc'!A0", "@SUM(1)",
    "-2+3",
    "\u202egnp.exe\u202c \u200b\ufeff", "\x1b[31mred\x1b]0;owned\x07\x00", f"&lt;script&gt;{SET}&lt;/script&gt;",
)  # fmt: skip
WRAPPERS = ("{}", '">{}', "</textarea></title></script>{}", "*/ line 1 main.c:1 {}")
PAYLOADS = tuple(wrapper.format(vector) for vector, wrapper in itertools.product(VECTORS, WRAPPERS))
assert len(set(PAYLOADS)) == 100
HARMFUL = """() => [...document.querySelectorAll("*")].filter((each) =>
  [...each.attributes].some((a) => /^on/i.test(a.name) || /^(javascript|data|.*evil)/i.test(
    ["href", "src", "action", "formaction"].includes(a.name) ? a.value : ""))
  || (each.closest("main") && /^(script|img|svg|style|iframe|object|embed|base|meta|link|math)$/i.test(each.tagName))
).map((each) => each.outerHTML.slice(0, 200))"""


def hostile_lab(base: Lab) -> Lab:
    """Four texts a submission: in code, file name, student's id and test output."""
    submissions = []
    for at, texts in enumerate(zip(*[iter(PAYLOADS)] * 4, strict=True)):
        name = "".join(c for c in texts[0] if c.isprintable()).strip() or str(at)
        files = (SourceFile(path=f"{texts[1].replace('/', '_')}.c", text="\n".join(texts)),)
        result = CheckResult(
            check=f"check {at}",
            kind=CheckKind.TEST,
            outcome=Outcome.FAILED,
            visible=True,
            input=texts[0],
            expected=texts[1],
            actual=texts[2],
            message=texts[3],
        )
        observed = SubmissionObservations(submission="0" * 64, results=(result,))
        submissions.append(Submission(student=name, folder=str(at), files=files, observations=observed))
    ratings = tuple(Rating(title=text, description=text, marks=i) for i, text in enumerate(PAYLOADS[1:9:2]))
    first = base.criteria[0].model_copy(update={"title": PAYLOADS[0], "description": PAYLOADS[5], "ratings": ratings})
    update = {"submissions": tuple(submissions), "criteria": (first, base.criteria[1]), "human_grades": ()}
    return base.model_copy(update=update)


@pytest.fixture(scope="module")
def hostile(start: Callable[..., Service], make_lab: Any, tmp_path_factory: Any) -> Iterator[tuple[Service, list[str]]]:
    """A service over the lab, with comments, requests, answers and snippets in it, and the ids of the grades."""
    base = make_lab(students=1)
    folder = tmp_path_factory.mktemp("labs")
    write_lab(base.model_copy(update={"problem": "\n".join(PAYLOADS[:8])}), folder / "lab1")
    service = start(courses=OneCourse(COURSE, read_registry(folder)[0], folder))
    lab, store = hostile_lab(base), service.store
    JobRepository(store.database).add(COURSE, lab, actor="test", job_id="job1")
    reason = {"reasoning": " ".join(PAYLOADS[:20]), "review_reasons": tuple(f"low-confidence: {p}" for p in PAYLOADS)}
    grades = record_lab(store, lab, c0=reason)
    actor = store.create_key(PAYLOADS[8][:60], Role.TA, COURSE, actor="test")[1].id
    requests = RegradeRequests(store.database)
    for at, (grade, texts) in enumerate(zip(grades, zip(*[iter(PAYLOADS)] * 4, strict=True), strict=True)):
        choices = [
            Choice(grade=grade, criterion=each.title, action=Action.RATE, rating=each.ratings[0].title, comment=text)
            for each, text in zip(lab.criteria, texts, strict=False)
        ]
        store.record_choices(choices, request=f"r{at}", actor=actor)
        made = requests.submit(grade, lab.criteria[0].title, texts[2], request=f"q{at}", actor="moodle")
        if at % 2:
            requests.answer(made.id, None, texts[3], request=f"a{at}", actor=actor)
    yield service, grades


def test_no_page_runs_a_script_or_requests_anything(hostile: tuple[Service, list[str]]) -> None:
    service, grades = hostile
    admin = service.store.create_key("root", Role.ADMIN, COURSE, actor="test")[0]
    page, where = service.page(admin), f"course={COURSE}&lab=lab1"
    page.on("dialog", lambda dialog: (service.errors.append(dialog.message), dialog.dismiss()))
    links = StudentLinks(service.store.database)
    options = LinkOptions(include_review=True, probabilities=True)
    feedback = [links.create(each, timedelta(days=1), options, actor="test")[0] for each in grades[::6]]
    lists = ("lab", "lab/groups", "lab/assignments", "lab/second-markings", "lab/changes", "lab/edit", "statistics")
    paths = [
        "", *(f"{each}?{where}" for each in lists), f"snippets?course={COURSE}",
        f"lab?{where}&show=all&search={quote(PAYLOADS[5])}&criterion={quote(PAYLOADS[0])}&rating={quote(PAYLOADS[1])}",
        *(f"regrade-requests?course={COURSE}&state={state}" for state in ("open", "answered")),
        *(f"grades/{each}" for each in grades), *(f"feedback?link={each}" for each in feedback),
    ]  # fmt: skip
    for path in paths:
        response = page.goto(f"{service.url}/{path}")
        assert response.status == 200, path
        assert page.evaluate(HARMFUL) == [] and page.title() != "owned", path
    page.goto(f"{service.url}/grades/{grades[0]}")
    page.fill("#c1-comment", PAYLOADS[2])
    page.click("#c1-r1")
    saved(page)
    service.store.record_override(grades[0], "Is it readable?", "A", PAYLOADS[3], request="other", actor="ben")
    page.click("#c1-r0")
    page.wait_for_selector("text=Your version was not applied")
    assert page.evaluate(HARMFUL) == []
    page.goto(f"{service.url}/snippets?course={COURSE}")
    page.fill("main textarea, main input[name=text]", PAYLOADS[1])
    page.click("main button.primary")
    page.goto(f"{service.url}/grades/{grades[1]}")
    assert page.evaluate(HARMFUL) == [] and page.title() != "owned"
    assert service.errors == []


def test_exported_tables_have_no_live_formula(hostile: tuple[Service, list[str]]) -> None:
    service, _ = hostile
    client = visitor(service.app, service.store, "admin").client
    token = service.store.create_key("csv", Role.ADMIN, COURSE, actor="test")[0]
    text = client.get("/jobs/job1/rubric_ratings.csv", headers={"Authorization": f"Bearer {token}"}).text
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) > 20
    assert [cell for row in rows for cell in row if cell.lstrip(" ")[:1] in ("=", "+", "-", "@", "\t", "\r")] == []
