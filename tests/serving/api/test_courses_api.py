"""Several courses in one service: each key sees its own course's labs and is graded by its own course's model."""

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.concurrency import run_in_threadpool
from starlette.testclient import TestClient

from labs_schema.models import Lab
from labs_schema.validate import load_lab
from labs_schema.writer import write_lab
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from serving.api.admission import Admission
from serving.api.app import create_app
from serving.api.engine_thread import EngineThread
from serving.api.examples import BY_LAB, SUBMISSION
from serving.api.lab_registry import LabRegistry
from serving.courses.book import CourseBook
from serving.courses.errors import CourseRefusedError
from serving.courses.registration import ModelFacts, Registration
from serving.courses.served import OneCourse, RegisteredCourses, labs_of
from serving.courses.shelf import Checked, CourseShelf
from serving.engines.engine import LabelScores, ScoreRequest
from serving.grading import Grader
from serving.jobs.book import JobBook
from serving.jobs.chunk import grade_chunk
from serving.jobs.desk import LabDesk
from serving.jobs.errors import ElsewhereError
from serving.observability.metrics import Metrics
from serving.observability.observed import Observed
from serving.provenance import ModelIdentity
from serving.store.roles import Role
from serving.triage import Thresholds

GRADE = {**BY_LAB, "lab": "lab1"}


class LetterEngine:
    """A model that always says one letter, by its place."""

    name, version, context_length = "fake", "1", 100_000

    def __init__(self, letter: int) -> None:
        self.letter = letter

    def score(self, requests: Any) -> list[LabelScores]:
        return [self._scores(request) for request in requests]

    def _scores(self, request: ScoreRequest) -> LabelScores:
        said = self.letter % len(request.labels)
        return LabelScores(tuple(math.log(0.9 if i == said else 0.01) for i in range(len(request.labels))))

    def write(self, prompts: Any, max_tokens: int, stop: str, form: str) -> list[str]:
        raise NotImplementedError

    def close(self) -> None: ...


class Department:
    """A service of several courses. A model is called by the number of the letter that it says; `damaged` ones are
    refused."""

    def __init__(self, store: Any, folder: Path, tokenizer: Any) -> None:
        self.store, self.folder, self.tokenizer = store, folder, tokenizer
        self.book, self.damaged, self.graders = CourseBook(store.database), set[str](), dict[str, Grader]()
        self.courses = RegisteredCourses(self.book)
        self.observed = Observed(Metrics())
        shelf = CourseShelf(self.book.registered, self._check, most=2)
        self.engine = EngineThread(lambda: shelf, share=0.5, watches=self.observed.watches)

    def add(self, course: str, model: str, lab: Lab | None = None) -> None:
        labs = None
        if lab:
            labs = self.folder / f"labs-{course}-{model}"
            write_lab(lab, labs / lab.name)
        facts = ModelFacts(
            base_model="base",
            licence=None,
            model_hash=model * 64,
            tokenizer_hash="t",
            prompt_hash="p",
            calibration_hash=None,
        )
        self.book.add(course, model, str(labs) if labs else None, facts, actor="test")

    def key(self, course: str | None, role: str = "ta") -> dict[str, str]:
        token, _ = self.store.create_key(role, Role(role), course, actor="test")
        return {"Authorization": f"Bearer {token}"}

    def serve(self) -> TestClient:
        app = create_app(
            self.engine,
            LabRegistry(),
            self.store,
            courses=self.courses,
            rate="100000/second",
            begin=lambda _: None,
            observed=self.observed,
        )
        return TestClient(app, raise_server_exceptions=False)

    def _check(self, registration: Registration) -> Checked:
        if registration.model in self.damaged:
            raise CourseRefusedError(registration.course, "changed: weights", f"changed: weights in {self.folder}")
        return Checked(registration.model, lambda: self._open(registration.model))

    def _open(self, model: str) -> Grader:
        engine = LetterEngine(int(model))
        identity = ModelIdentity(base_model="b", model_hash=model * 64, tokenizer_hash="t", prompt_hash="p")
        encoder = PromptEncoder(self.tokenizer, context_length=engine.context_length)
        thresholds = Thresholds(calibrated=True)
        return self.observed.metrics.watched(
            Grader(engine, encoder, PromptStyle(), identity, thresholds, second_reading=False)
        )


