"""The service under review: three TAs with browsers of their own, grades by jobs, and kills while a form is sent."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin

import httpx

from labs_schema.grades import Status
from labs_schema.reading.validate import load_lab
from serving.store.access.roles import Role
from serving.store.store import Store
from tests.harness.browser.pages import Forms, machine_grade, record_lab
from tests.harness.review.model import OpenPage, ReviewModel

TAS = ("Ada", "Ben", "Cy")
ACCEPT = 0.7


class Host(Protocol):
    """The service of a lab in `folder`. `client` makes a browser. `kill` ends the process without warning, `restart`
    starts a new one. `work` returns once a job has ended."""

    folder: Path

    def client(self) -> httpx.Client: ...

    def kill(self) -> None: ...

    def restart(self) -> None: ...

    def work(self, job: str) -> None: ...


class Site:
    """`model`: what the store must contain. `grades`: the ids of the current grades of all students, after each job.
    `touched`: students to be compared. `on_kill` is called between two services. `counts`: how often each kind of event
    happened."""

    def __init__(self, store: Store, host: Host, course: str, seed: int) -> None:
        self.store, self.host, self.course = store, host, course
        self.chance, self.counts = random.Random(seed), Counter[str]()
        self.lab = load_lab(host.folder)
        self.model, self.number, self.jobs = ReviewModel(self.lab), 0, 0
        self.grades: list[list[str]] = []
        self.touched = set[int]()
        self.on_kill: Callable[[], None] = lambda: None
        store.create_key("platform", Role.PLATFORM, None, actor="walk")
        self.tokens = {name: store.create_key(name, Role.TA, course, actor="walk")[0] for name in TAS}
        self.names = {key.id: key.name for key in store.list_keys()}
        self.ids = {name: id_ for id_, name in self.names.items()}
        self.regrade()
        host.restart()
        self.clients = {name: host.client() for name in TAS}
        for name in TAS:
            page = self.form(self.get(name, "/app/sign-in"), "/sign-in")
            assert self.send(name, page.filled("", {"key": self.tokens[name]})).status_code == 200

    @property
    def students(self) -> range:
        return range(len(self.lab.submissions))

    def happens(self, probability: float) -> bool:
        return self.chance.random() < probability

    def regrade(self, students: Sequence[int] | None = None, **changes: dict[str, Any]) -> None:
        """A job, in another process than the service, grades the lab again, or only `students`. `changes`: of
        `machine_grade`."""
        self.jobs += 1
        chosen = [*self.students] if students is None else [*students]
        lab = load_lab(self.host.folder)
        lab = lab.model_copy(update={"submissions": tuple(lab.submissions[each] for each in chosen)})
        options: dict[str, Any] = {"seed": self.jobs, "accept": ACCEPT, **changes}
        given = record_lab(self.store, lab, course=self.course, request=f"job{self.jobs}", **options)
        expected = [machine_grade(lab, each, **options) for each in lab.submissions]
        self.graded(dict(zip(chosen, given, strict=True)))
        for student, grade in zip(chosen, expected, strict=True):
            assert all(self.model.machine[student, c][0] == each.rating for c, each in enumerate(grade.criteria))

    def graded(self, new: dict[int, str]) -> None:
        """Student -> id of the new current grade, which is added to the model."""
        before = self.grades[-1] if self.grades else [""] * len(self.lab.submissions)
        self.grades.append([new.get(student, id_) for student, id_ in enumerate(before)])
        machine = {}
        for student, grade_id in new.items():
            grade = self.store.read_history(grade_id).grade.grade
            assert grade is not None
            for criterion, each in enumerate(grade.criteria):
                assert each.rating is not None
                machine[student, criterion] = each.rating, each.status is Status.ACCEPTED
        self.model.regrade(machine)
        self.touched.update(new)

    # Browsers

    def get(self, name: str, path: str, **query: str) -> httpx.Response:
        response = self.clients[name].get(path, params=query or None)
        assert response.status_code == 200, response.text[-2000:]
        return response

    def of_lab(self, name: str, path: str) -> httpx.Response:
        """A page of the lab, such as `/lab`."""
        return self.get(name, f"/app{path}", course=self.course, lab=self.lab.name)

    def forms(self, response: httpx.Response, action: str) -> list[OpenPage]:
        """The forms of a page whose address contains `action`."""
        found = (each for each in Forms(response.text).found if action in each[0])
        return [OpenPage(0, urljoin(str(response.url), where), fields, {}, {}, ()) for where, fields in found]

    def form(self, response: httpx.Response, action: str) -> OpenPage:
        return self.forms(response, action)[0]

    def post(self, name: str, page: OpenPage) -> int:
        """The status; 0 if the connection broke."""
        try:
            return self.clients[name].post(page.action, data=dict(page.fields)).status_code
        except httpx.TransportError:
            return 0

    def send(self, name: str, page: OpenPage, kill: bool = False, within: float = 0.03) -> httpx.Response:
        """Posts the form. With `kill` the service dies `within` seconds, and the form is sent to the next one."""
        if kill:
            self.interrupt(name, page, within)
        return self.clients[name].post(page.action, data=dict(page.fields))

    def interrupt(
        self, name: str, page: OpenPage, within: float, is_started: Callable[[], bool] = lambda: True
    ) -> None:
        """Posts the form; the service dies `within` seconds of `is_started`, perhaps before or after it has processed
        the form."""
        thread = threading.Thread(target=self.post, args=(name, page))
        thread.start()
        while thread.is_alive() and not is_started():
            pass
        self.kill(within)
        thread.join()
        self.host.restart()
        self.counts["killed during a form"] += 1

    def at_once(self, sent: dict[str, OpenPage], kill: bool = False) -> dict[str, int]:
        """The statuses of forms that the TAs send at the same moment; a broken connection is tried again."""
        answers: dict[str, int] = {}

        def post(name: str) -> None:
            answers[name] = self.post(name, sent[name])

        threads = [threading.Thread(target=post, args=(name,)) for name in sent]
        for thread in threads:
            thread.start()
        if kill:
            self.kill()
        for thread in threads:
            thread.join()
        if kill:
            self.host.restart()
        return {name: answers[name] or self.send(name, page).status_code for name, page in sent.items()}

    def kill(self, within: float = 0.03) -> None:
        time.sleep(self.chance.uniform(0, within))
        self.host.kill()
        self.counts["kills"] += 1
        self.on_kill()
