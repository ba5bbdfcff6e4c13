"""The labs of a benchmark of heads, their features, and the names of graders."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from grader.heads.base import HeadBase
from grader.heads.fitting import LabFeatures, Ratings
from labs_schema.models import Lab
from serving.measures.decisions import Decision
from training.head.basis import Shares, make_basis

MODEL, SHARE = "smollm2-135m", 0.7
"""The base model, and the share of students for training."""
MAJORITY, WORDS, HEAD = "majority", "bag of words", "head"
EVIDENCE, BOTH = "evidence alone", "head + evidence"
Rows = dict[tuple[str, str], list[Decision]]
"""(setting, grader) -> decisions."""


class Course(NamedTuple):
    """`features`: of all programs, as each kind of head reads them."""

    labs: list[Lab]
    features: dict[str, LabFeatures]
    base: HeadBase


def kinds_of_heads(features: LabFeatures) -> dict[str, LabFeatures]:
    """`HEAD` without the evidence in `features`; if there is any, also `EVIDENCE` without code, and `BOTH`."""
    programs = features.programs
    nothing = {"evidence": np.zeros_like(programs.evidence), "observed": np.zeros_like(programs.observed)}
    found = {HEAD: features._replace(programs=programs._replace(**nothing))}
    if programs.observed.any():
        without_code = programs._replace(text=programs.text * 0, hidden=programs.hidden * 0)
        basis = make_basis(without_code, Shares(), 0)
        found[EVIDENCE] = features._replace(programs=without_code, basis=basis)
        found[BOTH] = features
    return found


def rated_by(lab: Lab, students: Iterable[str]) -> Ratings:
    chosen = set(students)
    return {student: given for student, given in lab.ratings_by_student.items() if student in chosen}


def without_observations(lab: Lab) -> Lab:
    plain = tuple(each.model_copy(update={"observations": None}) for each in lab.submissions)
    return lab.model_copy(update={"submissions": plain})
