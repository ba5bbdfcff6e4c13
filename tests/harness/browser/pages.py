"""A service with the pages and without a model, and a client that uses them as a browser without script does."""

import random
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import httpx
from starlette.testclient import TestClient

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.hashes import observations_hash, rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.api.app import create_app
from serving.api.service import ServiceOptions
from serving.courses.lab_registry import LabRegistry
from serving.courses.served import OneCourse
from serving.scheduler.engine_thread import EngineThread
from serving.store.access.roles import Role
from serving.store.store import Store
from serving.web.app import mount_pages

COURSE = "cs101"
SESSION_KEY = b"k" * 32
NO_MODEL: Any = SimpleNamespace(close=lambda: None)


def pages_app(store: Store, courses: Any = None, *, course: str = COURSE, **options: Any) -> Any:
    """The service of `grader serve` over `store`. Keys count if they were created before. `options`: of the pages."""
    engine = EngineThread(lambda: NO_MODEL, capacity=1)
    courses = courses or OneCourse(course, LabRegistry())
    app = create_app(engine, courses, store, ServiceOptions(rate="100000/second"))
    mount_pages(app, SESSION_KEY, **options)
    return app


class Forms(HTMLParser):
    """The forms of a page: action, and the fields with the values that a browser would send."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._text: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        elif tag == "textarea" and self.found and "name" in given:
            self._text = given["name"]
            self.found[-1][1][self._text] = ""
        elif tag == "input" and self.found and "name" in given:
            choice = given.get("type") in ("radio", "checkbox")
            if not choice or "checked" in given:
                self.found[-1][1][given["name"]] = given.get("value", "on" if choice else "")

    def handle_data(self, data: str) -> None:
        if self._text:
            first = not self.found[-1][1][self._text]
            self.found[-1][1][self._text] += data.removeprefix("\n") if first else data  # as browsers do

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self._text = None


class Visitor:
    """A browser without script: it follows redirects, stores cookies and submits the forms of the page it is on."""

    def __init__(self, app: Any, base_url: str = "http://localhost") -> None:
        self.client = TestClient(app, base_url, raise_server_exceptions=False)
        self.page: httpx.Response = httpx.Response(200)

    def open(self, path: str) -> httpx.Response:
        self.page = self.client.get(urljoin("/app/", path))
        return self.page

    def submit(self, action: str, files: Any = None, **changes: str | None) -> httpx.Response:
        """The first form of the page whose action contains `action`. None leaves a field out. `files`: field -> name
        and content."""
        found = next(each for each in Forms(self.page.text).found if action in each[0])
        data = {name: value for name, value in {**found[1], **changes}.items() if value is not None}
        where = str(self.page.url)
        headers = {"Origin": re.sub(r"(https?://[^/]+).*", r"\1", where), "Referer": where}
        self.page = self.client.post(urljoin(where, found[0]), data=data, files=files, headers=headers)
        return self.page

    def sign_in(self, token: str) -> "Visitor":
        self.open("sign-in")
        assert self.submit("sign-in", key=token).status_code == 200
        return self


def visitor(app: Any, store: Store, role: str = "ta", course: str | None = COURSE, name: str = "") -> Visitor:
    """A signed-in visitor with a new key."""
    token, _ = store.create_key(name or role, Role(role), course, actor="test")
    return Visitor(app).sign_in(token)


def machine_grade(
    lab: Lab, submission: Submission, *, accept: float = 2.0, seed: int = 0, **changes: dict[str, Any]
) -> Grade:
    """A grade as a model gives one, drawn from the submission's hash. Criteria with a probability of at least `accept`
    are accepted. `changes`: criterion position as `c0` -> fields of its grade."""
    digest = submission_hash(submission)
    criteria = []
    for i, criterion in enumerate(lab.criteria):
        chance = random.Random(f"{digest} {seed} {criterion.title}")
        weights = [chance.random() ** 3 + 0.02 for _ in criterion.ratings]
        shares = {r.title: w / sum(weights) for r, w in zip(criterion.ratings, weights, strict=True)}
        rating = criterion.rating(max(shares, key=lambda title: shares[title]))
        accepted = shares[rating.title] >= accept
        reason = f"low-confidence: {shares[rating.title]:.2f} < {accept:.2f}"
        fields: dict[str, Any] = {
            "criterion": criterion.title,
            "rating": rating.title,
            "probabilities": shares,
            "confidence": shares[rating.title],
            "label_mass": 1.0,
            "marks": rating.marks,
            "min_marks": criterion.min_marks,
            "max_marks": criterion.max_marks,
            "bonus": criterion.bonus,
            "status": Status.ACCEPTED if accepted else Status.NEEDS_REVIEW,
            "review_reasons": () if accepted else (reason,),
        }
        criteria.append(CriterionGrade(**fields | changes.get(f"c{i}", {})))
    hashes = dict.fromkeys(("model_hash", "tokenizer_hash", "prompt_hash", "settings_hash"), "0")
    provenance = Provenance(
        grader_version="0",
        engine="none",
        engine_version="0",
        base_model="synthetic",
        rubric_hash=rubric_hash(lab),
        submission_hash=digest,
        observations_hash=observations_hash(submission) or None,
        **hashes,
    )
    return Grade(lab=lab.name, student=submission.student, criteria=tuple(criteria), provenance=provenance)


def record_lab(store: Store, lab: Lab, *, course: str = COURSE, request: str = "job1", **options: Any) -> list[str]:
    """Stores a machine grade of every submission, as a job does; the ids of the grades in the order of the lab.
    `options`: of `machine_grade`."""
    submissions = []
    for each in lab.submissions:
        pseudonym = store.pseudonym_for(course, each.student, actor="test")
        submissions.append(each.model_copy(update={"student": pseudonym, "folder": pseudonym}))
    given = [machine_grade(lab, each, **options) for each in submissions]
    recorded = store.record_grades(lab, submissions, given, request=request, actor=f"job {request}")
    return [each for each in recorded if each]
