"""Agreement of the TA's ratings among submissions that the page of unclear criteria lists together.

Run: python -m benchmarks.pages.doubts FOLDER_OF_OBSERVED_LABS

The labs have observations (`grader observe`). The model is bag of words, trained on the other four of five groups of
students. *Same* is the share of pairs in a list that have the same rating from the TA: then one answer fits both.
*Same two ratings*: the share of pairs about which the model hesitates between the same two ratings of the criterion,
whatever their outcomes. *Any pair*: of all pairs of submissions, for the same criteria. Intervals: 95 %, over lists.

Time: minutes. Figures: docs/measurements/reviewing.md.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from grader.bag_of_words import BagOfWords
from labs_schema.decided_by import evidence_lines
from labs_schema.limits import PageLimits
from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import lab_folders, load_lab
from serving.review.doubts import hesitates_between

FOLDS, RESAMPLES, SEED = 5, 2000, 0
Key = tuple[str, str, str, str]
"""Lab, criterion, and the two ratings."""


class Hesitation(NamedTuple):
    key: Key
    outcomes: tuple[str, ...]
    rating: str


def hesitations(labs: Sequence[Lab]) -> list[Hesitation]:
    """With the TA's ratings; by models that did not learn from the student."""
    students, found = sorted({s for lab in labs for s in lab.ratings_by_student}), []
    for fold in range(FOLDS):
        tested = set(students[fold::FOLDS])
        model = BagOfWords()
        model.fit([(lab, [s for s in lab.submissions if s.student not in tested]) for lab in labs])
        for lab in labs:
            found += of_lab(lab, model, [s for s in lab.submissions if s.student in tested])
    return found


def of_lab(lab: Lab, model: BagOfWords, tested: Sequence[Submission]) -> Iterable[Hesitation]:
    outcomes = {each.student: shown_outcomes(each) for each in tested}
    for student, answer in model.grade(lab, tested):
        pair = hesitates_between(lab.criterion(answer.criterion), answer.probabilities or {})
        rating = lab.ratings_by_student.get(student, {}).get(answer.criterion)
        if pair and rating:
            yield Hesitation((lab.name, answer.criterion, *pair), outcomes[student], rating)


def shown_outcomes(submission: Submission) -> tuple[str, ...]:
    """Those next to the ratings of a model."""
    seen = submission.observations
    results = [each for each in seen.results if not each.passed or each is seen.build] if seen else []
    return tuple(sorted({f"{each.check}: {each.outcome}" for each in evidence_lines(results)}))


def equal_pairs(ratings: Iterable[str]) -> float:
    """The share of pairs with equal ratings."""
    counts = Counter(ratings)
    total = counts.total()
    return sum(n * (n - 1) for n in counts.values()) / (total * (total - 1))


def share(lists: Sequence[tuple[int, float]]) -> str:
    """The mean of shares with their weights, and its interval."""
    table = np.array([(n * value, n) for n, value in lists])
    drawn = np.random.default_rng(SEED).integers(len(table), size=(RESAMPLES, len(table)))
    sums = table[drawn].sum(axis=1)
    low, high = np.quantile(sums[:, 0] / sums[:, 1], (0.025, 0.975))
    return f"{table[:, 0].sum() / table[:, 1].sum():.3f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", type=Path)
    labs = [load_lab(folder) for folder in lab_folders(parser.parse_args().labs)]
    found, lists = hesitations(labs), dict[tuple[Key, tuple[str, ...]], list[str]]()
    by_pair: dict[Key, list[str]] = {}
    for each in found:
        lists.setdefault((each.key, each.outcomes), []).append(each.rating)
        by_pair.setdefault(each.key, []).append(each.rating)
    shown = {key: ratings for key, ratings in lists.items() if len(ratings) >= PageLimits().doubt_submissions}
    given = {
        (lab.name, c.title): [r[c.title] for r in lab.ratings_by_student.values() if c.title in r]
        for lab in labs
        for c in lab.criteria
    }
    rows = {
        "same outcomes": [(len(ratings), equal_pairs(ratings)) for ratings in shown.values()],
        "same two ratings": [(len(ratings), equal_pairs(by_pair[key])) for (key, _), ratings in shown.items()],
        "any pair": [(len(ratings), equal_pairs(given[key[:2]])) for (key, _), ratings in shown.items()],
    }
    uniform = sum(len(set(ratings)) == 1 for ratings in shown.values())
    submissions = sum(map(len, shown.values()))
    print(f"{len(found)} hesitations; {len(shown)} lists of {submissions}, {uniform} with one rating")  # noqa: T201
    for name, values in rows.items():
        print(f"| {name} | {share(values)} |")  # noqa: T201


if __name__ == "__main__":
    main()
