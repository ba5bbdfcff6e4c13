"""Agreement of heads with TAs on unseen students, on unseen labs, and on a new lab of which a few programs are rated.

Run: python -m benchmarks.heads.agreement FOLDER_OF_LABS docs/measurements [--draws 5] [--counts 0 5 10 20 30 40]

Writes heads.md and heads.png into the second folder, again after each draw of rated programs. Baselines: the most
frequent rating, and bag of words. Heads see all programs of a lab, but only the ratings of the training side. The
intervals are over students. If labs have observations.jsonl, heads are measured without them, with them, and on them
alone.
"""

import argparse
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot

from grader.bag_of_words import BagOfWords
from grader.heads.base import HeadBase, open_base
from grader.heads.fitting import HeadSettings, LabFeatures, RatedLab, Ratings, fit_lab_heads, read_features
from grader.heads.session import LabelSession
from grader.progress_bars import step_bars
from labs_schema.grades import CriterionGrade
from labs_schema.models import Criterion, Lab
from labs_schema.reading.validate import lab_folders, load_lab
from prompts.base_models import find_base
from serving.measures.agreement import agreement
from serving.measures.arrays import Floats
from serving.measures.decisions import Decision, constant_decisions, decisions_from_answers, majority_ratings
from serving.measures.reliability import confidences_and_hits, ece
from training.dataset.splits import training_students
from training.head.basis import Shares, make_basis
from training.head.regression import softmax

MODEL, SPLITS, SHARE = "smollm2-135m", 3, 0.7
COUNTS = (0, 5, 10, 20, 30, 40)
RESAMPLES, ECE_RESAMPLES = 1000, 200
WORDS_DRAWS = 2
"""Draws that bag of words takes part in: its fits take longest."""
BATCH = 5
"""Programs that the simulated TA rates between two refits."""
MAJORITY, WORDS, HEAD = "majority", "bag of words", "head"
EVIDENCE, BOTH = "evidence alone", "head + evidence"
RANDOM, CHOSEN = "random programs", "chosen programs"
PAGE = """# Heads on frozen features

Command: `python -m benchmarks.heads.agreement FOLDER docs/measurements --draws {draws} --counts {counts}`,
{machine}: {data}. Reading all programs took {reading} (a few minutes if their features are not in the cache), a refit
{refit}.

- *Unseen students*: {splits} splits by student over all labs, {share} for training. *Unseen labs*: each lab in turn,
  trained on the ratings of the others; *known criteria* have a title that another lab has, too. Bag of words leaves
  other criteria ungraded, which counts as disagreement.
- *n rated*: a new lab of which a TA has rated n programs, trained on these and on all other labs; measured on the
  lab's other programs. Draws of random programs: {finished} (bag of words: at most {words_draws}). Chosen programs: in
  the order in which `grader label` proposes them, {batch} between two refits.
- *Evidence alone* is a head that sees what `observations.jsonl` has, but no code. *n rated* is without evidence.
- Heads see all programs of a lab without their ratings, as in use. Near-copies are not removed. Intervals: 95 %, over
  students. Decisions of several splits or draws are pooled.
- Tuned on the same labs, so expect less on new data: regularisation and the shares of the features on other splits of
  the same students and on leaving labs out, the weight of a lab's own habits and the rule that proposes programs (the
  best of five) on other draws of rated programs.
- Chosen programs are doubtful ones, so the rest is easier than after a random choice: the figures show what is left to
  correct, not how much more the head learned.

{table}

![Agreement on the rest of a new lab, by the number of rated programs](heads.png)
"""
Answers = list[tuple[str, CriterionGrade]]
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


def answer(criterion: Criterion, probabilities: Floats) -> CriterionGrade:
    titles = [rating.title for rating in criterion.ratings]
    best = int(probabilities.argmax())
    return CriterionGrade(
        criterion=criterion.title,
        rating=titles[best],
        probabilities=dict(zip(titles, probabilities.tolist(), strict=True)),
        confidence=float(probabilities[best]),
    )


def by_head(
    course: Course, kind: str, training: Sequence[Ratings], tested: Sequence[tuple[Lab, Sequence[str]]]
) -> list[Decision]:
    """`training`: the ratings of each lab to learn from. `kind`: a key of `course.features`."""
    features = course.features[kind]
    rated = [RatedLab(lab, lab.submissions, ratings) for lab, ratings in zip(course.labs, training, strict=True)]
    head, _ = fit_lab_heads(rated, features, course.base, HeadSettings())
    decisions = []
    for lab, students in tested:
        rows = [features.places[lab.name, student] for student in students]
        programs = features.of(rows)
        for criterion in lab.criteria:
            parts = head.logits(programs, lab.name, criterion, lambda t: course.base.states.means([t])[0])
            if parts:
                found = softmax(np.sum([*parts.values()], axis=0))
                answers = [(s, answer(criterion, row)) for s, row in zip(students, found, strict=True)]
                decisions += decisions_from_answers(lab, answers)
    return decisions


