"""The LRU pool of course models."""

from typing import Any

import pytest

from serving.courses.course_registry import ModelFacts, Registration
from serving.courses.errors import CourseRefusedError, UnknownCourseError
from serving.courses.model_pool import REFUSED_SECONDS, CheckedModel, CourseModelPool

FACTS = ModelFacts(
    base_model="b", licence=None, model_hash="w", tokenizer_hash="t", prompt_hash="p", calibration_hash=None
)


class FakeGrader:
    def __init__(self, model: str) -> None:
        self.model, self.closed = model, False

    def close(self) -> None:
        self.closed = True


class Register:
    """A fake registry and loader; `damaged` models are refused. `opened`: every grader ever opened."""

    def __init__(self, **models: str) -> None:
        self.now: dict[str, Registration] = {}
        self.opened: list[FakeGrader] = []
        self.damaged: set[str] = set()
        self.checked: list[str] = []
        self.bases: dict[str, str] = {}
        self.seconds = 0.0
        for course, model in models.items():
            self.add(course, model)

    def add(self, course: str, model: str, facts: ModelFacts = FACTS) -> None:
        seq = 1 + max((each.seq for each in self.now.values()), default=0)
        self.now[course] = Registration(seq=seq, at="", course=course, model=model, labs=None, facts=facts)

    def check(self, registration: Registration) -> CheckedModel:
        self.checked.append(registration.course)
        if registration.model in self.damaged:
            raise CourseRefusedError(registration.course, "weights", f"weights of {registration.model}")
        return CheckedModel(
            self.bases.get(registration.model, registration.model), lambda: self._open(registration.model)
        )

    def _open(self, model: str) -> Any:
        self.opened.append(FakeGrader(model))
        return self.opened[-1]

    def pool(self, max_bases: int = 2) -> CourseModelPool:
        return CourseModelPool(lambda: dict(self.now), self.check, max_bases=max_bases, clock=lambda: self.seconds)

    @property
    def open(self) -> list[str]:
        return [grader.model for grader in self.opened if not grader.closed]


def test_least_recently_used_model_is_closed() -> None:
    register = Register(a="ma", b="mb", c="mc")
    pool = register.pool()
    first = pool.load("a")
    pool.load("b")
    assert pool.load("a") is first and register.open == ["ma", "mb"]
    pool.load("c")
    assert register.open == ["ma", "mc"] and set(pool.loaded) == {"a", "c"}
    assert pool.loaded_grader("b") is None and pool.loaded_grader("a") is first
    pool.close()
    assert register.open == []


def test_model_is_closed_before_the_next_is_opened() -> None:
    register = Register(a="ma", b="mb")
    pool = register.pool(max_bases=1)
    pool.load("a")
    check, seen = register.check, []

    def checked(registration: Registration) -> CheckedModel:
        found = check(registration)
        return CheckedModel(found.base, lambda: (seen.append(register.open), found.open())[1])

    pool._check = checked
    pool.load("b")
    assert seen == [[]]


def test_adapters_on_one_base_count_once() -> None:
    register = Register(a="ma", b="mb", c="mc", d="md")
    register.bases = {"ma": "base", "mb": "base", "mc": "base"}
    pool = register.pool(max_bases=1)
    for course in ("a", "b", "c"):
        pool.load(course)
    assert register.open == ["ma", "mb", "mc"]
    pool.load("d")
    assert register.open == ["md"]


def test_courses_with_same_model_share_it() -> None:
    register = Register(a="m", b="m")
    pool = register.pool()
    assert pool.load("a") is pool.load("b") and len(register.opened) == 1


def test_changed_and_removed_registrations_apply_to_the_next_call() -> None:
    register = Register(a="old", b="mb")
    pool = register.pool()
    pool.load("a")
    pool.load("b")
    register.add("a", "new")
    assert pool.load("a").model == "new" and register.open == ["mb", "new"]
    register.add("a", "new", FACTS.model_copy(update={"calibration_hash": "c"}))
    assert pool.load("a") is register.opened[-1] and len(register.opened) == 4
    del register.now["a"]
    with pytest.raises(UnknownCourseError):
        pool.load("a")
    assert register.open == ["mb"] and set(pool.loaded) == {"b"}
    assert pool.load("b").model == "mb"


def test_refused_model_is_checked_again_after_a_delay_or_new_registration() -> None:
    register = Register(a="ma", b="mb")
    register.damaged.add("ma")
    pool = register.pool()
    for _ in range(3):
        with pytest.raises(CourseRefusedError, match="weights of ma"):
            pool.load("a")
    assert register.checked == ["a"] and pool.load("b").model == "mb"
    register.damaged.clear()
    with pytest.raises(CourseRefusedError):
        pool.load("a")
    register.seconds = REFUSED_SECONDS + 1
    assert pool.load("a").model == "ma"
    register.damaged.add("mx")
    register.add("a", "mx")
    with pytest.raises(CourseRefusedError):
        pool.load("a")
    register.damaged.clear()
    register.add("a", "mx")
    assert pool.load("a").model == "mx"
