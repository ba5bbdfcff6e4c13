"""Agreement of a head fitted on few ratings, with and without the soft labels of a teacher head.

Run: python -m benchmarks.heads.distillation FOLDER_OF_LABS docs/measurements [--draws 5]

Writes distillation.md into the second folder. In each draw 30 % of the students are held out, and 10 programs of each
lab are rated. The teacher of a lab is a head on those 10 and on all ratings of the other labs, without the held-out
students'. It labels the lab's other programs, again without the held-out students'.

Time: 2 minutes. Figures: docs/measurements/distillation.md.
"""

import argparse
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.heads.course import Course, Rows, rated_by
from benchmarks.heads.graders import answer, by_majority
from benchmarks.heads.tables import RESAMPLES, interval, table
from grader.heads.base import open_base
from grader.heads.fitting import HeadSettings, RatedLab, Ratings, SoftRatings, fit_lab_heads, read_features
from grader.progress_bars import step_bars
from labs_schema.models import Lab
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.base_models import find_base
from serving.head.head import Head
from serving.measures.decisions import Decision, decisions_from_answers
from training.dataset.splits import training_students
from training.head.fit import SOFT_WEIGHT
from training.head.regression import softmax

MODEL, SHARE, RATED = "smollm2-135m", 0.7, 10
MAJORITY, FEW, HARD, SOFT, TEACHER, ALL = (
    "majority",
    "few ratings",
    "few ratings + teacher's most probable rating",
    "few ratings + teacher's soft labels",
    "teacher",
    "all ratings",
)
PAGE = """# Distillation: soft labels of a teacher

Command: `python -m benchmarks.heads.distillation FOLDER docs/measurements --draws {draws}`, {date}, on 2 cores
shared with other work: {data}. It took {seconds:.0f} s with the features in the cache.

- *Few ratings*: a head on {rated} rated programs of each lab. *Teacher*: for each lab, a head on these programs and on
  all ratings of the other labs. *All ratings*: a head on all ratings of the training students, the upper bound.
- The teacher labels the training students' other programs: {labelled} decisions in each draw. A label has weight
  {weight} next to a TA's rating. *Most probable rating* has the same weight, but only for the teacher's first choice.
- {draws} draws, each with {share} of the students for training; measured on the others, whose ratings no head has seen.
  All heads see all programs. Near-copies are not removed. Intervals: 95 %, over students, decisions of all draws
  pooled.
- The weight of soft labels was not tuned.

{table}

Difference in agreement to few ratings alone, paired by decision: {gains}.
"""


def fitted(course: Course, ratings: Mapping[str, Ratings], soft: Mapping[str, SoftRatings]) -> Head:
    """`ratings` and `soft`: by lab; labs without any may be missing."""
    rated = [RatedLab(lab, lab.submissions, ratings.get(lab.name, {}), soft.get(lab.name, {})) for lab in course.labs]
    return fit_lab_heads(rated, course.features, course.base, HeadSettings())[0]


def probabilities(course: Course, head: Head, lab: Lab, students: Sequence[str]) -> dict[str, np.ndarray]:
    """criterion -> (students, ratings); without criteria that the head cannot rate."""
    rows = [course.features.places[lab.name, student] for student in students]
    programs = course.features.of(rows)
    found = {}
    for criterion in lab.criteria:
        parts = head.logits(programs, lab.name, criterion, lambda t: course.base.states.means([t])[0])
        if parts:
            found[criterion.title] = softmax(np.sum([*parts.values()], axis=0))
    return found


def labels(course: Course, teacher: Head, lab: Lab, students: Sequence[str], *, hard: bool) -> SoftRatings:
    found: dict[str, dict[str, dict[str, float]]] = {student: {} for student in students}
    for title, rows in probabilities(course, teacher, lab, students).items():
        ratings = [rating.title for rating in lab.criterion(title).ratings]
        given = np.eye(len(ratings))[rows.argmax(axis=1)] if hard else rows
        for student, row in zip(students, given.tolist(), strict=True):
            found[student][title] = dict(zip(ratings, row, strict=True))
    return found


def decisions(course: Course, heads: Mapping[str, Head], tested: Mapping[str, Sequence[str]]) -> list[Decision]:
    """`heads`: lab -> its head."""
    made = []
    for lab in course.labs:
        students = tested[lab.name]
        found = probabilities(course, heads[lab.name], lab, students)
        answers = [
            (s, answer(criterion, row))
            for criterion in lab.criteria
            if criterion.title in found
            for s, row in zip(students, found[criterion.title], strict=True)
        ]
        made += decisions_from_answers(lab, answers)
    return made


