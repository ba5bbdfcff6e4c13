"""Evaluates a run's model on its held-out test set, next to the untuned base model and two baselines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from threadpoolctl import threadpool_limits

from grader.evaluation import BAG_OF_WORDS, MAJORITY, TUNED, UNTUNED, Evaluation, Group, RunComparison
from grader.experiments.compare_runs import SharedTestSet, compare_runs, shared_test_set
from grader.experiments.group_figures import group_figures, steps
from grader.experiments.held_out import DatasetLabs, read_dataset_labs
from grader.experiments.predictions import (
    Predictions,
    bag_of_words_predictions,
    in_labs,
    majority_predictions,
    model_predictions,
    restricted,
)
from grader.progress_bars import step_bars
from grader.report.figures import write_confusions
from grader.report.page import ReportSource, write_report
from grader.token_cost import FILE as COST
from labs_schema.files.atomic import write_atomically
from prompts.base_models import find_base
from serving.engines.engine_choice import EngineName
from serving.measures.decisions import Decision
from serving.measures.resampling import RESAMPLES
from serving.model.loading import GraderOptions
from training.config import RunConfig
from training.dataset.manifest import DatasetManifest
from training.run_folder import open_run_folder


@dataclass(frozen=True)
class EvaluateOptions:
    """`other`: a run to compare with, on submissions that both held out. `orders`: option orders to average over; None
    takes the model's own. `base`: also evaluate the untuned base model. `report`: path of the HTML report, which shows
    `command`. `price_per_hour`: of the machine, in any currency."""

    other: Path | None = None
    engine: EngineName = "auto"
    orders: int | None = None
    base: bool = True
    resamples: int = RESAMPLES
    report: Path | None = None
    command: str | None = None
    price_per_hour: float | None = None


def evaluate_run(run: Path, labs: Path, out: Path, options: EvaluateOptions) -> Evaluation:
    """Evaluates the model of `run` on the held-out submissions of its dataset, read from the folder `labs`.

    Writes `evaluation.json`, `decisions.jsonl`, `cost.json` and a picture for each group to `out`. Raises InputError if
    a lab has changed or cannot be read, ModelError if a model cannot be loaded, GraderError if two runs held out
    nothing in common.
    """
    folder, config = open_run_folder(run)
    dataset = folder.read_dataset_manifest()
    course = read_dataset_labs(dataset, labs)
    shared = shared_test_set(options.other, dataset, course) if options.other else None

    settings = GraderOptions(engine=options.engine, orders=options.orders)
    tuned = model_predictions(str(run), course.tested, TUNED, settings)
    graders = {TUNED: tuned.predictions}
    if options.base:
        same_orders = settings.model_copy(update={"orders": tuned.orders})
        graders[UNTUNED] = _base_predictions(course, config, dataset, same_orders)
    graders[BAG_OF_WORDS] = bag_of_words_predictions(course.labs)
    graders[MAJORITY] = majority_predictions(course.tested)

    calibrated_on = course.students(tuned.calibration.submissions) if tuned.calibration else frozenset()
    evaluation = Evaluation(
        run=run.resolve().name,
        groups=_groups(course, graders, calibrated_on, options.resamples),
        compared=_comparison(shared, run, tuned.predictions, settings, options.resamples) if shared else None,
        cost=tuned.cost.model_copy(update={"price_per_hour": options.price_per_hour}),
    )
    decisions = {name: in_labs(tuned.predictions, course.groups[name]) for name in evaluation.groups}
    _write_results(out, evaluation, decisions)
    if options.report:
        source = ReportSource(evaluation, decisions, {lab.name: lab for lab, _ in course.tested}, run, options.command)
        write_report(source, options.report)
    return evaluation


def _base_predictions(
    course: DatasetLabs, config: RunConfig, dataset: DatasetManifest, settings: GraderOptions
) -> Predictions:
    """The untuned base model with the tuned model's prompts and option orders."""
    settings = settings.model_copy(update={"on_overlong": "middle" if config.on_overlong == "middle" else "error"})
    source = find_base(config.model).source
    return model_predictions(source, course.tested, UNTUNED, settings, style=dataset.style).predictions


def _comparison(
    shared: SharedTestSet, run: Path, ours: Predictions, settings: GraderOptions, resamples: int
) -> RunComparison:
    labs = shared.labs
    theirs = model_predictions(str(shared.run), labs.tested, "the other run", settings).predictions
    names = run.resolve().name, shared.run.resolve().name
    first, second = in_labs(restricted(ours, labs.tested), labs.names), in_labs(theirs, labs.names)
    return compare_runs(names, first, second, shared.groups, resamples=resamples)


def _groups(
    course: DatasetLabs, graders: Mapping[str, Predictions], calibrated_on: frozenset[str], resamples: int
) -> dict[str, Group]:
    """The figures of each group with held-out submissions, with a progress bar."""
    labs = {lab.name: lab for lab, _ in course.tested}
    groups = {}
    # One thread: the matrix products are small, and waiting threads took 7x the CPU on a busy machine.
    with threadpool_limits(limits=1), step_bars() as show:
        for name, members in course.groups.items():
            decisions = {grader: in_labs(predictions, members) for grader, predictions in graders.items()}
            if not decisions[TUNED]:
                continue
            groups[name] = group_figures(
                decisions,
                {lab: labs[lab] for lab in members if lab in labs},
                calibrated_on,
                resamples=resamples,
                tick=_counter(show, f"figures of {name}", steps(decisions)),
            )
    return groups


def _counter(show: Callable[[str, int, int], None], step: str, total: int) -> Callable[[], None]:
    done = count(1)
    return lambda: show(step, next(done), total)


def _write_results(out: Path, evaluation: Evaluation, decisions: Mapping[str, Sequence[Decision]]) -> None:
    """`decisions`: group -> the tuned model's decisions."""
    out.mkdir(parents=True, exist_ok=True)
    for name, members in decisions.items():
        write_confusions(members, out / f"confusion-{name.replace(' ', '-')}.png", title=f"{TUNED}, {name}")
    rows = (decision.model_dump_json() + "\n" for members in decisions.values() for decision in members)
    (out / "decisions.jsonl").write_text("".join(rows), encoding="utf-8")
    if evaluation.cost:
        write_atomically(out / COST, evaluation.cost.model_dump_json(indent=1) + "\n")
    write_atomically(out / "evaluation.json", evaluation.model_dump_json(indent=1) + "\n")
