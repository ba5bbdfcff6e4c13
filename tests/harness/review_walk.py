"""A random walk of three TAs over the review pages, by HTTP: stale pages, drafts, undo, forms sent twice or at once,
acceptance of many, overrides by the API, regrades and kills. After each step the store is compared with a model of it.
"""

import itertools
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import urljoin

import httpx

from labs_schema.grades import Status
from labs_schema.models import Lab
from serving.review.index import ReviewIndex
from serving.store.overrides import Action
from serving.store.roles import Role
from serving.store.store import Store
from tests.harness.pages import Forms, machine_grade, record_lab
from tests.harness.review_model import Entry, Key, OpenPage, ReviewModel

TAS = ("Ada", "Ben", "Cy")
ACCEPT = 0.7
KINDS = {"open": 5, "act": 12, "draft": 2, "race": 2, "bulk": 0.5, "override": 0.7, "regrade": 0.4, "restart": 0.4}
"""Kind of action -> weight."""
ACTS = ("rate", "rate", "rate", "accept", "accept-all", "comment", "undo", "undo-last")


class Host(Protocol):
    """The service. `client` makes a browser. `kill` ends the process without warning, `restart` starts a new one."""

    def client(self) -> httpx.Client: ...

    def kill(self) -> None: ...

    def restart(self) -> None: ...