def draw(course: Course, rows: Rows, seed: int, show: Callable[[str, int, int], None]) -> int:
    """Adds one draw to `rows`. Returns the number of decisions that the teachers labelled."""
    everyone = sorted({student for lab in course.labs for student in lab.ratings_by_student})
    chosen = training_students(everyone, SHARE, seed)
    random = np.random.default_rng(seed)
    few, rest, tested, train = {}, {}, {}, {}
    for lab in course.labs:
        own = [s for s in lab.ratings_by_student if s in chosen]
        order = [own[i] for i in random.permutation(len(own))]
        few[lab.name], rest[lab.name] = order[:RATED], order[RATED:]
        train[lab.name] = rated_by(lab, own)
        tested[lab.name] = [s for s in lab.ratings_by_student if s not in chosen]
    few_ratings = {lab.name: rated_by(lab, few[lab.name]) for lab in course.labs}
    teachers: dict[str, Head] = {}
    soft, hard = {}, {}
    for number, lab in enumerate(course.labs, 1):
        teachers[lab.name] = fitted(course, train | {lab.name: few_ratings[lab.name]}, {})
        soft[lab.name], hard[lab.name] = (
            labels(course, teachers[lab.name], lab, rest[lab.name], hard=only_first) for only_first in (False, True)
        )
        show(f"draw {seed}: teachers", number, len(course.labs))
    heads = {
        FEW: fitted(course, few_ratings, {}),
        HARD: fitted(course, few_ratings, hard),
        SOFT: fitted(course, few_ratings, soft),
        ALL: fitted(course, train, {}),
    }
    for lab in course.labs:
        found = by_majority(lab, few[lab.name], [], tested[lab.name])
        rows.setdefault(("unseen students", MAJORITY), []).extend(found)
    for name, head in heads.items():
        found = decisions(course, {lab.name: head for lab in course.labs}, tested)
        rows.setdefault(("unseen students", name), []).extend(found)
    rows.setdefault(("unseen students", TEACHER), []).extend(decisions(course, teachers, tested))
    return sum(len(each) for of_lab in soft.values() for each in of_lab.values())


def gain(rows: Rows, name: str) -> str:
    """The paired difference in agreement to `FEW`, with a 95 % interval by resampling students."""
    students: dict[str, list[int]] = {}
    for few, other in zip(rows["unseen students", FEW], rows["unseen students", name], strict=True):
        assert (few.lab, few.student, few.criterion) == (other.lab, other.student, other.criterion)
        students.setdefault(few.student, []).append((other.grader == other.human) - (few.grader == few.human))
    sums = np.array([(sum(each), len(each)) for each in students.values()], float)
    chosen = np.random.default_rng(0).integers(len(sums), size=(RESAMPLES, len(sums)))
    resampled = sums[chosen].sum(axis=1)
    low, high = np.quantile(resampled[:, 0] / resampled[:, 1], [0.025, 0.975])
    return interval(float(sums[:, 0].sum() / sums[:, 1].sum()), float(low), float(high))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--first", type=int, default=0, help="seed of the first draw")
    arguments = parser.parse_args()
    labs = [load_lab(folder) for folder in lab_folders(arguments.labs)]
    base = open_base(find_base(MODEL), None)
    rows: Rows = {}
    with step_bars() as show:
        course = Course(labs, read_features([(lab, lab.submissions) for lab in labs], base, 0, show), base)
        started = time.monotonic()
        seeds = range(arguments.first, arguments.first + arguments.draws)
        labelled = [draw(course, rows, seed, show) for seed in seeds]
        seconds = time.monotonic() - started
    text, _ = table(rows)
    programs = sum(len(lab.submissions) for lab in labs)
    (arguments.out / "distillation.md").write_text(
        PAGE.format(
            draws=arguments.draws,
            date=time.strftime("%d %B %Y", time.gmtime()),
            data=f"{len(labs)} labs, {programs} programs, base model {MODEL}, layers {base.layers}",
            seconds=seconds,
            rated=RATED,
            labelled=f"{round(float(np.mean(labelled))):,}",
            weight=SOFT_WEIGHT,
            share=f"{SHARE:.0%}",
            table=text,
            gains="; ".join(f"{name} {gain(rows, name)}" for name in (HARD, SOFT, TEACHER, ALL)),
        ),
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
