"""Kills the sender of grades with SIGKILL, over a platform whose network fails in every way, and compares the values.

Each student gets a grade and, after all have arrived, another one. The fakes count comments, attempts and repeated
saves: what a sender must not do twice.
"""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from labs_schema.models import Criterion, Lab, Rating
from serving.deliveries.plan import ReleasePolicy
from serving.deliveries.records import read_records
from serving.deliveries.retries import Retries
from serving.deliveries.sending import Sender, Source
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store.database import PRAGMAS
from serving.store.store import Store, open_store
from tests.harness import fake_moodle, fake_moodle_server
from tests.harness.adapters import KID, adapter, canvas_rubric
from tests.harness.fake_canvas import FakeCanvas
from tests.harness.fake_lti import FakeLti
from tests.harness.graded_store import COURSE, grade_students
from tests.harness.lti_tokens import private_key, public_jwk
from tests.harness.processes import start

KINDS = ("canvas-rubric", "canvas-points", "moodle-rubric", "lti-moodle", "lti-canvas")
SHARE = 0.2
"""Part of the requests that fail."""
LONGEST_PAUSE = 0.005
"""Seconds between two attempts: these platforms recover at once."""


def main() -> None:
    """`python -m tests.harness.killed_sender KIND STORE ADDRESSES`: sends once; prints the outcomes by action."""
    kind, url, addresses = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
    PRAGMAS["synchronous"] = "OFF"  # the process is killed, not the machine
    retries, store = Retries(lambda seconds: time.sleep(min(seconds, LONGEST_PAUSE))), open_store(url)
    with OutboundClient(OutboundPolicy(frozenset({parse_origin(addresses["url"])}))) as client:
        sender = Sender(store, adapter(kind, addresses, client, retries), actor="test", retries=retries)
        source, policy = Source(course=COURSE, lab=lab_of(kind).name), ReleasePolicy()
        outcomes = sender.send(source, sender.plan(source, policy), policy)
    print(json.dumps(Counter(each.code or each.action for each in outcomes)))  # noqa: T201


def lab_of(kind: str) -> Lab:
    """A lab with the rubric of the recorded Moodle: 12 marks."""
    titles = {
        "Does it compile & link?": {"No": 0, "Yes, with warnings": 2, "Yes": 4},
        "Edge cases": {"None": 0, "Some": 3, "All": 5},
        "Readable?": {"No": 0, "Yes": 3},
    }
    criteria = tuple(
        Criterion(title=title, ratings=tuple(Rating(title=name, marks=marks) for name, marks in ratings.items()))
        for title, ratings in titles.items()
    )
    return Lab(name=kind, problem="P", short_problem="P", language="C", criteria=criteria, submissions=())


class Target:
    """A fake platform of one kind. `writes`: requests that may change something; `harm()`: what happened twice."""

    faults = ("drop", "lose", "late", "half", "twice", "500", "429")

    def __init__(self, folder: Path) -> None:
        self.addresses: dict[str, str] = {}
        self.failures: Counter[str] = Counter()
        self.dice: random.Random | None = None
        self.folder = folder

    def draw(self, *_: object) -> str | None:
        """The fault of the next request; None, also while no dice are set."""
        if self.dice is None or self.dice.random() > SHARE:
            return None
        fault = self.dice.choice(self.faults)
        self.failures[fault] += 1
        return fault


class CanvasTarget(Target):
    def __init__(self, folder: Path, kind: str, students: int) -> None:
        super().__init__(folder)
        lab = lab_of(kind)
        self.fake = FakeCanvas(students, canvas_rubric(lab) if kind == "canvas-rubric" else None, points=12)
        self.fake.faults = self.draw
        self.addresses = {"url": self.fake.url}

    def writes(self) -> int:
        return self.fake.counts["PUT"]

    def flush(self) -> None:
        self.fake.process_late(1000)

    def values(self) -> dict[str, float | None]:
        return self.fake.scores()

    def harm(self) -> dict[str, int]:
        comments = [self.fake.comments(int(each["id"])) for each in self.fake.users]
        return {"duplicate_comments": sum(len(each) - len(set(each)) for each in comments)}

    def close(self) -> None:
        self.fake.close()


