"""Which models are open: those that are used, few at a time, and none that is not what was registered."""

from typing import Any

import pytest

from serving.courses.errors import CourseRefusedError, UnknownCourseError
from serving.courses.model_pool import REFUSED_SECONDS, Checked, CourseModelPool
from serving.courses.registration import ModelFacts, Registration

FACTS = ModelFacts(
    base_model="b", licence=None, model_hash="w", tokenizer_hash="t", prompt_hash="p", calibration_hash=None
)


class FakeGrader:
    def __init__(self, model: str) -> None:
        self.model, self.closed = model, False

    def close(self) -> None:
        self.closed = True


class Register:
    """What is registered, as the store would say; `damaged` models are refused. `opened`: every grader there was."""

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

    def check(self, registration: Registration) -> Checked:
        self.checked.append(registration.course)
        if registration.model in self.damaged:
            raise CourseRefusedError(registration.course, "weights", f"weights of {registration.model}")
        return Checked(self.bases.get(registration.model, registration.model), lambda: self._open(registration.model))

    def _open(self, model: str) -> Any:
        self.opened.append(FakeGrader(model))
        return self.opened[-1]

    def shelf(self, most: int = 2) -> CourseModelPool:
        return CourseModelPool(lambda: dict(self.now), self.check, most=most, clock=lambda: self.seconds)

    @property
    def open(self) -> list[str]:
        return [grader.model for grader in self.opened if not grader.closed]


def test_the_model_unused_longest_is_closed_for_another() -> None:
    register = Register(a="ma", b="mb", c="mc")
    shelf = register.shelf()
    first = shelf.load("a")
    shelf.load("b")
    assert shelf.load("a") is first and register.open == ["ma", "mb"]
    shelf.load("c")
    assert register.open == ["ma", "mc"] and set(shelf.loaded) == {"a", "c"}
    assert shelf.loaded_grader("b") is None and shelf.loaded_grader("a") is first
    shelf.close()
    assert register.open == []


def test_there_is_room_before_the_next_model_is_opened() -> None:
    register = Register(a="ma", b="mb")
    shelf = register.shelf(most=1)
    shelf.load("a")
    check, seen = register.check, []

    def checked(registration: Registration) -> Checked:
        found = check(registration)
        return Checked(found.base, lambda: (seen.append(register.open), found.open())[1])

    shelf._check = checked
    shelf.load("b")
    assert seen == [[]]


def test_adapters_of_one_base_count_as_one() -> None:
    register = Register(a="ma", b="mb", c="mc", d="md")
    register.bases = {"ma": "base", "mb": "base", "mc": "base"}
    shelf = register.shelf(most=1)
    for course in ("a", "b", "c"):
        shelf.load(course)
    assert register.open == ["ma", "mb", "mc"]
    shelf.load("d")
    assert register.open == ["md"]


def test_courses_with_the_same_model_share_it() -> None:
    register = Register(a="m", b="m")
    shelf = register.shelf()
    assert shelf.load("a") is shelf.load("b") and len(register.opened) == 1


def test_what_is_registered_anew_is_used_from_the_next_call_on_and_what_is_removed_is_refused() -> None:
    register = Register(a="old", b="mb")
    shelf = register.shelf()
    shelf.load("a")
    shelf.load("b")
    register.add("a", "new")
    assert shelf.load("a").model == "new" and register.open == ["mb", "new"]
    register.add("a", "new", FACTS.model_copy(update={"calibration_hash": "c"}))
    assert shelf.load("a") is register.opened[-1] and len(register.opened) == 4
    del register.now["a"]
    with pytest.raises(UnknownCourseError):
        shelf.load("a")
    assert register.open == ["mb"] and set(shelf.loaded) == {"b"}
    assert shelf.load("b").model == "mb"


def test_a_refused_model_is_not_read_again_at_once_unless_it_is_registered_anew() -> None:
    register = Register(a="ma", b="mb")
    register.damaged.add("ma")
    shelf = register.shelf()
    for _ in range(3):
        with pytest.raises(CourseRefusedError, match="weights of ma"):
            shelf.load("a")
    assert register.checked == ["a"] and shelf.load("b").model == "mb"
    register.damaged.clear()
    with pytest.raises(CourseRefusedError):
        shelf.load("a")
    register.seconds = REFUSED_SECONDS + 1
    assert shelf.load("a").model == "ma"
    register.damaged.add("mx")
    register.add("a", "mx")
    with pytest.raises(CourseRefusedError):
        shelf.load("a")
    register.damaged.clear()
    register.add("a", "mx")
    assert shelf.load("a").model == "mx"
