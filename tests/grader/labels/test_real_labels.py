"""Labels measured by tests, 5 % of them changed: how many of those that are listed first were changed."""

import random
from pathlib import Path

import pytest

from grader.labels.out_of_fold import out_of_fold
from grader.labels.suspects import suspects
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab

LABS = Path(__file__).parents[4] / "shared" / "labs"


def spoiled(lab: Lab, share: float, chance: random.Random) -> tuple[Lab, set[tuple[str, str, str]]]:
    """The lab with that share of its ratings changed, and which."""
    changed, grades = set(), []
    for grade in lab.human_grades:
        if grade.rating is not None and chance.random() < share:
            others = [r.title for r in lab.criterion(grade.criterion).ratings if r.title != grade.rating]
            grade = grade.model_copy(update={"rating": chance.choice(others)})
            changed.add((lab.name, grade.student, grade.criterion))
        grades.append(grade)
    return lab.model_copy(update={"human_grades": tuple(grades)}), changed


@pytest.mark.slow
@pytest.mark.skipif(not LABS.is_dir(), reason="no real labs here; test_finding_tas.py has simulated ones")
def test_changed_labels_of_real_labs_are_listed_far_more_often_than_by_chance() -> None:
    chance = random.Random(0)
    labs, changed = [], set()
    for folder in sorted(LABS.glob("cpack_*"))[:5]:
        lab, its = spoiled(load_lab(folder), 0.05, chance)
        labs.append(lab)
        changed |= its
    found, noise = suspects(labs, out_of_fold(labs))
    hits = [(each.lab, each.student, each.criterion) in changed for each in found]
    labels = sum(each.labels for each in noise)
    for top in (20, 50, 100, len(hits)):
        print(f"{sum(hits[:top])} of the first {top} were changed")  # noqa: T201 (docs/guide/label-noise.md shows it: -s)
    assert sum(hits[:50]) / 50 > 5 * len(changed) / labels
    assert sum(hits) > len(changed) / 2
