"""A lab and a model without files or weights: every grade is a function of the program's text, so all are known."""

import time
from collections.abc import Sequence

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.hashes import canonical_hash, rubric_hash, submission_hash
from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from serving.grading.retries import Outcome
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.store.store import Store

COURSE, LAB = "course", "chaos"


def synthetic_lab(count: int) -> Lab:
    """`count` submissions, three criteria."""
    ratings = tuple(Rating(title=title, marks=marks) for title, marks in (("A", 2.0), ("B", 1.0), ("C", 0.0)))
    criteria = tuple(Criterion(title=f"Criterion {i}?", ratings=ratings) for i in range(3))
    submissions = tuple(
        Submission(student=f"s{i}", folder=f"s{i}", files=(SourceFile(path="a.c", text=f"int a = {i};\n"),))
        for i in range(count)
    )
    problem = "Write a."
    return Lab(
        name=LAB, problem=problem, short_problem=problem, language="C", criteria=criteria, submissions=submissions
    )


def expected_grade(lab: Lab, submission: Submission) -> Grade:
    """The grade of a model that hashes the program."""
    source = dict.fromkeys(Provenance.model_fields, "0" * 64)
    source |= {
        "rubric_hash": rubric_hash(lab),
        "submission_hash": submission_hash(submission),
        "observations_hash": None,
    }
    criteria = []
    for criterion in lab.criteria:
        number = int(canonical_hash([criterion.title, submission.files[0].text]), 16)
        shares = [1 + (number >> shift) % 97 for shift in (0, 8, 16)]
        titles = [rating.title for rating in criterion.ratings]
        probabilities = {title: share / sum(shares) for title, share in zip(titles, shares, strict=True)}
        rating = max(titles, key=probabilities.__getitem__)
        criteria.append(
            CriterionGrade(
                criterion=criterion.title,
                rating=rating,
                probabilities=probabilities,
                confidence=probabilities[rating],
                label_mass=1.0,
                marks=criterion.rating(rating).marks,
                max_marks=criterion.max_marks,
                status=Status.NEEDS_REVIEW,
            )
        )
    return Grade(lab=lab.name, student=submission.student, criteria=tuple(criteria), provenance=Provenance(**source))


class HashBackend:
    """A worker's backend that grades `lab` by `expected_grade`, in `pace` seconds a submission."""

    def __init__(self, store: Store, lab: Lab, pace: float) -> None:
        self.store, self.jobs, self._lab, self._pace = store, JobRepository(store.database), lab, pace

    def lab(self, job: Job) -> Lab:  # noqa: ARG002
        return self._lab

    def observe(self, job: Job, submissions: Sequence[Submission]) -> list[Submission]:  # noqa: ARG002
        return [*submissions]

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Outcome]:
        time.sleep(self._pace * len(submissions))
        return [expected_grade(lab, submission) for submission in submissions]
