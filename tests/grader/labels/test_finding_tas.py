"""Simulated courses: texts that carry signal, ratings that are noisy, TAs of whom one may rate unlike the others."""

import numpy as np
import pytest

from grader.labels.out_of_fold import out_of_fold
from grader.labels.suspects import given_by, suspects
from grader.labels.tas import Ta, tas
from labs_schema.models import Criterion, HumanGrade, Lab, Rating, SourceFile, Submission

TAS, WORKS, CRITERIA, RATINGS = 8, 20, 3, 3
NOISE, UNTOLD = 0.15, 0.2
"""The share of ratings that even a good TA gives at random, and of criteria of which a text tells nothing."""
ODD = "ta3"


def criterion(number: int) -> Criterion:
    ratings = tuple(Rating(title="ABC"[r], marks=float(RATINGS - 1 - r)) for r in range(RATINGS))
    return Criterion(title=f"Criterion {number}?", ratings=ratings)


def program(true: list[int], untold: float, chance: np.random.Generator) -> str:
    told = [t if chance.random() > untold else int(chance.integers(RATINGS)) for t in true]
    lines = [f"total = {900 + 10 * c + t};" for c, t in enumerate(told)]
    lines += [f"if (x < {n}) y += {n % 7};" for n in chance.integers(0, 800, 8)]
    return "\n".join(str(line) for line in chance.permutation(lines))


def course(seed: int, odd=None, noise: float = NOISE, untold: float = UNTOLD) -> Lab:
    """`odd`: true rating -> what the TA `ODD` gives for it."""
    chance = np.random.default_rng(seed)
    submissions, grades = [], []
    for number in range(TAS * WORKS):
        student, ta = f"s{number:03d}", f"ta{number % TAS}"
        true = [int(t) for t in chance.choice(RATINGS, CRITERIA, p=[0.5, 0.3, 0.2])]
        files = (SourceFile(path="main.c", text=program(true, untold, chance)),)
        submissions.append(Submission(student=student, folder=student, files=files))
        for c, rating in enumerate(true):
            given = rating if chance.random() > noise else int(chance.integers(RATINGS))
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


def judged(lab: Lab) -> dict[str, Ta]:
    return {line.rater: line for line in tas([lab], out_of_fold([lab]), given_by([lab]))}


def alarms(lab: Lab) -> dict[str, tuple[str, ...]]:
    return {rater: line.alarms for rater, line in judged(lab).items() if line.alarms}


@pytest.mark.slow
def test_a_ta_who_inverts_ratings_is_found_and_no_other_is_accused() -> None:
    found = [alarms(course(seed, odd=lambda rating: RATINGS - 1 - rating)) for seed in range(20)]
    assert sum("inverts ratings" in each.get(ODD, ()) for each in found) >= 19
    assert sum(len(each.keys() - {ODD}) for each in found) <= 1


@pytest.mark.slow
def test_in_courses_whose_tas_rate_alike_hardly_anybody_is_accused() -> None:
    assert sum(len(alarms(course(100 + seed))) for seed in range(20)) <= 1


def test_a_ta_who_always_gives_one_rating_is_named_with_it() -> None:
    found = alarms(course(7, odd=lambda _: 1))
    assert found.keys() == {ODD} and "always gives B of Criterion 0?" in found[ODD]


def test_a_ta_who_is_stricter_is_told_by_how_many_marks() -> None:
    line = judged(course(8, odd=lambda rating: min(rating + 1, RATINGS - 1)))[ODD]
    assert line.shift is not None and -1.1 < line.shift < -0.4
    assert any(alarm.startswith("stricter by ") for alarm in line.alarms)


def test_most_labels_that_are_listed_were_changed() -> None:
    lab = course(9, noise=0.02, untold=0.02)
    right = {(g.student, g.criterion): g.rating for g in lab.human_grades}
    changed = {key for number, key in enumerate(right) if number % 11 == 0}
    grades = tuple(
        g.model_copy(update={"rating": {"A": "C", "B": "A", "C": "A"}[g.rating]})
        if (g.student, g.criterion) in changed and g.rating
        else g
        for g in lab.human_grades
    )
    wrong = lab.model_copy(update={"human_grades": grades})
    found, noise = suspects([wrong], out_of_fold([wrong]))
    hits = [each for each in found if (each.student, each.criterion) in changed]
    assert len(hits) >= 10 and len(hits) / len(found) > 0.5, "of all labels 1 in 11 is changed"
    assert np.mean([each.expected == right[each.student, each.criterion] for each in hits]) > 0.8
    assert {each.labels for each in noise} == {TAS * WORKS}
