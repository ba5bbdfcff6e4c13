"""What each grader answers on the work that a data set kept: a model, counted words, the commonest rating."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from time import monotonic
from typing import NamedTuple

from grader.bag_of_words import WordCounter
from grader.experiments.held_out import held_out, trained_work
from grader.progress_bars import step_bars
from grader.single_threaded import single_threaded
from grader.token_cost import Cost, measured_cost
from labs_schema.grades import Grade
from labs_schema.models import Lab, Submission
from prompts.encode import OnOverlong
from prompts.style import PromptStyle
from serving.calibration.calibration import Calibration
from serving.engines.engine_choice import EngineName
from serving.engines.prefixes import MeteredEngine
from serving.grading.grader import Grader
from serving.measures.decisions import Decision, answered, commonest_ratings, constant_decisions, decisions
from serving.model.loading import GraderOptions, load_grader
from training.dataset.rows import LabSplit

CHUNK = 16
"""Submissions to an engine call."""

Answers = dict[str, list[Decision]]
"""Lab -> a grader's decisions on the lab's kept work, in the lab's order."""


class Answered(NamedTuple):
    """What a model answered, what that cost, in how many `orders` of the ratings it was asked, and the `calibration`
    that its confidences come from: None where it has none, or one that was made with other settings."""

    answers: Answers
    cost: Cost
    orders: int
    calibration: Calibration | None


def model_answers(
    model: str,
    kept: Sequence[tuple[Lab, LabSplit]],
    name: str,
    engine: EngineName,
    style: PromptStyle | None = None,
    on_overlong: OnOverlong | None = None,
    *,
    orders: int | None = None,
) -> Answered:
    """What `model` answers on all kept work, with a progress bar called `name`. A manifest knows style and what to do
    with overlong programs, a calibration how many `orders` of the ratings to ask in."""
    begun = monotonic()
    grader = load_grader(model, GraderOptions(engine=engine, on_overlong=on_overlong, orders=orders), style=style)
    grader.engine = meter = MeteredEngine(grader.engine)
    loaded = monotonic()
    work = [(lab, held_out(lab, split)) for lab, split in kept]
    try:
        answers = dict(_graded(grader, work, name))
    finally:
        grader.close()
    cost = measured_cost(meter, sum(len(each) for _, each in work), loaded - begun, monotonic() - loaded)
    made = grader.calibration
    return Answered(answers, cost, grader.orders, made if made and not made.differences(grader.graded_with) else None)


def _graded(
    grader: Grader, work: Sequence[tuple[Lab, Sequence[Submission]]], name: str
) -> Iterator[tuple[str, list[Decision]]]:
    done, total = 0, sum(len(submissions) for _, submissions in work)
    with step_bars() as show:
        show(name, 0, total)
        for lab, submissions in work:
            grades: list[Grade] = []
            for start in range(0, len(submissions), CHUNK):
                grades += grader.grade(lab, submissions[start : start + CHUNK])
                show(name, done + len(grades), total)
            done += len(grades)
            yield lab.name, decisions(lab, grades)


def word_answers(course: Sequence[tuple[Lab, LabSplit]], name: str) -> Answers:
    """What counting words answers on the kept work of `course`, learned from the work trained on there."""
    counter = WordCounter()
    with single_threaded(), step_bars() as show:
        trained = [(lab, trained_work(lab, split)) for lab, split in course]
        counter.fit(trained, lambda done, of: show(name, done, of))
    kept = [(lab, held_out(lab, split)) for lab, split in course if split.test]
    return {lab.name: answered(lab, counter.grade(lab, submissions)) for lab, submissions in kept}


def commonest_answers(kept: Iterable[tuple[Lab, LabSplit]]) -> Answers:
    """What always giving the commonest rating answers: that of the students trained on; in a held-out lab, where nobody
    was, that of the lab's own grades, more than any grader may know."""
    return {lab.name: _commonest(lab, split) for lab, split in kept}


def _commonest(lab: Lab, split: LabSplit) -> list[Decision]:
    students = [s.student for s in held_out(lab, split)]
    trained = [s.student for s in trained_work(lab, split)]
    return constant_decisions(lab, students, commonest_ratings(lab, trained or students))


def only(answers: Answers, kept: Iterable[tuple[Lab, LabSplit]]) -> Answers:
    """Those of `answers` that are on the `kept` work."""
    students = {lab.name: {s.student for s in held_out(lab, split)} for lab, split in kept}
    return {name: [d for d in answers[name] if d.student in known] for name, known in students.items()}


def in_labs(answers: Answers, labs: Iterable[str]) -> list[Decision]:
    """The decisions on the work of `labs`, lab after lab."""
    return [*chain(*(answers.get(lab, []) for lab in labs))]
