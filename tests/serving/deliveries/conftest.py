"""An in-memory platform whose requests fail as configured."""

from collections.abc import Callable, Mapping
from typing import Literal

import pytest

from labs_schema.imports.records import IdKind, PlatformId
from labs_schema.models import Lab
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import (
    Assignment,
    PlatformCriterion,
    PlatformLevel,
    PlatformPerson,
    PlatformRubric,
    Value,
)
from serving.deliveries.retries import Retries
from serving.deliveries.sending import Sender, Source
from serving.store.store import Store
from tests.harness.stores.graded_store import COURSE


class FakePlatform:
    """`faults`: what the next writes do, in order; `lose` does it and fails, `half` stores only the total and fails."""

    target = "fake https://platform.example/1"
    announces_waiting = False
    stores_remarks = True

    def __init__(self, students: int, lab: Lab, *, rubric: bool = True) -> None:
        self.comment_style: Literal["append", "replace", "none"] = "append"
        self.people = [self.person(f"p{index}", f"s{index:03d}") for index in range(students)]
        self.values: dict[str, Value] = {}
        self.faults: list[str] = []
        self.writes: list[str] = []
        self.rubric = rubric_like(lab) if rubric else None
        self.maximum: float | None = 3.0

    @staticmethod
    def person(identifier: str, number: str) -> PlatformPerson:
        ids = (PlatformId(IdKind.PLATFORM, identifier), PlatformId(IdKind.NUMBER, number))
        return PlatformPerson(id=identifier, ids=ids)

    def read_assignment(self) -> Assignment:
        return Assignment(title="Lab 1", maximum=self.maximum, rubric=self.rubric)

    def read_people(self) -> tuple[PlatformPerson, ...]:
        return tuple(self.people)

    def read_values(self, person: str | None = None) -> Mapping[str, Value]:
        return {who: value for who, value in self.values.items() if person in (None, who)}

    def write(self, person: str, new: Value, current: Value) -> None:
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "busy":
            raise DeliveryError("platform-busy", "slow down", wait=3)
        if fault == "refuse":
            raise DeliveryError("platform-value-refused", "no", platform_text="score too high")
        if fault == "token":
            raise DeliveryError("platform-token", "expired")
        self.writes.append(person)
        if fault == "ignore":
            return
        here = self.values.get(person, Value())
        missing = tuple(text for text in new.comments if text not in current.comments)
        criteria = here.criteria if fault == "half" else new.criteria
        comments = here.comments if fault == "half" else here.comments + missing
        self.values[person] = Value(total=new.total, criteria=criteria, comments=comments)
        if fault == "half":
            raise DeliveryError("platform-unavailable", "half")
        if fault == "lose":
            raise DeliveryError("platform-unavailable", "lost")
        if fault == "die":
            raise KeyboardInterrupt


def rubric_like(lab: Lab) -> PlatformRubric:
    return PlatformRubric(
        criteria=tuple(
            PlatformCriterion(
                id=f"c{at}",
                title=each.title.upper(),
                levels=tuple(
                    PlatformLevel(id=f"c{at}l{index}", title=rating.title, points=rating.marks)
                    for index, rating in enumerate(each.ratings)
                ),
            )
            for at, each in enumerate(lab.criteria)
        )
    )


@pytest.fixture
def lab(make_lab: Callable[..., Lab]) -> Lab:
    return make_lab(students=0)


@pytest.fixture
def source(lab: Lab) -> Source:
    return Source(course=COURSE, lab=lab.name)


class Delivery:
    """Plans and sends as the command does; `waited` are the pauses in seconds."""

    def __init__(self, store: Store, source: Source) -> None:
        self.store, self.source, self.waited = store, source, list[float]()

    def sender(self, platform: FakePlatform) -> Sender:
        return Sender(self.store, platform, actor="test", retries=Retries(self.waited.append))


@pytest.fixture
def delivery(store: Store, source: Source) -> Delivery:
    return Delivery(store, source)