def by_words(
    training: Sequence[tuple[Lab, Sequence[str]]], tested: Sequence[tuple[Lab, Sequence[str]]]
) -> list[Decision]:
    def members(lab: Lab, students: Sequence[str]) -> list[object]:
        return [s for s in lab.submissions if s.student in set(students)]

    model = BagOfWords()
    model.fit([(lab, members(lab, students)) for lab, students in training])  # type: ignore[misc]
    return [
        d
        for lab, students in tested
        for d in decisions_from_answers(lab, model.grade(lab, members(lab, students)))  # type: ignore[arg-type]
    ]


def by_majority(lab: Lab, rated: Sequence[str], others: Sequence[Lab], students: Sequence[str]) -> list[Decision]:
    """The most frequent rating of the lab's rated students; without any, that of the criterion in the other labs."""
    ratings = majority_ratings(lab, rated) if rated else {}
    if not rated:
        for criterion in lab.criteria:
            same = [o for o in others if criterion.title in {c.title for c in o.criteria}]
            given = [r[criterion.title] for o in same for r in o.ratings_by_student.values() if criterion.title in r]
            ratings[criterion.title] = max((r.title for r in criterion.ratings), key=lambda title: given.count(title))
    return constant_decisions(lab, students, ratings)


def splits(course: Course, rows: Rows, show: Callable[[str, int, int], None]) -> None:
    students = sorted({student for lab in course.labs for student in lab.ratings_by_student})
    for seed in range(SPLITS):
        train = training_students(students, SHARE, seed)
        test = [s for s in students if s not in train]
        sides = [
            (lab, [s for s in train if s in lab.ratings_by_student], [s for s in test if s in lab.ratings_by_student])
            for lab in course.labs
        ]
        tested = [(lab, held_out) for lab, _, held_out in sides]
        for lab, trained, held_out in sides:
            rows.setdefault(("unseen students", MAJORITY), []).extend(by_majority(lab, trained, [], held_out))
        found = by_words([(lab, trained) for lab, trained, _ in sides], tested)
        rows.setdefault(("unseen students", WORDS), []).extend(found)
        for kind in course.features:
            found = by_head(course, kind, [rated_by(lab, trained) for lab, trained, _ in sides], tested)
            rows.setdefault(("unseen students", kind), []).extend(found)
        show("splits by student", seed + 1, SPLITS)


def unseen_labs(course: Course, rows: Rows, show: Callable[[str, int, int], None]) -> None:
    for number, lab in enumerate(course.labs):
        others = [other for other in course.labs if other is not lab]
        students = list(lab.ratings_by_student)
        tested = [(lab, students)]
        rows.setdefault(("unseen labs", MAJORITY), []).extend(by_majority(lab, [], others, students))
        found = by_words([(other, list(other.ratings_by_student)) for other in others], tested)
        rows.setdefault(("unseen labs", WORDS), []).extend(found)
        training = [{} if other is lab else other.ratings_by_student for other in course.labs]
        for kind in course.features:
            rows.setdefault(("unseen labs", kind), []).extend(by_head(course, kind, training, tested))
        show("leave one lab out", number + 1, len(course.labs))
    for grader in (MAJORITY, WORDS, *course.features):
        known = [d for d in rows["unseen labs", grader] if _is_known(course, d)]
        rows["unseen labs, known criteria", grader] = known


def _is_known(course: Course, decision: Decision) -> bool:
    return any(decision.criterion in {c.title for c in lab.criteria} for lab in course.labs if lab.name != decision.lab)


def without_observations(lab: Lab) -> Lab:
    plain = tuple(each.model_copy(update={"observations": None}) for each in lab.submissions)
    return lab.model_copy(update={"submissions": plain})


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
    answers: Answers = []
    for criterion in new.lab.criteria:
        found = new.session.probabilities(criterion)
        if found is not None:
            answers += [(s, answer(criterion, found[place[s]])) for s in students]
    return decisions_from_answers(new.lab, answers)


def interval(value: float | None, low: float | None, high: float | None) -> str:
    return "" if value is None or low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def calibration_error(decisions: Sequence[Decision]) -> str:
    students = sorted({d.student for d in decisions})
    groups = [confidences_and_hits(d for d in decisions if d.student == s) for s in students]
    if not sum(len(confidences) for confidences, _ in groups):
        return ""

    def of(chosen: Iterable[int]) -> float:
        picked = [groups[i] for i in chosen]
        return ece(np.concatenate([c for c, _ in picked]), np.concatenate([h for _, h in picked]))

    draws = np.random.default_rng(0).integers(len(students), size=(ECE_RESAMPLES, len(students)))
    low, high = np.quantile([of(draw) for draw in draws], [0.025, 0.975])
    return interval(of(range(len(students))), float(low), float(high))


