"""Real labs with 5 % of their labels changed: how many of the listed labels are changed ones."""

import random
from pathlib import Path

import pytest

from grader.labels.out_of_fold import out_of_fold
from grader.labels.suspects import suspect_labels
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab

LABS = Path(__file__).parents[4] / "shared" / "labs"


def with_label_noise(lab: Lab, share: float, rng: random.Random) -> tuple[Lab, set[tuple[str, str, str]]]:
    """The lab with a random `share` of its ratings changed, and the changed ones."""
    changed, grades = set(), []
    for grade in lab.human_grades:
        if grade.rating is not None and rng.random() < share:
            others = [r.title for r in lab.criterion(grade.criterion).ratings if r.title != grade.rating]
            grade = grade.model_copy(update={"rating": rng.choice(others)})
            changed.add((lab.name, grade.student, grade.criterion))
        grades.append(grade)
    return lab.model_copy(update={"human_grades": tuple(grades)}), changed


@pytest.mark.slow
@pytest.mark.skipif(not LABS.is_dir(), reason="needs the real labs; test_ta_summaries.py uses simulated ones")
def test_changed_labels_of_real_labs_are_listed_first() -> None:
    rng = random.Random(0)
    labs, changed = [], set()
    for folder in sorted(LABS.glob("cpack_*"))[:5]:
        lab, its = with_label_noise(load_lab(folder), 0.05, rng)
        labs.append(lab)
        changed |= its
    found, noise = suspect_labels(labs, out_of_fold(labs))
    hits = [(each.lab, each.student, each.criterion) in changed for each in found]
    labels = sum(each.labels for each in noise)
    for top in (20, 50, 100, len(hits)):
        print(f"{sum(hits[:top])} of the first {top} were changed")  # noqa: T201 (docs/measurements/label-noise.md)
    assert sum(hits[:50]) / 50 > 5 * len(changed) / labels
    assert sum(hits) > len(changed) / 2
