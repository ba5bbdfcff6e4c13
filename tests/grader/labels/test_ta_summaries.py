"""Alarms about TAs in simulated courses with informative programs, noisy ratings and at most one unusual TA."""

import numpy as np
import pytest

from grader.labels.out_of_fold import out_of_fold
from grader.labels.suspects import suspect_labels
from grader.labels.ta_summaries import TaSummary, ratings_by_ta, ta_summaries
from labs_schema.models import Criterion, HumanGrade, Lab, Rating, SourceFile, Submission

TAS, SUBMISSIONS, CRITERIA, RATINGS = 8, 20, 3, 3
NOISE, UNINFORMATIVE = 0.15, 0.2
"""Share of ratings that every TA gives at random, and of criteria that a program does not show."""
ODD = "ta3"
COURSES = [6, pytest.param(20, marks=pytest.mark.nightly)]


def criterion(number: int) -> Criterion:
    ratings = tuple(Rating(title="ABC"[r], marks=float(RATINGS - 1 - r)) for r in range(RATINGS))
    return Criterion(title=f"Criterion {number}?", ratings=ratings)


def program(true: list[int], uninformative: float, rng: np.random.Generator) -> str:
    shown = [t if rng.random() > uninformative else int(rng.integers(RATINGS)) for t in true]
    lines = [f"total = {900 + 10 * c + t};" for c, t in enumerate(shown)]
    lines += [f"if (x < {n}) y += {n % 7};" for n in rng.integers(0, 800, 8)]
    return "\n".join(str(line) for line in rng.permutation(lines))


def course(seed: int, odd=None, noise: float = NOISE, uninformative: float = UNINFORMATIVE) -> Lab:
    """`odd`: true rating -> the rating that the TA `ODD` gives."""
    rng = np.random.default_rng(seed)
    submissions, grades = [], []
    for number in range(TAS * SUBMISSIONS):
        student, ta = f"s{number:03d}", f"ta{number % TAS}"
        true = [int(t) for t in rng.choice(RATINGS, CRITERIA, p=[0.5, 0.3, 0.2])]
        files = (SourceFile(path="main.c", text=program(true, uninformative, rng)),)
        submissions.append(Submission(student=student, folder=student, files=files))
        for c, rating in enumerate(true):
            given = rating if rng.random() > noise else int(rng.integers(RATINGS))
            given = odd(given) if odd and ta == ODD else given
            grades.append(HumanGrade(student=student, criterion=f"Criterion {c}?", rating="ABC"[given], rater=ta))
    return Lab(
        name="lab1",
        problem="p",
        short_problem="p",
        language="C",
        criteria=tuple(map(criterion, range(CRITERIA))),
        submissions=tuple(submissions),
        human_grades=tuple(grades),
    )


def summaries(lab: Lab) -> dict[str, TaSummary]:
    return {each.rater: each for each in ta_summaries([lab], out_of_fold([lab]), ratings_by_ta([lab]))}


def alarms(lab: Lab) -> dict[str, tuple[str, ...]]:
    return {rater: each.alarms for rater, each in summaries(lab).items() if each.alarms}


@pytest.mark.slow
@pytest.mark.parametrize("courses", COURSES)
def test_ta_who_inverts_ratings_is_the_only_alarm(courses: int) -> None:
    found = [alarms(course(seed, odd=lambda rating: RATINGS - 1 - rating)) for seed in range(courses)]
    assert sum("inverts ratings" in each.get(ODD, ()) for each in found) >= 0.95 * courses
    assert sum(len(each.keys() - {ODD}) for each in found) <= 0.05 * courses


@pytest.mark.slow
@pytest.mark.parametrize("courses", COURSES)
def test_false_alarm_rate_among_equal_tas(courses: int) -> None:
    assert sum(len(alarms(course(100 + seed))) for seed in range(courses)) <= 0.05 * courses


def test_ta_who_always_gives_one_rating_raises_an_alarm() -> None:
    found = alarms(course(7, odd=lambda _: 1))
    assert found.keys() == {ODD} and "always gives B for Criterion 0?" in found[ODD]


def test_alarm_about_a_stricter_ta_names_the_mark_shift() -> None:
    summary = summaries(course(8, odd=lambda rating: min(rating + 1, RATINGS - 1)))[ODD]
    assert summary.shift is not None and -1.1 < summary.shift < -0.4
    assert any(alarm.startswith("stricter by ") for alarm in summary.alarms)


def test_most_suspect_labels_were_changed() -> None:
    lab = course(9, noise=0.02, uninformative=0.02)
    right = {(g.student, g.criterion): g.rating for g in lab.human_grades}
    changed = {key for number, key in enumerate(right) if number % 11 == 0}
    grades = tuple(
        g.model_copy(update={"rating": {"A": "C", "B": "A", "C": "A"}[g.rating]})
        if (g.student, g.criterion) in changed and g.rating
        else g
        for g in lab.human_grades
    )
    wrong = lab.model_copy(update={"human_grades": grades})
    found, noise = suspect_labels([wrong], out_of_fold([wrong]))
    hits = [each for each in found if (each.student, each.criterion) in changed]
    assert len(hits) >= 10 and len(hits) / len(found) > 0.5, "of all labels 1 in 11 is changed"
    assert np.mean([each.expected == right[each.student, each.criterion] for each in hits]) > 0.8
    assert {each.labels for each in noise} == {TAS * SUBMISSIONS}