def table(rows: Rows) -> tuple[str, dict[tuple[str, str], tuple[float, float, float]]]:
    lines = [
        "| setting | grader | decisions | agreement | macro-F1 | quadratic kappa | ECE |",
        "|---|---|---|---|---|---|---|",
    ]
    points = {}
    for (setting, grader), decisions in rows.items():
        figures = agreement(decisions, resamples=RESAMPLES).figures
        exact = figures["agreement"]
        points[setting, grader] = (exact.value or 0.0, exact.low or 0.0, exact.high or 0.0)
        cells = [interval(*figures[name].model_dump().values()) for name in ("agreement", "macro_f1", "kappa")]
        lines.append(
            f"| {setting} | {grader} | {len(decisions):,} | {' | '.join(cells)} | {calibration_error(decisions)} |"
        )
    return "\n".join(lines), points


def draw_curves(points: dict[tuple[str, str], tuple[float, float, float]], path: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for grader in dict.fromkeys(grader for setting, grader in points if setting.endswith("rated")):
        counts = sorted({int(s.split()[0]) for s, g in points if g == grader and s.endswith("rated")})
        values = np.array([points[f"{count} rated", grader] for count in counts])
        axes.plot(counts, values[:, 0], marker="o", label=grader)
        axes.fill_between(counts, values[:, 1], values[:, 2], alpha=0.12)
    axes.set_xlabel("rated programs of the new lab")
    axes.set_ylabel("agreement with the TA on the rest")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


def machine() -> str:
    """Date, commit, and the mean number of running processes in the last 15 minutes."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True).stdout
    date = time.strftime("%d %B %Y", time.gmtime())
    return f"{date}, commit {commit.strip()}, on {os.cpu_count()} shared cores, load {os.getloadavg()[2]:.0f}"


class Run(NamedTuple):
    """`reading`: seconds to read all programs; `refits`: seconds of each; `finished` draws of `arguments.draws`."""

    arguments: argparse.Namespace
    course: Course
    reading: float
    refits: list[float]
    finished: int


def write_page(run: Run, rows: Rows) -> None:
    text, points = table(dict(sorted(rows.items(), key=_place)))
    draw_curves(points, run.arguments.out / "heads.png")
    labs, refits = run.course.labs, run.refits
    programs = sum(len(lab.submissions) for lab in labs)
    (run.arguments.out / "heads.md").write_text(
        PAGE.format(
            draws=run.arguments.draws,
            counts=" ".join(map(str, run.arguments.counts)),
            finished=run.finished,
            machine=machine(),
            data=f"{len(labs)} labs, {programs} programs, base model {MODEL}, layers {run.course.base.layers}",
            reading=f"{run.reading:.0f} s",
            refit=f"{np.median(refits):.1f} s (median of {len(refits)}, longest {max(refits):.1f} s)",
            splits=SPLITS,
            share=f"{SHARE:.0%}",
            batch=BATCH,
            words_draws=WORDS_DRAWS,
            table=text,
        ),
        encoding="utf-8",
    )


def _place(row: tuple[tuple[str, str], list[Decision]]) -> tuple[str, int]:
    """Random programs before chosen ones, by the number of rated ones; other settings stay first and in order."""
    (setting, grader), _ = row
    return (grader.partition(", ")[2], int(setting.split()[0])) if setting.endswith("rated") else ("", 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS), help="rated programs of a new lab")
    arguments = parser.parse_args()
    labs = [load_lab(folder) for folder in lab_folders(arguments.labs)]
    base = open_base(find_base(MODEL), None)
    rows: Rows = {}
    refits: list[float] = []
    with step_bars() as show:
        started = time.monotonic()
        features = read_features([(lab, lab.submissions) for lab in labs], base, 0, show)
        course = Course(labs, kinds_of_heads(features), base)
        reading = time.monotonic() - started
        splits(course, rows, show)
        unseen_labs(course, rows, show)
        new = new_labs(course)
        for number, each in enumerate(new, 1):
            refits += chosen_programs(each, rows, arguments.counts)
            show("chosen programs", number, len(new))
        for draw in range(arguments.draws):
            for number, each in enumerate(new, 1):
                refits += random_programs(each, rows, draw, arguments.counts)
                show(f"random programs, draw {draw + 1}", number, len(new))
            write_page(Run(arguments, course, reading, refits, draw + 1), rows)


if __name__ == "__main__":
    main()
