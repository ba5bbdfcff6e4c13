"""The ratings that each grader gives to the held-out test set: a model, the bag-of-words and the majority baseline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from time import monotonic
from types import MappingProxyType
from typing import NamedTuple

from grader.bag_of_words import BagOfWords
from grader.evaluation import BAG_OF_WORDS
from grader.experiments.held_out import held_out_submissions, training_submissions
from grader.progress_bars import step_bars
from grader.token_cost import Cost, measured_cost
from labs_schema.grades import Grade
from labs_schema.limits import QueueLimits
from labs_schema.models import Lab, Submission
from prompts.style import PromptStyle
from serving.calibration.calibration import Calibration
from serving.engines.prefixes import MeteredEngine
from serving.grading.grader import Grader
from serving.measures.decisions import (
    Decision,
    constant_decisions,
    decisions_from_answers,
    decisions_from_grades,
    majority_ratings,
)
from serving.model.loading import GraderOptions, load_grader
from training.dataset.manifest import LabSplit

Predictions = dict[str, list[Decision]]
"""Lab -> a grader's decisions on the lab's held-out submissions, in the lab's order."""
LabSplits = Sequence[tuple[Lab, LabSplit]]
NOTHING: Mapping[str, Lab] = MappingProxyType({})


class ModelPredictions(NamedTuple):
    """A model's predictions, their cost, and the number of option `orders` used. `calibration`: the one its confidences
    come from, None if it has none or one fitted with other settings."""

    predictions: Predictions
    cost: Cost
    orders: int
    calibration: Calibration | None


def model_predictions(
    model: str, labs: LabSplits, name: str, options: GraderOptions, *, style: PromptStyle | None = None
) -> ModelPredictions:
    """The predictions of `model` on the held-out submissions of `labs`, with a progress bar called `name`."""
    started = monotonic()
    with closing(load_grader(model, options, style=style)) as grader:
        grader.engine = meter = MeteredEngine(grader.engine)
        loaded = monotonic()
        submissions = [(lab, held_out_submissions(lab, split)) for lab, split in labs]
        graded = grade_all(grader, submissions, name)
        predictions = {lab.name: decisions_from_grades(lab, grades) for lab, grades in graded}
    count = sum(len(each) for _, each in submissions)
    cost = measured_cost(meter, count, loaded - started, monotonic() - loaded)
    found = grader.calibration
    applies = found is not None and not found.differences(grader.graded_with)
    return ModelPredictions(predictions, cost, grader.orders, found if applies else None)


def grade_all(
    grader: Grader, submissions: Sequence[tuple[Lab, Sequence[Submission]]], name: str
) -> Iterator[tuple[Lab, list[Grade]]]:
    """Yields each lab with the grades of its submissions, with one progress bar called `name`."""
    chunk = QueueLimits().batch_submissions
    done, total = 0, sum(len(each) for _, each in submissions)
    with step_bars() as show:
        show(name, 0, total)
        for lab, members in submissions:
            grades: list[Grade] = []
            for start in range(0, len(members), chunk):
                grades += grader.grade(lab, members[start : start + chunk])
                show(name, done + len(grades), total)
            done += len(grades)
            yield lab, grades


def bag_of_words_predictions(labs: LabSplits, poisoned: Mapping[str, Lab] = NOTHING) -> Predictions:
    """Trained on the training submissions of `labs`, as the tuned model is, or on those of `poisoned` labs by name."""
    model = BagOfWords()
    with step_bars() as show:
        training = [(poisoned.get(lab.name, lab), training_submissions(lab, split)) for lab, split in labs]
        model.fit(training, lambda done, total: show(BAG_OF_WORDS, done, total))
    tested = [(lab, held_out_submissions(lab, split)) for lab, split in labs if split.test]
    return {lab.name: decisions_from_answers(lab, model.grade(lab, submissions)) for lab, submissions in tested}


def majority_predictions(labs: LabSplits, poisoned: Mapping[str, Lab] = NOTHING) -> Predictions:
    """Always the most frequent rating of the training students, in the `poisoned` labs if given. In a held-out lab,
    which has none, that of its own test students: an oracle that no real grader can match."""
    return {lab.name: _majority(lab, split, poisoned.get(lab.name, lab)) for lab, split in labs}


def _majority(lab: Lab, split: LabSplit, rated: Lab) -> list[Decision]:
    students = [s.student for s in held_out_submissions(lab, split)]
    trained = [s.student for s in training_submissions(lab, split)]
    return constant_decisions(lab, students, majority_ratings(rated, trained or students))


def restricted(predictions: Predictions, labs: Iterable[tuple[Lab, LabSplit]]) -> Predictions:
    """The `predictions` on the held-out submissions of `labs` only."""
    students = {lab.name: {s.student for s in held_out_submissions(lab, split)} for lab, split in labs}
    return {name: [d for d in predictions[name] if d.student in known] for name, known in students.items()}


def in_labs(predictions: Predictions, labs: Iterable[str]) -> list[Decision]:
    """The decisions on the submissions of `labs`, lab after lab."""
    return [*chain(*(predictions.get(lab, []) for lab in labs))]