@pytest.fixture
def department(store: Any, tmp_path: Path, byte_tokenizer: Any, make_lab: Callable[..., Lab]) -> Iterator[Department]:
    """cs101 whose model says A, cs102 whose model says B; both have a `lab1`, of which cs102's has one criterion."""
    department = Department(store, tmp_path, byte_tokenizer)
    lab = make_lab(students=2)
    department.add("cs101", "0", lab)
    readable = lab.criteria[1:]
    grades = tuple(grade for grade in lab.human_grades if grade.criterion == readable[0].title)
    department.add("cs102", "1", lab.model_copy(update={"criteria": readable, "human_grades": grades}))
    yield department
    department.engine.close()


def ratings(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [criterion["rating"]["id"] for criterion in answer.json()["criteria"]]


def kind(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("urn:grader:")


def test_each_key_has_its_own_courses_rubric_and_model(department: Department) -> None:
    one, two = department.key("cs101"), department.key("cs102")
    with department.serve() as client:
        for _ in range(2):
            assert ratings(client.post("/grade", json=GRADE, headers=one)) == ["A", "A"]
            assert ratings(client.post("/grade", json=GRADE, headers=two)) == ["B"]
        graded = client.post("/grade", json=GRADE, headers=two).json()
        assert graded["provenance"]["model_hash"] == "1" * 64
        assert len(client.get("/labs/lab1", headers=one).json()["criteria"]) == 2
        assert len(client.get("/labs/lab1", headers=two).json()["criteria"]) == 1
        assert client.get(f"/grades/{graded['grade_id']}", headers=one).status_code == 404
        assert client.get(f"/grades/{graded['grade_id']}", headers=two).status_code == 200
        assert kind(client.post("/grade?course=cs102", json=GRADE, headers=one)) == (403, "other-course")


def test_a_key_of_all_courses_says_which_it_means(department: Department) -> None:
    admin = department.key(None, "admin")
    with department.serve() as client:
        told = client.post("/grade", json=GRADE, headers=admin)
        assert kind(told) == (422, "which-course")
        assert told.json()["errors"] == [{"field": "course", "found": "nothing", "expected": "one of cs101, cs102"}]
        assert kind(client.post("/grade?course=cs109", json=GRADE, headers=admin)) == (422, "which-course")
        for course, expected in (("cs101", ["A", "A"]), ("cs102", ["B"])):
            again = {**admin, "Idempotency-Key": "k1"}
            assert ratings(client.post(f"/grade?course={course}", json=GRADE, headers=again)) == expected
        assert client.get("/metrics", headers={**admin, "X-Forwarded-For": "10.0.0.1"}).status_code == 200


def test_without_keys_a_request_says_which_course_it_means_where_there_are_several(department: Department) -> None:
    with department.serve() as client:
        assert kind(client.get("/labs")) == (422, "which-course")
        assert ratings(client.post("/grade?course=cs102", json=GRADE)) == ["B"]
        department.book.remove("cs101", actor="test")
        assert ratings(client.post("/grade", json=GRADE)) == ["B"]


def test_a_course_is_added_changed_and_removed_while_it_is_served(
    department: Department, make_lab: Callable[..., Lab]
) -> None:
    one, two, three = (department.key(f"cs10{i}") for i in (1, 2, 3))
    with department.serve() as client:
        assert kind(client.post("/grade", json=GRADE, headers=three)) == (403, "other-course")
        department.add("cs103", "2", make_lab(students=0))
        assert ratings(client.post("/grade", json=GRADE, headers=three)) == ["C", "A"]
        assert ratings(client.post("/grade", json=GRADE, headers=one)) == ["A", "A"]
        department.add("cs101", "1", make_lab("lab9", students=0))
        assert kind(client.post("/grade", json=GRADE, headers=one)) == (404, "unknown-lab")
        assert ratings(client.post("/grade", json=GRADE | {"lab": "lab9"}, headers=one)) == ["B", "B"]
        department.book.remove("cs103", actor="test")
        assert kind(client.post("/grade", json=GRADE, headers=three)) == (403, "other-course")
        assert ratings(client.post("/grade", json=GRADE, headers=two)) == ["B"]
        assert client.get("/readyz").status_code == 200
        admin = department.key(None, "admin")
        text = client.get("/metrics", headers=admin).text
        assert 'grader_stage_seconds_count{stage="total"}' in text and "cs10" not in text


def test_a_refused_model_makes_only_its_course_unavailable_and_names_no_path(department: Department) -> None:
    one, two = department.key("cs101"), department.key("cs102")
    department.damaged.add("0")
    with department.serve() as client:
        refused = client.post("/grade", json=GRADE, headers=one)
        assert kind(refused) == (503, "model-refused") and int(refused.headers["retry-after"]) == 30
        assert "changed: weights" in refused.json()["detail"] and str(department.folder) not in refused.text
        assert client.get("/labs", headers=one).status_code == 200
        assert client.get("/readyz").status_code == 200
        assert ratings(client.post("/grade", json=GRADE, headers=two)) == ["B"]
        department.damaged.clear()
        department.add("cs101", "0")
        inline = {"problem": "p", "language": "C", "submission": SUBMISSION}
        inline["criteria"] = [{"title": "t", "ratings": [{"id": "A", "points": 1}, {"id": "B", "points": 0}]}]
        assert ratings(client.post("/grade", json=inline, headers=one)) == ["A"]


def test_it_is_not_ready_where_no_course_has_a_model_that_can_be_loaded(department: Department) -> None:
    department.damaged |= {"0", "1"}
    with department.serve() as client:
        assert kind(client.get("/readyz")) == (503, "model-refused")
        department.damaged.discard("1")
        department.add("cs102", "1")
        assert client.get("/readyz").status_code == 200


def test_a_job_is_graded_by_its_own_courses_model_with_its_own_labs(department: Department) -> None:
    desk = LabDesk(department.store, labs_of(department.courses), department.engine)
    jobs = JobBook(department.store.database)
    keys = {course: department.key(course) for course in ("cs101", "cs102")}
    with department.serve() as client:
        begun = {}
        for course, key in keys.items():
            begun[course] = key, client.post("/labs/lab1/regrade", headers=key).json()["id"]
        for _, job in begun.values():
            grade_chunk(desk, job, 0)
        for (key, job), expected in zip(begun.values(), (["A", "A"], ["B"]), strict=True):
            assert jobs.progress(job).graded == 2
            lines = client.get(f"/jobs/{job}/grades.jsonl", headers=key).text.splitlines()
            assert len(lines) == 2
            kept = department.store.recorded(job)
            assert [[answer.rating for answer in each.grade.criteria] for each in kept] == [expected] * 2
        other = begun["cs102"][1]
        assert client.get(f"/jobs/{other}", headers=begun["cs101"][0]).status_code == 404


def test_a_worker_of_one_course_leaves_the_model_off_another_courses_lab(department: Department) -> None:
    courses = OneCourse("cs101", LabRegistry(), department.courses.course("cs101").folder)
    desk, jobs = LabDesk(department.store, labs_of(courses), department.engine), JobBook(department.store.database)
    folder = department.courses.course("cs102").folder
    assert folder is not None
    job = jobs.add("cs102", load_lab(folder / "lab1"), actor="ta")
    with pytest.raises(ElsewhereError, match="not graded by this worker, which has cs101"):
        grade_chunk(desk, job.id, 0)
    assert jobs.progress(job.id).graded == 0


def test_a_course_that_is_removed_while_its_job_is_graded_is_held_against_no_submission(department: Department) -> None:
    folder = department.courses.folders()["cs101"]
    courses = OneCourse("cs101", LabRegistry(), folder)  # as one that has not heard of it yet
    desk, jobs = LabDesk(department.store, labs_of(courses), department.engine), JobBook(department.store.database)
    job = jobs.add("cs101", load_lab(folder / "lab1"), actor="ta")
    department.book.remove("cs101", actor="test")
    for _ in range(9):
        with pytest.raises(ElsewhereError, match="not served here any more"):
            grade_chunk(desk, job.id, 0)
    assert jobs.progress(job.id).parked == ()
    department.add("cs101", "0")
    grade_chunk(desk, job.id, 0)
    assert jobs.progress(job.id).graded == 2


def test_chunks_of_two_courses_at_once_go_each_to_its_own_model(department: Department) -> None:
    desk = LabDesk(department.store, labs_of(department.courses), department.engine)
    folders = department.courses.folders()
    jobs = {course: desk.book.add(course, load_lab(folder / "lab1"), actor="ta") for course, folder in folders.items()}
    both = threading.Barrier(2)

    def graded(course: str) -> list[str | None]:
        lab = desk.lab(jobs[course])
        both.wait(10)  # each has its lab before either grades
        return [each.criteria[0].rating for each in desk.grade(lab, lab.submissions)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(graded, ("cs101", "cs102"))) == [["A", "A"], ["B", "B"]]


def test_a_course_whose_labs_are_gone_is_graded_by_rubrics_of_its_own_until_they_are_back(
    department: Department,
) -> None:
    folder = department.courses.course("cs101").folder
    department.courses._known.clear()
    assert folder is not None
    folder.rename(folder.with_name("away"))
    one, two = department.key("cs101"), department.key("cs102")
    with department.serve() as client:
        assert kind(client.post("/grade", json=GRADE, headers=one)) == (404, "unknown-lab")
        assert ratings(client.post("/grade", json=GRADE, headers=two)) == ["B"]
        folder.with_name("away").rename(folder)
        assert ratings(client.post("/grade", json=GRADE, headers=one)) == ["A", "A"]


def test_a_program_that_is_too_long_is_refused_before_and_after_its_courses_model_is_loaded(
    department: Department, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LetterEngine, "context_length", 2000)
    long = {"lab": "lab1", "submission": {"files": [{"filename": "main.c", "content": "q9" * 20_000}]}}
    key = department.key("cs101")
    with department.serve() as client:
        for _ in range(2):
            refused = client.post("/grade", json=long, headers=key)
            assert kind(refused) == (413, "too-large")
            assert department.engine.silent == ("cs101",)


def test_who_has_a_key_of_one_course_does_not_see_the_counts_of_others(department: Department) -> None:
    one, every = department.key("cs101", "admin"), department.key(None, "admin")
    app = department.serve().app
    with TestClient(app, client=("10.0.0.7", 50000)) as client:
        assert kind(client.get("/metrics", headers=one)) == (403, "other-course")
        assert client.get("/metrics", headers=every).status_code == 200
        department.book.remove("cs102", actor="test")
        assert client.get("/metrics", headers=one).status_code == 200


def test_slow_bodies_of_one_key_leave_room_for_another_course(department: Department) -> None:
    one, two = department.key("cs101"), department.key("cs102")
    entered, go = threading.Semaphore(0), threading.Event()

    async def held(_: Any, __: Any, send: Any) -> None:
        entered.release()
        await run_in_threadpool(go.wait, 10)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    client = TestClient(Admission(held, department.engine))
    most = department.engine.most_held_each
    assert most < department.engine.most_held
    with ThreadPoolExecutor(most + 1) as threads:
        holding = [threads.submit(client.post, "/grade", headers=one) for _ in range(most)]
        for _ in range(most):
            assert entered.acquire(timeout=5)
        assert kind(client.post("/grade", headers=one)) == (503, "queue-full")
        other = threads.submit(client.post, "/grade", headers=two)
        assert entered.acquire(timeout=5)
        go.set()
        assert {each.result(5).status_code for each in [*holding, other]} == {200}
    assert client.post("/grade", headers=one).status_code == 200


@pytest.mark.parametrize("ended_by", ["the key is revoked", "the course is removed"])
def test_a_stream_ends_when_its_reader_may_not_know_any_more(department: Department, ended_by: str) -> None:
    key = department.key("cs101")
    with department.serve() as client:
        begun = client.post("/labs/lab1/regrade", headers=key).json()
        read = ThreadPoolExecutor(1).submit(client.get, f"/jobs/{begun['id']}/events", headers=key)
        with pytest.raises(TimeoutError):
            read.result(0.2)
        if ended_by == "the key is revoked":
            department.store.revoke_key(department.store.list_keys()[0].id, actor="test")
        else:
            department.book.remove("cs101", actor="test")
        try:
            assert read.result(5).text.count("event: progress") == 1
        finally:
            client.app.state.service.stopping.set()  # type: ignore[attr-defined]
