"""Kills the sender of grades with SIGKILL, over a platform whose network fails in every way, and compares the values.

Each student gets a grade and, after all have arrived, another one. The sender is that of the command, or the worker of
the service, which continues a confirmed delivery (`SERVICE`).
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from secrets import token_hex
from typing import Any

from grader.service.lti_delivery import LtiColumns
from grader.service.outbound import running_deliveries
from labs_schema.errors import GraderError
from labs_schema.models import Lab
from serving.deliveries import delivery_worker, retries
from serving.deliveries.delivery_jobs import DeliveryJobs, JobOptions, NewJob
from serving.deliveries.plan import ReleasePolicy
from serving.deliveries.records import read_records
from serving.deliveries.sending import Sender, Source
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store.database import PRAGMAS
from serving.store.store import Store, open_store
from tests.harness.platforms import fake_canvas, fake_moodle
from tests.harness.platforms.adapters import RUBRIC_MODULE, adapter
from tests.harness.platforms.delivery_targets import lab_of, make_target
from tests.harness.processes.forking import PROCESSES, wait_until
from tests.harness.stores.graded_store import COURSE, grade_students

SERVICE = {"canvas-service": "canvas", "moodle-service": "moodle"}
"""Kind -> the platform as a person chooses it on the pages."""
KINDS = ("canvas-rubric", "canvas-points", "moodle-rubric", "lti-moodle", "lti-canvas", *SERVICE)
PAGES = {
    "canvas": f"/courses/{fake_canvas.COURSE}/assignments/{fake_canvas.ASSIGNMENT}",
    "moodle": f"/mod/assign/view.php?id={RUBRIC_MODULE}",
}
TOKENS = {"canvas": fake_canvas.TOKEN, "moodle": fake_moodle.TOKEN}


def _send(kind: str, url: str, addresses: dict[str, str], answer: Connection) -> None:
    """A process: sends once, as the command does, and answers with the outcomes by action."""
    _prepare()
    policy = OutboundPolicy(frozenset({parse_origin(addresses["url"])}))
    with OutboundClient(policy) as client, closing(open_store(url)) as store:
        sender = Sender(store, adapter(kind, addresses, client, retries.Retries()), actor="test")
        source, released = Source(course=COURSE, lab=kind), ReleasePolicy()
        try:
            outcomes = sender.send(source, sender.plan(source, released), released)
        except GraderError:  # the platform could not be read
            answer.send({"ended": 1})
            return
    answer.send(Counter(each.code or each.action for each in outcomes))


def _serve(kind: str, url: str, addresses: dict[str, str], answer: Connection) -> None:
    """A process: runs deliveries as the service does, until none is left."""
    _prepare()
    name = SERVICE[kind].upper()
    os.environ |= {"GRADER_OUTBOUND_ALLOW": addresses["url"], f"GRADER_{name}_URL": addresses["url"]}
    os.environ[f"GRADER_{name}_TOKEN"] = TOKENS[SERVICE[kind]]
    with closing(open_store(url)) as store:
        jobs = DeliveryJobs(store.database)
        with running_deliveries(store, LtiColumns(store)):
            wait_until(lambda: not jobs.unfinished(), seconds=3600)
        [job] = jobs.of_lab(COURSE, kind, 1)
    answer.send({"ended": 1} if job.failure else Counter(each.code or each.action for each in job.outcomes))


def _prepare() -> None:
    PRAGMAS["synchronous"] = "OFF"  # the process is killed, not the machine
    short = {"pause_seconds": 0.002, "longest_pause_seconds": 0.005}  # these platforms recover at once
    retries.LIMITS = retries.LIMITS.model_copy(update=short)
    delivery_worker.LIMITS = delivery_worker.LIMITS.model_copy(update={"outage_pause_seconds": 0.0})


def killed(kind: str, students: int, kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """Sends two rounds of grades with `kills` SIGKILLs in each; the counts of what went wrong."""
    began, lab = time.monotonic(), lab_of(kind)
    target, store = make_target(kind, folder, students), open_store(str(folder / f"{kind}.db"))
    found: Counter[str] = Counter()
    for number in range(2):
        grade_students(store, lab, students, _rating(lab, number), request=f"job{number}")
        target.dice = random.Random(seed + number)
        found += _round(kind, store, target, students, kills, seed + number)
        target.dice = None
        target.flush()
        # Late requests may have been processed after the last run: the next one repairs their effects.
        found["conflicts"] += _run(kind, store, target).get("platform-value-changed", 0)
    final = _run(kind, store, target)
    result = {
        "platform": kind,
        "students": students,
        **found,
        "faults": dict(target.failures),
        "equal": _equal(store, lab, target.values()),
        "unchanged_at_the_end": final.get("unchanged", 0),
        **target.harm(),
        "seconds": round(time.monotonic() - began, 1),
    }
    harmless = not any(target.harm().values()) and not store.verify().faults
    store.close()
    target.close()
    return {**result, "ok": harmless and result["equal"] == students == result["unchanged_at_the_end"]}


def _round(kind: str, store: Store, target: Any, students: int, kills: int, seed: int) -> Counter[str]:
    chance, done, runs = random.Random(seed), 0, 0
    for _ in range(kills):
        process, _ = _start(kind, store, target)
        runs, goal = runs + 1, target.writes() + chance.randint(1, max(2, students // kills))
        while target.writes() < goal and process.is_alive():
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.02))
        if process.is_alive():
            process.kill()
            done += 1
        process.join()
    outcomes = _run(kind, store, target)
    while set(outcomes) - {"delivered", "unchanged"}:
        runs, outcomes = runs + 1, _run(kind, store, target)
        if runs > 50 + kills:
            break
    return Counter(kills=done, runs=runs + 1)


def _start(kind: str, store: Store, target: Any) -> tuple[BaseProcess, Connection]:
    """The process, and what it answers through if it is not killed."""
    answers, answer = PROCESSES.Pipe(duplex=False)
    if kind in SERVICE:
        _confirm(kind, store, target)
    run, url = (_serve if kind in SERVICE else _send), str(store.database.folder / f"{kind}.db")
    process = PROCESSES.Process(target=run, args=(kind, url, target.addresses, answer), daemon=True)
    process.start()
    answer.close()
    return process, answers


def _confirm(kind: str, store: Store, target: Any) -> None:
    """Confirms the delivery of all grades, as a person does on the pages, unless one is not finished."""
    jobs = DeliveryJobs(store.database)
    if not jobs.unfinished():
        name = SERVICE[kind]
        confirmed = {each.pseudonym: each.revision for each in read_records(store, COURSE, kind)}
        address = target.addresses["url"] + PAGES[name]
        new = {"course": COURSE, "lab": kind, "platform": name, "address": address, "options": JobOptions()}
        jobs.add(token_hex(8), NewJob(**new, confirmed=confirmed), actor="test")


def _run(kind: str, store: Store, target: Any) -> dict[str, int]:
    """The outcomes of a run to its end; `{"ended": 1}` if an error ended it while it was reading."""
    process, answers = _start(kind, store, target)
    process.join()
    found: dict[str, int] = answers.recv() if answers.poll() else {"ended": 1}
    return found


def _rating(lab: Lab, number: int) -> Callable[[int, int], str]:
    def choose(student: int, criterion: int) -> str:
        ratings = lab.criteria[criterion].ratings
        return ratings[(student + criterion + number) % len(ratings)].title

    return choose


def _equal(store: Store, lab: Lab, shown: dict[str, float | None]) -> int:
    totals = {each.student: each.total for each in read_records(store, COURSE, lab.name)}
    return sum(shown.get(student) == total for student, total in totals.items())
