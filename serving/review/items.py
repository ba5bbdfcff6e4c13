"""A submission under review: its current machine grade and people's decisions on it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from labs_schema.grades import Status
from labs_schema.models import Criterion
from serving.scoring.triage import ReviewCode
from serving.store.grades.overrides import Decision, StoredOverride
from serving.store.students import is_anonymous

NO_DECISION = Decision()
FLAGS = frozenset({ReviewCode.SUSPICIOUS_TEXT, ReviewCode.VERIFICATION_DIFFERS, ReviewCode.VERIFICATION_FAILED})
"""Reasons that point to text that addresses the grader."""


@dataclass(frozen=True, slots=True)
class ReviewCriterion:
    """A criterion of a submission. `rating`: the model's, None if ungraded. `reasons`: why a person should look.

    `spread`: the expected change if a person decided, as a share of the criterion's marks (0 to 1); see `spread`.
    `marks`: the difference between its highest and lowest rating, None if the rubric has no marks.
    """

    title: str
    rating: str | None
    probability: float | None
    accepted: bool
    reasons: tuple[str, ...]
    spread: float
    marks: float | None
    decision: Decision = NO_DECISION

    @property
    def current(self) -> str | None:
        """The current rating: the person's, else the model's."""
        return self.decision.rating or self.rating

    @property
    def waits(self) -> bool:
        """Whether a person has to decide."""
        return self.decision.rating is None and not self.accepted

    @property
    def flagged(self) -> bool:
        return not FLAGS.isdisjoint(self.codes)

    @property
    def codes(self) -> tuple[str, ...]:
        """The stable codes of `reasons`."""
        return tuple(reason.partition(":")[0] for reason in self.reasons)


@dataclass(frozen=True)
class ReviewItem:
    """`grade` is the id of the current grade, `seq` the number of its audit entry. `name`: the student's id, None for
    anonymous work. `submission`: keyed hash of the files, `program`: their plain hash, equal for equal files, empty if
    no model graded them. The values of a list are computed once for each: a lab has thousands, and few change."""

    grade: str
    seq: int
    at: str
    student: str
    name: str | None
    submission: str
    program: str
    rubric: str
    request: str
    criteria: tuple[ReviewCriterion, ...] = field(repr=False)

    @cached_property
    def owner(self) -> str:
        return owner_of(self.student, self.name, self.submission)

    @cached_property
    def waiting(self) -> int:
        return sum(each.waits for each in self.criteria)

    @cached_property
    def decided(self) -> int:
        return sum(each.decision.rating is not None for each in self.criteria)

    @cached_property
    def active(self) -> tuple[tuple[str, StoredOverride], ...]:
        """Criterion title -> record, for all records that count."""
        return tuple((each.title, record) for each in self.criteria for record in each.decision.active)

    @cached_property
    def impact(self) -> float:
        """The expected change of the total if a person decided every criterion: in marks, or in criteria if the rubric
        has no marks. Only the model's grade counts, so that a decision does not move the submission in the list."""
        worth = (1.0 if each.marks is None else each.marks for each in self.criteria)
        return round(sum(each.spread * most for each, most in zip(self.criteria, worth, strict=True)), 9)

    @cached_property
    def lowest_probability(self) -> float:
        """That of the least certain rating, 0 if a criterion is ungraded."""
        return min((each.probability or 0.0 for each in self.criteria), default=0.0)

    def revision(self, criterion: ReviewCriterion) -> int:
        """The revision of a criterion as `serving.store.grades.choices` counts it."""
        return max(self.seq, criterion.decision.seq)


def owner_of(student: str, name: str | None, submission: str) -> str:
    """The key of the owner of a work. Anonymous work of many students has one pseudonym."""
    return f"{student} {submission}" if name is None or is_anonymous(name) else student


def review_criteria(
    document: Mapping[str, Any], criteria: Mapping[str, Criterion], decided: Mapping[str, Decision]
) -> tuple[ReviewCriterion, ...]:
    """`document`: a stored grade as JSON, which is not validated again: a lab has thousands."""
    found = []
    for each in document["criteria"]:
        criterion, rating = criteria[each["criterion"]], each.get("rating")
        probabilities = each.get("probabilities") or {}
        found.append(
            ReviewCriterion(
                title=each["criterion"],
                rating=rating,
                probability=probabilities.get(rating),
                accepted=each.get("status") == Status.ACCEPTED,
                reasons=tuple(each.get("review_reasons", ())),
                spread=spread(criterion, each) if document["provenance"] else 0.0,
                marks=_range(criterion),
                decision=fitting(decided.get(each["criterion"], NO_DECISION), criterion),
            )
        )
    return tuple(found)


def spread(criterion: Criterion, answer: Mapping[str, Any]) -> float:
    """The expected distance of a TA's rating from that of `answer`, a criterion's grade as JSON, from 0 to 1.

    With the probability `confidence` that a TA gives the same rating, which a calibration corrects, it is
    (1 - confidence) times the mean distance of the other ratings, weighted by their probabilities. Distances are in
    marks; without marks every other rating has distance 1. 1 if ungraded, 0 if observed outcomes decided.
    """
    rating, probabilities = answer.get("rating"), answer.get("probabilities") or {}
    if answer.get("decided"):
        return 0.0
    if rating is None or not probabilities:
        return 1.0
    others: dict[str, float] = {
        r.title: probabilities.get(r.title, 0.0) for r in criterion.ratings if r.title != rating
    }
    left = sum(others.values())
    confidence = answer.get("confidence")
    doubt = float(left if confidence is None else 1.0 - confidence)
    marks = _range(criterion)
    if not left:
        return 0.0
    if not marks:
        return doubt
    chosen = criterion.rating(rating).marks or 0.0
    distances = (abs((r.marks or 0.0) - chosen) * others.get(r.title, 0.0) for r in criterion.ratings)
    return doubt * sum(distances) / left / marks


def _range(criterion: Criterion) -> float | None:
    """Deductions count as other marks do."""
    low, high = criterion.min_marks, criterion.max_marks
    return None if low is None or high is None else high - low


def in_blind_sample(student: str, lab: str, criterion: str, share: float) -> bool:
    """Whether the model's rating is hidden until a person has chosen. Random, and the same at every visit."""
    digest = hashlib.sha256(f"{student}\0{lab}\0{criterion}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def fitting(decided: Decision, criterion: Criterion) -> Decision:
    """The decision; without the rating if the rubric no longer has it, because a person must then decide again."""
    if decided.rating is None or any(each.title == decided.rating for each in criterion.ratings):
        return decided
    return decided.model_copy(update={"rating": None})
