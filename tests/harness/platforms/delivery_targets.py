"""Fake platforms whose network fails in every way. They count comments, attempts and repeated saves."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from labs_schema.models import Criterion, Lab, Rating
from tests.harness.lti.fake_lti import FakeLti
from tests.harness.lti.tokens import private_key, public_jwk
from tests.harness.platforms.adapters import KID, canvas_rubric
from tests.harness.platforms.fake_canvas import FakeCanvas
from tests.harness.platforms.fake_moodle import FakeMoodle
from tests.harness.platforms.fake_moodle_server import serving

SHARE = 0.2
"""Part of the requests that fail."""


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
        self.fake = FakeCanvas(students, canvas_rubric(lab) if "rubric" in kind else None, points=12)
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
        self.fake = FakeMoodle(draw=lambda: self.draw() or "", retry_after=0)
        people = [{"id": 1000 + n, "idnumber": f"s{n:03d}", "recordid": -1} for n in range(students)]
        self.fake.people = people
        self._serving = serving(self.fake)
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
