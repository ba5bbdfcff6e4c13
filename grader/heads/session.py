"""A labelling session: a TA rates programs of a new lab, and a head learns from each of them."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from grader.heads.base import HeadBase
from grader.heads.fitting import (
    HeadSettings,
    HeldOut,
    LabFeatures,
    Progress,
    RatedLab,
    fit_lab_heads,
    read_features,
)
from labs_schema.hashes import canonical_hash
from labs_schema.models import Criterion, Lab, Submission
from serving.head.head import Head, head_hash
from serving.head.hidden_states import Hidden
from serving.review.labelling.labelling import Estimate, ProposedProgram, Version
from training.head.basis import Floats
from training.head.proposals import propose, resembling
from training.head.regression import softmax

RESAMPLES = 1000
FEW = 5
"""With fewer students, resamples are so alike that a bootstrap interval would be much too narrow."""
CANDIDATES = 1000
"""Programs among which the next is chosen; more would make the choice slow."""


class LabelSession:
    """`lab` is the lab to rate, `others` are rated labs to learn from. Reads all programs once when created."""

    def __init__(
        self, lab: Lab, others: Sequence[Lab], base: HeadBase, *, seed: int = 0, progress: Progress = lambda *_: None
    ) -> None:
        self.lab, self._others, self._base = lab, others, base
        self._settings = HeadSettings(own=lab.name, seed=seed)
        self.submissions = [s for s in lab.submissions if any(file.text.strip() for file in s.files)]
        known = [(other, [s for s in other.submissions if s.student in other.ratings_by_student]) for other in others]
        self._features: LabFeatures = read_features([(lab, self.submissions), *known], base, seed, progress)
        self.ratings: dict[str, dict[str, str]] = {
            student: dict(given) for student, given in lab.ratings_by_student.items()
        }
        self.head: Head | None = None

    @property
    def can_fit(self) -> bool:
        """Whether there is any rating to learn from, of this lab or another."""
        return bool(self.ratings or self._others)

    def rate(self, student: str, criterion: str, rating: str) -> None:
        """Sets a rating, in memory only. Raises KeyError for an unknown criterion or rating."""
        self.lab.criterion(criterion).rating(rating)
        self.ratings.setdefault(student, {})[criterion] = rating

    @property
    def rated(self) -> list[Submission]:
        """The submissions with a rating of every criterion."""
        return [s for s in self.submissions if len(self.ratings.get(s.student, {})) == len(self.lab.criteria)]

    def next_submissions(self, count: int = 1, skipped: Sequence[str] = ()) -> list[Submission]:
        """The programs to rate next, most informative first, without the students `skipped`."""
        done = {s.student for s in self.rated} | set(skipped)
        open_rows = [i for i, s in enumerate(self.submissions) if s.student not in done]
        rated_rows = [i for i, s in enumerate(self.submissions) if s.student in done]
        if len(open_rows) > CANDIDATES:
            open_rows = np.sort(np.random.default_rng(0).permutation(open_rows)[:CANDIDATES]).tolist()
        rows = np.array([*rated_rows, *open_rows])
        points = self._features.basis.points[rows]
        chosen = propose(points, self._doubt()[rows], np.arange(len(rated_rows)), count)
        return [self.submissions[rows[row]] for row in chosen]

    def proposals(self, count: int) -> list[ProposedProgram]:
        """The programs to rate next, with the reasons, which reveal no predicted rating."""
        chosen = self.next_submissions(count)
        row = {submission.student: i for i, submission in enumerate(self.submissions)}
        rated = np.array([row[submission.student] for submission in self.rated], int)
        left = np.setdiff1d(np.arange(len(self.submissions)), rated)
        points = self._features.basis.points[: len(self.submissions)]
        doubt = self._doubt() / np.log(max(2, *(len(criterion.ratings) for criterion in self.lab.criteria)))
        return [
            ProposedProgram(
                student=each.student,
                resembles=resembling(points, row[each.student], rated, left),
                left=len(left),
                doubt=float(doubt[row[each.student]]) if self.head else None,
            )
            for each in chosen
        ]

    def refit(self) -> Version:
        """Fits a new version of the head on all ratings so far."""
        own = RatedLab(self.lab, self.submissions, self.ratings)
        others = [RatedLab(other, other.submissions, other.ratings_by_student) for other in self._others]
        ratings_hash = canonical_hash(self.ratings)
        head, held_out = fit_lab_heads(
            [own, *others], self._features, self._base, self._settings, dataset_hash=ratings_hash
        )
        self.head = head
        return Version(
            head_hash=head_hash(head),
            ratings_hash=ratings_hash,
            programs=len(self.rated),
            estimate=estimate([d for d in held_out if d.lab == self.lab.name]),
            made=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def probabilities(self, criterion: Criterion) -> Floats | None:
        """(submissions, ratings): the last version's probabilities; None if it cannot rate the criterion."""
        programs = self._features.of(slice(len(self.submissions)))
        parts = self.head and self.head.logits(programs, self.lab.name, criterion, self._embed)
        return softmax(np.sum([*parts.values()], axis=0)) if parts else None

    def _doubt(self) -> Floats:
        """(submissions,): the mean entropy of a program's predicted ratings in nats; 1 if nothing is predicted."""
        predicted = [each for c in self.lab.criteria if (each := self.probabilities(c)) is not None]
        if not predicted:
            return np.ones(len(self.submissions))
        found: Floats = np.mean([-(each * np.log(each + 1e-12)).sum(axis=1) for each in predicted], axis=0)
        return found

    def _embed(self, text: str) -> Hidden:
        states: Hidden = self._base.states.means([text])[0]
        return states


def estimate(held_out: Sequence[HeldOut]) -> Estimate | None:
    """Bootstrap over students, those of a group together; None without ratings.

    `majority`: of the majority class, leaving each group out.
    """
    if not held_out:
        return None
    students = sorted({d.cluster for d in held_out})
    right, total, plain = (np.zeros(len(students)) for _ in range(3))
    for decision in held_out:
        i = students.index(decision.cluster)
        total[i] += 1
        right[i] += decision.ratings[int(np.argmax(decision.probabilities))] == decision.given
        plain[i] += _majority(held_out, decision) == decision.given
    draws = np.random.default_rng(0).integers(len(students), size=(RESAMPLES, len(students)))
    low, high = np.quantile(right[draws].sum(axis=1) / total[draws].sum(axis=1), [0.025, 0.975])
    if len(students) < FEW:
        low, high = _wilson(float(right.sum() / total.sum()), len(students))
    return Estimate(
        agreement=float(right.sum() / total.sum()),
        low=float(low),
        high=float(high),
        majority=float(plain.sum() / total.sum()),
        programs=len({d.student for d in held_out}),
        decisions=len(held_out),
    )


def _wilson(share: float, students: int) -> tuple[float, float]:
    """Wilson's 95 % interval (1927) as if the ratings of a student were all the same: so wide that it is safe."""
    z = 1.96
    middle = (share + z**2 / (2 * students)) / (1 + z**2 / students)
    half = z * (share * (1 - share) / students + z**2 / (4 * students**2)) ** 0.5 / (1 + z**2 / students)
    return max(0.0, middle - half), min(1.0, middle + half)


def _majority(held_out: Sequence[HeldOut], decision: HeldOut) -> str:
    """The most frequent rating that the other students got for the criterion."""
    others = [d.given for d in held_out if d.criterion == decision.criterion and d.cluster != decision.cluster]
    return max(decision.ratings, key=others.count)