class ReviewWalk:
    """`step` does one action and compares; `counts`: how often each kind of event happened."""

    def __init__(self, store: Store, host: Host, lab: Lab, course: str, seed: int) -> None:
        self.store, self.host, self.lab, self.course = store, host, lab, course
        self.chance, self.counts = random.Random(seed), Counter[str]()
        self.model, self.number, self.jobs = ReviewModel(lab), 0, 0
        self.touched = set[int]()
        store.create_key("platform", Role.PLATFORM, None, actor="walk")
        self.tokens = {name: store.create_key(name, Role.TA, course, actor="walk")[0] for name in TAS}
        self.names = {key.id: key.name for key in store.list_keys()}
        self.pages: dict[str, list[OpenPage]] = {name: [] for name in TAS}
        self.drafts: dict[tuple[str, Key], tuple[str, OpenPage]] = {}
        self._regrade()
        host.restart()
        self.clients = {name: host.client() for name in TAS}
        for name, client in self.clients.items():
            found = Forms(client.get("/app/sign-in").text).found
            fields = next(fields for action, fields in found if action.endswith("/sign-in"))
            assert client.post("/app/sign-in", data={**fields, "key": self.tokens[name]}).status_code == 200

    def step(self) -> None:
        self.number += 1
        kind = self.chance.choices(list(KINDS), list(KINDS.values()))[0]
        name = self.chance.choice(TAS)
        self.counts[kind] += 1
        {
            "open": lambda: self._open(name),
            "act": lambda: self._act(name),
            "draft": lambda: self._draft(name),
            "race": self._race,
            "bulk": lambda: self._bulk(name),
            "override": lambda: self._override(name),
            "regrade": self._regrade,
            "restart": self._restart,
        }[kind]()
        self.compare()

    # Actions

    def _open(self, name: str, student: int | None = None) -> OpenPage:
        """A TA opens a submission, also by the address of an earlier grade. Other open pages stay open."""
        student = self.chance.randrange(len(self.lab.submissions)) if student is None else student
        grade = self.chance.choice(self.grades[-2:])[student]
        page = self._page(student, self.clients[name].get(f"/app/grades/{grade}"))
        for criterion in page.versions:
            key = student, criterion
            if draft := self.drafts.pop((name, key), None):  # restored as by review.js
                text, old = draft
                page = replace(page, fields={**page.fields, f"comment-{criterion}": text})
                if page.shown[criterion] != old.shown[criterion]:
                    page = page.of_revision(criterion, old)
                    self.counts["outdated drafts"] += 1
                self.counts["restored drafts"] += 1
        self.pages[name] = [*self.pages[name], page][-3:]
        return page

    def _page(self, student: int, response: httpx.Response) -> OpenPage:
        assert response.status_code == 200, response.text[-2000:]
        action, fields = next(each for each in Forms(response.text).found if "/grades/" in each[0])
        keys = {c: (student, c) for c in range(len(self.lab.criteria))}
        page = OpenPage(
            student=student,
            action=urljoin(str(response.url), action),
            fields=fields,
            versions={c: self.model.version.get(key, 0) for c, key in keys.items()},
            shown={c: self.model.comment(key) for c, key in keys.items()},
            proposed=tuple(self.model.machine[key][0] for key in keys.values()),
        )
        assert page.typed == page.shown
        return page

    def _filled(self, page: OpenPage, name: str, acts: Sequence[str] = ACTS) -> OpenPage:
        """Presses a random button after typing into no, one or all comment fields."""
        act, criterion = self.chance.choice(acts), self.chance.choice(list(page.versions))
        rating = self.chance.randrange(len(self.lab.criteria[criterion].ratings))
        suffix = {"rate": f"-{criterion}-{rating}", "accept": f"-{criterion}", "undo": f"-{criterion}"}.get(act, "")
        chosen = self.chance.choice(([], [criterion], list(page.versions)))
        return page.filled(act + suffix, {each: f"{name} {self.number} {each}" for each in chosen})

    def _act(self, name: str) -> None:
        if not self.pages[name]:
            self._open(name)
        page = self._filled(self.chance.choice(self.pages[name]), name)
        if self.chance.random() < 0.7:  # else the page stays open, for the back button
            self.pages[name] = [each for each in self.pages[name] if each.action != page.action]
        killed = self.chance.random() < 0.04
        response = self._send(name, page, kill=killed)
        status = self.model.submit(name, page)
        assert response.status_code == status, (response.status_code, status, page)
        self.counts[f"status {status}"] += 1
        if self.chance.random() < 0.15:  # a double click, a proxy's retry, the browser's reload
            assert self._send(name, page).status_code == status
            self.counts["sent twice"] += 1
        if status == 409 and self.chance.random() < 0.6:
            self._apply_mine(name, page, response)

    def _apply_mine(self, name: str, page: OpenPage, response: httpx.Response) -> None:
        """On the page that shows both versions, the TA sends the own one again."""
        for html in re.findall(r"<form.*?</form>", response.text, re.DOTALL):
            [(action, fields)] = Forms(html).found
            criterion = next((int(each.removeprefix("revision-")) for each in fields if "revision-" in each), None)
            if criterion is None:
                continue
            key, act = (page.student, criterion), html.partition('name="act" value="')[2].partition('"')[0]
            mine = OpenPage(
                student=page.student,
                action=urljoin(str(response.url), action),
                fields={**fields, "act": act},
                versions={criterion: self.model.version.get(key, 0)},
                shown={criterion: self.model.comment(key)},
                proposed=page.proposed,
            )
            again, status = self._send(name, mine), self.model.submit(name, mine)
            assert again.status_code == status == 200, (again.status_code, status, mine)
            self.counts["applied after a conflict"] += 1

    def _draft(self, name: str) -> None:
        """A TA types a comment and closes the page without sending it; the browser stores the text."""
        page = self._open(name)
        criterion = self.chance.choice(list(page.versions))
        self.drafts[name, (page.student, criterion)] = f"{name} {self.number} draft", page
        self.pages[name].remove(page)

    def _race(self) -> None:
        """All TAs send a form about the same submission at the same moment; some order must explain what happened."""
        student = self.chance.randrange(len(self.lab.submissions))
        sent = {
            name: self._filled(self._open(name, student), name, ("rate", "accept", "comment", "undo")) for name in TAS
        }
        killed = self.chance.random() < 0.15
        answers: dict[str, int] = {}

        def send(name: str) -> None:
            answers[name] = self._post(name, sent[name])

        threads = [threading.Thread(target=send, args=(name,)) for name in TAS]
        for thread in threads:
            thread.start()
        if killed:
            self._kill()
        for thread in threads:
            thread.join()
        if killed:
            self.host.restart()
        for name in TAS:
            if not answers[name]:
                answers[name] = self._send(name, sent[name]).status_code
            self.pages[name].clear()
        for order in itertools.permutations(TAS):
            tried = self.model.copy()
            if all(tried.submit(name, sent[name]) == answers[name] for name in order) and not self.faults(
                tried, [student]
            ):
                self.model = tried
                return
        raise AssertionError(f"no order explains {answers} of {sent}: {self.faults(self.model)}")

    def _bulk(self, name: str) -> None:
        """Accepts all that the calibration accepted, from a list that may be outdated, or takes such a step back."""
        response = self.clients[name].get("/app/lab", params={"course": self.course, "lab": self.lab.name})
        found = [each for each in Forms(response.text).found if "/lab/accept" in each[0] or "/lab/undo" in each[0]]
        if not found:
            return
        action, fields = self.chance.choice(found)
        seen = dict(self.model.version)
        if self.chance.random() < 0.5:
            self._act(self.chance.choice(TAS))
        page = OpenPage(0, urljoin(str(response.url), action), fields, {}, {}, ())
        assert self._send(name, page, kill=self.chance.random() < 0.2).status_code == 200
        self.touched.update(range(len(self.lab.submissions)))
        if action.endswith("/accept"):
            self.model.accept_many(name, fields["request"], seen)
        else:
            self.model.undo_many(name, fields["request"], fields["bulk"])

    def _override(self, name: str) -> None:
        """A program with a TA's key sets a rating without knowing a revision."""
        student = self.chance.randrange(len(self.lab.submissions))
        criterion = self.chance.randrange(len(self.lab.criteria))
        each = self.lab.criteria[criterion]
        rating = self.chance.choice(each.ratings).title
        why = self.chance.choice(("", f"{name} {self.number} API"))
        response = self.clients[name].post(
            f"/grades/{self.grades[-1][student]}/overrides",
            json={"criterion": each.title, "rating": rating, "why": why},
            headers={"Authorization": f"Bearer {self.tokens[name]}", "Idempotency-Key": f"key-{self.number}"},
        )
        assert response.status_code == 201, response.text
        records = self.store.read_history(self.grades[-1][student]).overrides
        request = next(r.request for r in records if r.id == response.json()["id"])
        self.touched.add(student)
        self.model.add((student, criterion), Entry(request, name, Action.RATE, rating, why, of_page=False))

    def _regrade(self) -> None:
        """A job, in another process than the service, grades the lab again."""
        self.jobs += 1
        options: dict[str, Any] = {"seed": self.jobs, "accept": ACCEPT}
        given = record_lab(self.store, self.lab, course=self.course, request=f"job{self.jobs}", **options)
        self.grades = [*getattr(self, "grades", []), given]
        machine = {}
        for student, grade_id in enumerate(given):
            grade = self.store.read_history(grade_id).grade.grade
            assert grade is not None
            again = machine_grade(self.lab, self.lab.submissions[student], **options)
            for criterion, (each, other) in enumerate(zip(grade.criteria, again.criteria, strict=True)):
                assert each.rating is not None and each.rating == other.rating
                machine[student, criterion] = each.rating, each.status is Status.ACCEPTED
        self.model.regrade(machine)
        self.touched.update(range(len(self.lab.submissions)))

    def _restart(self) -> None:
        self.host.kill()
        self.counts["kills"] += 1
        self.host.restart()

    # Sending

    def _kill(self) -> None:
        time.sleep(self.chance.uniform(0, 0.03))
        self.host.kill()
        self.counts["kills"] += 1

    def _post(self, name: str, page: OpenPage) -> int:
        """The status; 0 if the connection broke."""
        self.touched.add(page.student)
        try:
            return self.clients[name].post(page.action, data=dict(page.fields)).status_code
        except httpx.TransportError:
            return 0

    def _send(self, name: str, page: OpenPage, kill: bool = False) -> httpx.Response:
        """Posts the form. With `kill` the service dies meanwhile, and the same form is sent to the next one."""
        if kill:
            thread = threading.Thread(target=self._post, args=(name, page))
            thread.start()
            self._kill()
            thread.join()
            self.host.restart()
            self.counts["killed during a form"] += 1
        self.touched.add(page.student)
        return self.clients[name].post(page.action, data=dict(page.fields))

    # Checks

    def compare(self) -> None:
        """Compares the students of this step, and every 50 steps all."""
        found = self.faults(self.model, None if self.number % 50 == 0 else self.touched)
        self.touched = set()
        assert not any(found.values()), (self.number, found)

    def faults(self, model: ReviewModel, students: Collection[int] | None = None) -> dict[str, int]:
        """Records that are lost, doubled or someone else's, and criteria with another decision than the model's.
        Without faults: an empty dictionary."""
        expected, stored = Counter[tuple[Any, ...]](), Counter[tuple[Any, ...]]()
        other = 0
        for (_, key), entry in model.records.items():
            if students is None or key[0] in students:
                expected[key, entry.ta, entry.action.value, entry.comment] += 1
        titles = [each.title for each in self.lab.criteria]
        for student, grade in enumerate(self.grades[-1]):
            if students is not None and student not in students:
                continue
            history = self.store.read_history(grade)
            for r in history.records:
                key = student, titles.index(r.criterion)
                stored[key, self.names.get(r.actor), r.action.value, r.why] += 1
            for criterion, title in enumerate(titles):
                decided = history.decisions.get(title)
                now = (decided.rating, decided.comment) if decided else (None, "")
                by = [(self.names.get(r.actor), r.action, r.why) for r in decided.active] if decided else []
                mine = [(e.ta, e.action, e.comment) for e in model.active.get((student, criterion), ())]
                other += now != (model.rating((student, criterion)), model.comment((student, criterion))) or by != mine
        lost, more = expected - stored, stored - expected
        without_actor = Counter((key, *rest) for (key, _, *rest) in lost.elements())
        misattributed = sum(without_actor[key, *rest] > 0 for (key, _, *rest) in more.elements())
        counts = {
            "lost": lost.total() - misattributed,
            "doubled": more.total() - misattributed,
            "misattributed": misattributed,
            "other_decisions": other,
        }
        return counts if any(counts.values()) else {}

    def finish(self) -> dict[str, int]:
        """Sums of faults after the last step; also checks the audit log and the list of the lab."""
        review = ReviewIndex(self.store.database).lab(self.course, self.lab.name)
        for grade, item in review.items.items():
            decided = self.store.read_history(grade).decisions
            assert all(each.decision == decided.get(each.title, each.decision) for each in item.criteria)
        faults = {"lost": 0, "doubled": 0, "misattributed": 0, "other_decisions": 0, **self.faults(self.model)}
        return {**faults, "audit_faults": len(self.store.verify().faults), "records": len(self.model.records)}