class MoodleTarget(Target):
    faults = ("drop", "lose", "late", "half", "twice", "busy", "broken")

    def __init__(self, folder: Path, kind: str, students: int) -> None:
        del kind
        super().__init__(folder)
        self.fake = fake_moodle.FakeMoodle(draw=lambda: self.draw() or "")
        people = [{"id": 1000 + n, "idnumber": f"s{n:03d}", "recordid": -1} for n in range(students)]
        self.fake.people = people
        self._serving = fake_moodle_server.serving(self.fake)
        self.addresses = {"url": self._serving.__enter__()}

    def writes(self) -> int:
        return self.fake.requests.get("mod_assign_save_grades", 0)

    def flush(self) -> None:
        self.fake.process_late(1000)

    def values(self) -> dict[str, float | None]:
        return {f"s{user - 1000:03d}": each.grade for user, each in self.fake.grades.get(27, {}).items()}

    def harm(self) -> dict[str, int]:
        return {"duplicate_notifications": self.fake.repeated}

    def close(self) -> None:
        self._serving.__exit__(None, None, None)


class LtiTarget(Target):
    def __init__(self, folder: Path, kind: str, students: int) -> None:
        super().__init__(folder)
        self.fake = FakeLti("canvas" if kind == "lti-canvas" else "moodle")
        if kind == "lti-canvas":  # Canvas adds the comment of a request that the network repeats a second time
            self.faults = tuple(each for each in self.faults if each != "twice")
        self.fake.enrol(students)
        self.fake.items["1"]["scoreMaximum"] = 12
        self.fake.faults = self.draw
        self.fake.tool_keys = {"keys": [public_jwk(KID)]}
        pem = private_key(KID).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / "key.pem").write_bytes(pem)
        self.addresses = {**self.fake.addresses, "key": str(folder / "key.pem")}

    def writes(self) -> int:
        return self.fake.counts["POST"]

    def flush(self) -> None:
        self.fake.process_late(1000)

    def values(self) -> dict[str, float | None]:
        return self.fake.scores()

    def harm(self) -> dict[str, int]:
        results = self.fake.results["1"].values()
        comments = sum(len(each.comments) - len(set(each.comments)) for each in results)
        return {"duplicate_comments": comments, "duplicate_attempts": sum(each.attempts for each in results)}

    def close(self) -> None:
        self.fake.close()


def make_target(kind: str, folder: Path, students: int) -> Any:
    makes: dict[str, Callable[..., Any]] = {"canvas": CanvasTarget, "moodle": MoodleTarget, "lti": LtiTarget}
    return makes[kind.split("-")[0]](folder, kind, students)


def killed(kind: str, students: int, kills: int, seed: int, folder: Path) -> dict[str, Any]:
    """Sends two rounds of grades with `kills` SIGKILLs in each; the counts of what went wrong."""
    began, url, lab = time.monotonic(), str(folder / f"{kind}.db"), lab_of(kind)
    target, store = make_target(kind, folder, students), open_store(url)
    found: Counter[str] = Counter()
    for number in range(2):
        grade_students(store, lab, students, _rating(lab, number), request=f"job{number}")
        target.dice = random.Random(seed + number)
        found += _round(kind, url, target, students, kills, seed + number)
        target.dice = None
        target.flush()
        # Late requests may have been processed after the last run: the next one repairs their effects.
        found["conflicts"] += _run(kind, url, target).get("platform-value-changed", 0)
    final = _run(kind, url, target)
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


def _round(kind: str, url: str, target: Any, students: int, kills: int, seed: int) -> Counter[str]:
    chance, done, runs = random.Random(seed), 0, 0
    for _ in range(kills):
        process = _start(kind, url, target)
        runs, goal = runs + 1, target.writes() + chance.randint(1, max(2, students // kills))
        while target.writes() < goal and process.poll() is None:
            time.sleep(0.002)
        time.sleep(chance.uniform(0, 0.02))
        if process.poll() is None:
            process.kill()
            done += 1
        process.communicate()
    outcomes = _run(kind, url, target)
    while set(outcomes) - {"delivered", "unchanged"}:
        runs, outcomes = runs + 1, _run(kind, url, target)
        if runs > 50 + kills:
            break
    return Counter(kills=done, runs=runs + 1)


def _start(kind: str, url: str, target: Any) -> "subprocess.Popen[Any]":
    given = kind, url, json.dumps(target.addresses)
    return start("tests.harness.killed_sender", *given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _run(kind: str, url: str, target: Any) -> dict[str, int]:
    """The outcomes of a run to its end; `{"ended": 1}` if an error ended it while it was reading."""
    answer, _ = _start(kind, url, target).communicate()
    return json.loads(answer) if answer else {"ended": 1}


def _rating(lab: Lab, number: int) -> Callable[[int, int], str]:
    def choose(student: int, criterion: int) -> str:
        ratings = lab.criteria[criterion].ratings
        return ratings[(student + criterion + number) % len(ratings)].title

    return choose


def _equal(store: Store, lab: Lab, shown: dict[str, float | None]) -> int:
    totals = {each.student: each.total for each in read_records(store, COURSE, lab.name)}
    return sum(shown.get(student) == total for student, total in totals.items())


if __name__ == "__main__":
    main()
