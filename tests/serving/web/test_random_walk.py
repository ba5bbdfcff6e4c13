"""A random walk of three TAs, regrades and restarts against a model: no decision is lost, doubled or misattributed."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.review.index import ReviewIndex
from serving.store.overrides import Action
from serving.store.roles import Role
from serving.store.store import open_store
from tests.harness.pages import COURSE, Visitor, pages_app, record_lab

STUDENTS = 4
Key = tuple[int, int]
"""Student and criterion."""


@dataclass
class Entry:
    """A record that the model expects. `rating`: None for a comment."""

    ta: str
    step: int
    rating: str | None
    comment: str


@dataclass
class Model:
    """`active`: the records that count. `version`: counts the changes of a criterion and the regrades."""

    active: dict[Key, list[Entry]] = field(default_factory=dict)
    version: dict[Key, int] = field(default_factory=dict)

    def rating(self, key: Key) -> str | None:
        return next((e.rating for e in reversed(self.active.get(key, [])) if e.rating is not None), None)

    def comment(self, key: Key) -> str:
        entries = self.active.get(key, [])
        return entries[-1].comment if entries else ""

    def change(self, key: Key) -> None:
        self.version[key] = self.version.get(key, 0) + 1

    def add(self, key: Key, entry: Entry) -> None:
        self.active.setdefault(key, []).append(entry)
        self.change(key)

    def remove(self, key: Key, entry: Entry) -> None:
        self.active[key] = [e for e in self.active[key] if e is not entry]
        self.change(key)


class Walk:
    """`step` does one random action through forms and compares the store with the model."""

    def __init__(self, store: Any, lab: Lab, seed: int) -> None:
        self.store, self.lab, self.chance = store, lab, random.Random(seed)
        self.model, self.number, self.jobs = Model(), 0, 1
        self.grades = record_lab(store, lab)
        self.tokens = {name: store.create_key(name, Role.TA, COURSE, actor="test")[0] for name in ("Ada", "Ben", "Cy")}
        self.ids = {key.name: key.id for key in store.list_keys()}
        self.open: dict[str, tuple[int, dict[Key, int]]] = {}
        self.conflicts = 0
        self.restart()

    def restart(self) -> None:
        """A new process over the same store."""
        app = pages_app(self.store, blind_share=0.0)
        self.tas = {name: Visitor(app).sign_in(token) for name, token in self.tokens.items()}
        self.open = {}

    def step(self) -> None:
        self.number += 1
        kind = self.chance.choices(("open", "act", "regrade", "restart"), (4, 10, 0.6, 0.3))[0]
        name = self.chance.choice([*self.tas])
        if kind == "regrade":
            self.jobs += 1
            self.grades = record_lab(self.store, self.lab, request=f"job{self.jobs}", seed=self.jobs)
            for student in range(STUDENTS):
                for criterion in range(len(self.lab.criteria)):
                    self.model.change((student, criterion))
        elif kind == "restart":
            self.restart()
        elif kind == "open" or name not in self.open:
            self._open(name)
        else:
            self._act(name)
        self._compare()

    def _open(self, name: str) -> None:
        student = self.chance.randrange(STUDENTS)
        assert self.tas[name].open(f"grades/{self.grades[student]}").status_code == 200
        self.open[name] = student, dict(self.model.version)

    def _act(self, name: str) -> None:
        student, seen = self.open.pop(name)
        criterion = self.chance.randrange(len(self.lab.criteria))
        key, other = (student, criterion), (student, 1 - criterion)
        outdated = [seen.get(each, 0) != self.model.version.get(each, 0) for each in (key, other)]
        act, typed = self.chance.choice(("rate", "rate", "comment", "undo")), self.chance.random() < 0.3
        comment, changes = f"{name} {self.number}", {}
        ratings = self.lab.criteria[criterion].ratings
        rating = self.chance.randrange(len(ratings))
        before = self.model.active.get(key, [])
        if act == "undo" and not (before and not outdated[0]):
            act = "rate"
        if typed:
            changes[f"comment-{1 - criterion}"] = f"{comment} as well"
        if act in ("rate", "comment"):
            changes[f"comment-{criterion}"] = comment
        sent = {"rate": f"rate-{criterion}-{rating}", "comment": "comment", "undo": f"undo-{criterion}"}[act]
        page = self.tas[name].submit("/grades/", act=sent, **changes)
        conflict = outdated[0] or (typed and outdated[1])
        assert page.status_code == (409 if conflict else 200), (act, outdated, typed)
        self.conflicts += conflict
        if not outdated[0]:
            if act == "undo":
                self.model.remove(key, before[-1])
            else:
                title = ratings[rating].title if act == "rate" else None
                self.model.add(key, Entry(name, self.number, title, comment))
        if typed and not outdated[1]:
            self.model.add(other, Entry(name, self.number, None, f"{comment} as well"))

    def _compare(self) -> None:
        for student, grade in enumerate(self.grades):
            found = self.store.read_history(grade).decisions
            for criterion, each in enumerate(self.lab.criteria):
                key, decided = (student, criterion), found.get(each.title)
                expected = self.model.active.get(key, [])
                assert (decided.rating if decided else None) == self.model.rating(key)
                assert (decided.comment if decided else "") == self.model.comment(key)
                recorded = [(r.actor, r.why) for r in decided.active] if decided else []
                assert recorded == [(self.ids[e.ta], e.comment) for e in expected]

    def finish(self) -> None:
        """Every submitted text is in the history, also of conflicts, and the audit log verifies."""
        assert self.store.verify().faults == ()
        review = ReviewIndex(self.store.database).lab(COURSE, self.lab.name)
        for grade, item in review.items.items():
            records = self.store.read_history(grade).records
            assert len({(r.request, r.grade, r.criterion) for r in records}) == len(records)
            for each in item.criteria:
                assert each.decision == self.store.read_history(grade).decisions.get(each.title, each.decision)
        every = [r for works in review.records.values() for r in works]
        assert sum(r.action is Action.CONFLICT for r in every) >= self.conflicts


def walk(folder: Path, lab: Lab, steps: int, seed: int) -> Walk:
    store = open_store(f"sqlite:///{folder}/walk.db")
    try:
        walked = Walk(store, lab, seed)
        for _ in range(steps):
            walked.step()
        walked.finish()
    finally:
        store.close()
    return walked


@pytest.mark.parametrize("seed", [1, 2])
def test_a_short_walk(tmp_path: Path, make_lab: Callable[..., Lab], seed: int) -> None:
    walked = walk(tmp_path, make_lab(students=STUDENTS), 40, seed)
    assert any(walked.model.active.values())


@pytest.mark.nightly
def test_a_walk_of_2000_actions(tmp_path: Path, make_lab: Callable[..., Lab]) -> None:
    walked = walk(tmp_path, make_lab(students=STUDENTS), 2000, 7)
    assert walked.conflicts > 100
