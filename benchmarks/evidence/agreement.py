"""Agreement of heads with TAs with and without evidence: what happened when the lab's checks were run on each program.

Run: python -m benchmarks.evidence.agreement FOLDER_OF_LABS tests/lab_checks docs/measurements --work FOLDER

Copies the labs that have checks into --work, observes them there (cached, so an interrupted run continues) and writes
evidence.md and evidence.png. With --observed, the labs in --work are used with their observations as they are. Splits,
heads and the majority baseline are those of benchmarks/heads/agreement.py.

Time: an hour, most of it to observe the programs. Figures: docs/measurements/evidence.md.
"""

import argparse
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.evidence.page import Accepted, write_page
from benchmarks.heads.course import BOTH, HEAD, MAJORITY, MODEL, SHARE, Course, kinds_of_heads, rated_by
from benchmarks.heads.graders import by_head, by_majority
from benchmarks.heads.unseen import SPLITS
from grader.heads.base import open_base
from grader.heads.fitting import read_features
from grader.observe.observe_lab import observe_lab
from grader.progress_bars import step_bars
from labs_schema.models import Lab
from labs_schema.reading.lab_folders import CHECKS, OBSERVATIONS
from labs_schema.reading.validate import load_lab
from prompts.base_models import find_base
from serving.calibration.fitting import fit
from serving.measures.decisions import Decision
from training.dataset.splits import seeded_order, training_students

STUDENTS, LABS = "unseen students", "unseen labs"
MAX_ERROR, CONFIDENCE = 0.05, 0.9
CALIBRATIONS = ((15, 45), (30, 30), (30, 20))
"""(students to train on, students to calibrate on); the others are tested."""
CALIBRATION_SPLITS = 5
Show = Callable[[str, int, int], None]


def observed_labs(labs: Path, checks: Path, work: Path, show: Show) -> list[Lab]:
    """The labs in `labs` that have checks in `checks`, with observations."""
    names = sorted(path.parent.name for path in checks.glob(f"*/{CHECKS}") if (labs / path.parent.name).is_dir())
    for name in names:
        if not (work / name).exists():
            shutil.copytree(labs / name, work / name, copy_function=shutil.copyfile)
            for folder in (work / name, *(work / name).rglob("*/")):
                folder.chmod(0o755)
        shutil.copyfile(checks / name / CHECKS, work / name / CHECKS)
        observe_lab(work / name, progress=lambda done, total, name=name: show(f"observing {name}", done, total))  # type: ignore[misc]
        assert (work / name / OBSERVATIONS).exists()
    return [load_lab(work / name) for name in names]


def measure(course: Course, show: Show) -> dict[tuple[str, str], list[Decision]]:
    rows = measure_students(course, SPLITS, show)
    for number, lab in enumerate(course.labs):
        training = [[] if other is lab else list(other.ratings_by_student) for other in course.labs]
        tested = [list(other.ratings_by_student) if other is lab else [] for other in course.labs]
        _add(rows, LABS, training, tested, course)
        show("leave one lab out", number + 1, len(course.labs))
    return rows


def measure_students(course: Course, splits: int, show: Show) -> dict[tuple[str, str], list[Decision]]:
    """Decisions about students whose ratings were not learned from."""
    rows: dict[tuple[str, str], list[Decision]] = {}
    students = _students(course.labs)
    for seed in range(splits):
        train = training_students(students, SHARE, seed)
        _add(rows, STUDENTS, *_sides(course, set(train)), course)
        show("splits by student", seed + 1, splits)
    return rows


def _students(labs: Sequence[Lab]) -> list[str]:
    return sorted({student for lab in labs for student in lab.ratings_by_student})


def _sides(course: Course, train: set[str]) -> tuple[list[list[str]], list[list[str]]]:
    sides = [([s for s in lab.ratings_by_student if s in train], lab.ratings_by_student) for lab in course.labs]
    return [trained for trained, _ in sides], [[s for s in given if s not in train] for _, given in sides]


def _add(
    rows: dict[tuple[str, str], list[Decision]],
    setting: str,
    training: Sequence[Sequence[str]],
    tested: Sequence[Sequence[str]],
    course: Course,
) -> None:
    """The decisions of every grader, sorted, so that they can be compared one by one."""
    found = {MAJORITY: []} | {kind: _by_kind(course, kind, training, tested) for kind in course.features}
    for lab, trained, held_out in zip(course.labs, training, tested, strict=True):
        others = [other for other in course.labs if other is not lab]
        found[MAJORITY] += by_majority(lab, trained, others, held_out)
    sizes = {len(decisions) for decisions in found.values()}
    assert len(sizes) == 1, "a head left a criterion without an answer"
    for grader, decisions in found.items():
        in_order = sorted(decisions, key=lambda d: (d.lab, d.criterion, d.student))
        rows.setdefault((setting, grader), []).extend(in_order)


def _by_kind(
    course: Course, kind: str, training: Sequence[Sequence[str]], tested: Sequence[Sequence[str]]
) -> list[Decision]:
    ratings = [rated_by(lab, trained) for lab, trained in zip(course.labs, training, strict=True)]
    sides = [(lab, held_out) for lab, held_out in zip(course.labs, tested, strict=True) if held_out]
    return by_head(course, kind, ratings, sides)


def auto_accepted(course: Course, show: Show) -> list[Accepted]:
    """Heads that are trained, calibrated and tested on different students."""
    found = []
    for number, (training, calibration) in enumerate(CALIBRATIONS):
        for kind in (HEAD, BOTH):
            counts = [_accepted(course, kind, training, calibration, seed) for seed in range(CALIBRATION_SPLITS)]
            right, wrong, tested = (sum(count[i] for count in counts) for i in range(3))
            given = sum(count[3] for count in counts)
            found.append(Accepted(kind, training, calibration, CALIBRATION_SPLITS, given, right, wrong, tested))
        show("calibrating", number + 1, len(CALIBRATIONS))
    return found


def _accepted(course: Course, kind: str, training: int, calibration: int, seed: int) -> tuple[int, int, int, int]:
    """Accepted and right, accepted and wrong, all tested decisions, and whether there was a guarantee (1 or 0)."""
    order = sorted(_students(course.labs), key=lambda student: seeded_order(seed, student))
    trained, rest = _sides(course, set(order[:training]))
    answers = _by_kind(course, kind, trained, rest)
    calibrating = set(order[training : training + calibration])
    fitted = fit([d for d in answers if d.student in calibrating], max_error=MAX_ERROR, confidence=CONFIDENCE)
    tested = [d for d in answers if d.student not in calibrating]
    if fitted.guarantee is None:
        return 0, 0, len(tested), 0
    accepted = [d for d in tested if fitted.temperatures.confidence(d) >= fitted.guarantee.threshold]
    right = sum(d.human == d.grader for d in accepted)
    return right, len(accepted) - right, len(tested), 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labs", type=Path)
    parser.add_argument("checks", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--observed", action="store_true")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    base = open_base(find_base(MODEL), None)
    with step_bars() as show:
        if arguments.observed:
            labs = [load_lab(path.parent) for path in sorted(arguments.work.glob(f"*/{OBSERVATIONS}"))]
        else:
            labs = observed_labs(arguments.labs, arguments.checks, arguments.work, show)
        features = read_features([(lab, lab.submissions) for lab in labs], base, 0, show)
        course = Course(labs, kinds_of_heads(features), base)
        rows = measure(course, show)
        accepted = auto_accepted(course, show)
    write_page(rows, accepted, labs, arguments.out)


if __name__ == "__main__":
    main()
