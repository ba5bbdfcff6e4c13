"""Learning curves of a new lab, of which a simulated TA rates random programs or those that `grader label` proposes."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.heads.course import HEAD, MAJORITY, WORDS, Course, Rows, without_observations
from benchmarks.heads.graders import answer, by_majority, by_words
from grader.heads.session import LabelSession
from labs_schema.grades import CriterionGrade
from labs_schema.models import Lab
from serving.measures.decisions import Decision, decisions_from_answers

WORDS_DRAWS = 2
"""Draws that bag of words takes part in: its fits take longest."""
BATCH = 5
"""Programs that the simulated TA rates between two refits."""
RANDOM, CHOSEN = "random programs", "chosen programs"


class NewLab(NamedTuple):
    """A lab to rate with the other labs as training data. `students`: those with a rating."""

    lab: Lab
    others: list[Lab]
    session: LabelSession
    students: list[str]


def new_labs(course: Course) -> list[NewLab]:
    labs, found = [without_observations(lab) for lab in course.labs], []
    for lab in labs:
        others = [other for other in labs if other is not lab]
        session = LabelSession(lab.model_copy(update={"human_grades": ()}), others, course.base)
        students = [s.student for s in session.submissions if s.student in lab.ratings_by_student]
        found.append(NewLab(lab, others, session, students))
    return found


def random_programs(new: NewLab, rows: Rows, draw: int, counts: Sequence[int]) -> list[float]:
    """One learning curve. `counts`: of rated programs. Returns the seconds of each refit."""
    seconds = []
    order = [new.students[i] for i in np.random.default_rng(draw).permutation(len(new.students))]
    new.session.ratings.clear()
    for count in counts:
        rated, rest = order[:count], [s for s in new.students if s not in order[:count]]
        if not rated and draw:
            continue  # without ratings all draws are the same
        seconds.append(_rate(new, rated))
        found = {HEAD: _predict(new, rest), MAJORITY: by_majority(new.lab, rated, new.others, rest)}
        if draw < WORDS_DRAWS:
            known = [(other, list(other.ratings_by_student)) for other in new.others]
            found[WORDS] = by_words([*known, (new.lab, rated)], [(new.lab, rest)])
        for grader, decisions in found.items():
            rows.setdefault((f"{count} rated", f"{grader}, {RANDOM}"), []).extend(decisions)
    return seconds


def chosen_programs(new: NewLab, rows: Rows, counts: Sequence[int]) -> list[float]:
    """As `random_programs`, in the order of `grader label`."""
    session = new.session
    session.ratings.clear()
    seconds = [_rate(new, [])]
    while True:
        if (count := len(session.ratings)) in counts:
            rest = [s for s in new.students if s not in session.ratings]
            rows.setdefault((f"{count} rated", f"{HEAD}, {CHOSEN}"), []).extend(_predict(new, rest))
        if count >= max(counts):
            return seconds
        proposed = [s.student for s in session.next_submissions(BATCH) if s.student in new.students]
        seconds.append(_rate(new, [*session.ratings, *proposed]))


def _rate(new: NewLab, students: Sequence[str]) -> float:
    for student in students:
        for criterion, rating in new.lab.ratings_by_student[student].items():
            new.session.rate(student, criterion, rating)
    started = time.monotonic()
    new.session.refit()
    return time.monotonic() - started


def _predict(new: NewLab, students: Sequence[str]) -> list[Decision]:
    place = {s.student: i for i, s in enumerate(new.session.submissions)}
    answers: list[tuple[str, CriterionGrade]] = []
    for criterion in new.lab.criteria:
        found = new.session.probabilities(criterion)
        if found is not None:
            answers += [(s, answer(criterion, found[place[s]])) for s in students]
    return decisions_from_answers(new.lab, answers)
