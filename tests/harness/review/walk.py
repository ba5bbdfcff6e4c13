"""A random walk of three TAs over the review pages, by HTTP. Each step is compared with a model of the store."""

from collections import Counter
from collections.abc import Callable, Collection

from labs_schema.models import Lab
from serving.store.store import Store
from tests.harness.courses.synthetic_lab import synthetic_lab
from tests.harness.review.answers import AnsweredQuestions
from tests.harness.review.assigning import AssignmentPages
from tests.harness.review.comparison import faults, finished
from tests.harness.review.lab_pages import LabPages
from tests.harness.review.second_marking import SecondMarkings
from tests.harness.review.site import TAS, Host, Site
from tests.harness.review.submissions import SubmissionPages

KINDS = {
    "open": 5,
    "act": 12,
    "draft": 2,
    "race": 2,
    "bulk": 0.5,
    "group": 1.2,
    "assign": 0.8,
    "second": 0.4,
    "answer": 1,
    "override": 0.7,
    "regrade": 0.4,
    "restart": 0.4,
}
"""Kind of action -> weight."""


STUDENTS, EQUAL = 8, 3


def walk_lab() -> Lab:
    """`STUDENTS` submissions, of which the last `EQUAL` are equal."""
    lab = synthetic_lab(STUDENTS)
    last = lab.submissions[-1].files
    alike = (each.model_copy(update={"files": last}) for each in lab.submissions[-EQUAL:])
    return lab.model_copy(update={"submissions": (*lab.submissions[:-EQUAL], *alike)})


class ReviewWalk:
    """`step` does one action and compares; `counts`: how often each kind of event happened. `kinds`: all by default."""

    def __init__(self, store: Store, host: Host, course: str, seed: int, kinds: Collection[str] = KINDS) -> None:
        self._kinds = {name: KINDS[name] for name in kinds}
        self.site = site = Site(store, host, course, seed)
        submissions = SubmissionPages(site)
        lab = LabPages(site, lambda: submissions.act(self._someone()))
        self._assignments, self._second = AssignmentPages(site), SecondMarkings(site)
        answers = AnsweredQuestions(site, submissions)
        self._actions: dict[str, Callable[[], None]] = {
            "open": lambda: submissions.read(self._someone()),
            "act": lambda: submissions.act(self._someone()),
            "draft": lambda: submissions.draft(self._someone()),
            "race": submissions.race,
            "bulk": lambda: lab.bulk(self._someone()),
            "group": lambda: lab.group(self._someone()),
            "assign": lambda: self._assignments.assign(self._someone()),
            "second": lambda: self._second.draw(self._someone()),
            "answer": lambda: answers.decide(self._someone()),
            "override": lambda: lab.override(self._someone()),
            "regrade": site.regrade,
            "restart": self._restart,
        }

    @property
    def counts(self) -> Counter[str]:
        return self.site.counts

    @property
    def number(self) -> int:
        return self.site.number

    def step(self) -> None:
        site = self.site
        site.number += 1
        kind = site.chance.choices(list(self._kinds), list(self._kinds.values()))[0]
        site.counts[kind] += 1
        self._actions[kind]()
        self.compare()

    def compare(self) -> None:
        """Compares the students of this step, and every 50 steps all."""
        site = self.site
        found = faults(site, site.model, None if site.number % 50 == 0 else site.touched)
        site.touched = set()
        assert not any(found.values()), (site.number, found)
        self._assignments.compare()
        self._second.compare()

    def finish(self) -> dict[str, int]:
        """Sums of faults after the last step."""
        return finished(self.site)

    def _someone(self) -> str:
        return self.site.chance.choice(TAS)

    def _restart(self) -> None:
        self.site.kill()
        self.site.host.restart()
