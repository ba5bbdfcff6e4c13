"""Real stores, and a recorder that writes grades into them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, SourceFile, Submission
from serving.store.store import Store, open_store


@pytest.fixture
def store(new_url: Callable[[], str]) -> Iterator[Store]:
    opened = open_store(new_url())
    yield opened
    opened.close()


def written_by(pseudonym: str, text: str = "int main(void) { return 0; }\n") -> Submission:
    return Submission(student=pseudonym, folder=pseudonym, files=(SourceFile(path="main.c", text=text),))


def graded(lab: Lab, submission: Submission, rating: str = "A", reasoning: str | None = None) -> Grade:
    """The grade of a model that rates every criterion with `rating`."""
    source = {name: name for name in Provenance.model_fields}
    source |= {
        "rubric_hash": rubric_hash(lab),
        "submission_hash": submission_hash(submission),
        "observations_hash": None,
    }
    criteria = tuple(
        CriterionGrade(
            criterion=each.title,
            rating=rating,
            probabilities={r.title: 1 / 3 if len(each.ratings) == 3 else 0.5 for r in each.ratings},
            confidence=1 / 3,
            label_mass=0.1 + 0.2,
            marks=each.rating(rating).marks,
            max_marks=each.max_marks,
            status=Status.ACCEPTED,
            reasoning=reasoning,
        )
        for each in lab.criteria
    )
    return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=Provenance(**source))


class Hand:
    """Writes like the service: `grade` records one grade and returns its id, None for a forgotten student."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    written_by = staticmethod(written_by)
    graded = staticmethod(graded)

    def grade(self, store: Store, pseudonym: str, *, request: str = "r1", **how: Any) -> str | None:
        text = how.pop("text", "int main(void) { return 0; }\n")
        submission = written_by(pseudonym, text)
        given = graded(self.lab, submission, **how)
        [grade_id] = store.record_grades(self.lab, [submission], [given], request=request, actor="job")
        return grade_id


@pytest.fixture
def hand(make_lab: Callable[..., Lab]) -> Hand:
    return Hand(make_lab(students=0))
