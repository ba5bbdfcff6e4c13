"""A service of several courses, each with its own labs and model."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from labs_schema.models import Lab, Submission
from prompts.encode import PromptEncoder
from prompts.style import PromptStyle
from serving.api.app import create_app
from serving.api.service import ServiceOptions
from serving.courses.course_registry import CourseRegistry, ModelFacts, Registration
from serving.courses.errors import CourseRefusedError
from serving.courses.model_pool import CheckedModel, CourseModelPool
from serving.courses.served import RegisteredCourses
from serving.engines.engine import LabelScores, ScoreRequest
from serving.grading.grader import Grader
from serving.grading.provenance import ModelIdentity
from serving.grading.scoring_requests import check_length
from serving.observability.metrics import Metrics
from serving.observability.telemetry import Telemetry
from serving.scheduler.engine_thread import EngineThread
from serving.scoring.triage import Thresholds
from serving.store.access.roles import Role
from tests.harness.courses.lab_folders import write_lab


class LetterEngine:
    """A model that always chooses one letter, by its index."""

    name, version = "fake", "1"

    def __init__(self, letter: int, context_length: int) -> None:
        self.letter, self.context_length = letter, context_length

    def score(self, requests: Any) -> list[LabelScores]:
        return [self._scores(request) for request in requests]

    def _scores(self, request: ScoreRequest) -> LabelScores:
        chosen = self.letter % len(request.labels)
        return LabelScores(tuple(math.log(0.9 if i == chosen else 0.01) for i in range(len(request.labels))))

    def write(self, prompts: Any, max_tokens: int, stop: str, form: str) -> list[str]:
        raise NotImplementedError

    def close(self) -> None: ...


class Department:
    """A service of several courses. A model is named after the letter that it chooses; `damaged` ones are rejected."""

    def __init__(self, store: Any, folder: Path, tokenizer: Any) -> None:
        self.store, self.folder, self.tokenizer, self.context_length = store, folder, tokenizer, 100_000
        self.registry, self.damaged = CourseRegistry(store.database), set[str]()
        self.courses = RegisteredCourses(self.registry)
        self.telemetry = Telemetry(Metrics())
        pool = CourseModelPool(self.registry.registered, self._check, max_bases=2, check_length=self._length)
        self.engine = EngineThread(lambda: pool, course_share=0.5, observers=self.telemetry.observers)

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
        self.registry.add(course, model, str(labs) if labs else None, facts, actor="test")

    def key(self, course: str | None, role: str = "ta") -> dict[str, str]:
        token, _ = self.store.create_key(role, Role(role), course, actor="test")
        return {"Authorization": f"Bearer {token}"}

    def serve(self) -> TestClient:
        options = ServiceOptions(rate="100000/second")
        app = create_app(self.engine, self.courses, self.store, options, telemetry=self.telemetry)
        return TestClient(app, "http://localhost", raise_server_exceptions=False)

    def _check(self, registration: Registration) -> CheckedModel:
        if registration.model in self.damaged:
            raise CourseRefusedError(registration.course, "changed: weights", f"changed: weights in {self.folder}")
        return CheckedModel(registration.model, lambda: self._open(registration.model))

    def _length(self, _: Registration, submission: Submission) -> None:
        check_length(submission, self._encoder)

    @property
    def _encoder(self) -> PromptEncoder:
        return PromptEncoder(self.tokenizer, context_length=self.context_length)

    def _open(self, model: str) -> Grader:
        engine = LetterEngine(int(model), self.context_length)
        identity = ModelIdentity(base_model="b", model_hash=model * 64, tokenizer_hash="t", prompt_hash="p")
        thresholds = Thresholds(calibrated=True)
        return self.telemetry.metrics.watched(
            Grader(engine, self._encoder, PromptStyle(), identity, thresholds, verification_pass=False)
        )


@pytest.fixture
def department(store: Any, tmp_path: Path, byte_tokenizer: Any, make_lab: Callable[..., Lab]) -> Iterator[Department]:
    """cs101 with a model that chooses A, cs102 with one that chooses B; `lab1` of cs102 has one criterion."""
    department = Department(store, tmp_path, byte_tokenizer)
    lab = make_lab(students=2)
    department.add("cs101", "0", lab)
    readable = lab.criteria[1:]
    grades = tuple(grade for grade in lab.human_grades if grade.criterion == readable[0].title)
    department.add("cs102", "1", lab.model_copy(update={"criteria": readable, "human_grades": grades}))
    yield department
    department.engine.close()


@pytest.fixture
def ratings() -> Callable[[Any], list[str]]:
    """The ratings of a response, in the order of its criteria."""

    def check(answer: Any) -> list[str]:
        assert answer.status_code == 200, answer.text
        return [criterion["rating"]["id"] for criterion in answer.json()["criteria"]]

    return check
