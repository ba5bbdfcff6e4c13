"""Grades the work that a run's data set kept for evaluation and compares with the TAs, beside what costs nothing.

The untuned model is the base under the same prompts.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

from grader.evaluation import COMMONEST, TUNED, UNTUNED, WORDS, Evaluation, Group, RunComparison
from grader.experiments.answers import Answers, commonest_answers, in_labs, model_answers, only, word_answers
from grader.experiments.compare_runs import Shared, compare_runs, shared_with
from grader.experiments.evaluation_groups import measure_group, ticks
from grader.experiments.held_out import Course, read_course
from grader.progress_bars import step_bars
from grader.report import write_report
from grader.single_threaded import single_threaded
from grader.token_cost import FILE as COST
from prompts.encode import OnOverlong
from serving.engines.engine_choice import EngineName
from serving.measures.confusion_figure import draw_confusions
from serving.measures.decisions import Decision
from training.config import RunConfig
from training.dataset.rows import DatasetManifest
from training.models.bases import find_base
from training.run_folder import open_run_folder, write_whole


def evaluate_run(
    run: Path,
    labs: Path,
    out: Path,
    *,
    other: Path | None = None,
    engine: EngineName = "auto",
    orders: int | None = None,
    base: bool = True,
    resamples: int = 2000,
    report: Path | None = None,
    command: str | None = None,
    price_per_hour: float | None = None,
) -> Evaluation:
    """Evaluates the model of `run` on the work that its data set kept, found again in the folder `labs`.

    `other`: a run to compare with, on what both kept. `orders` of the ratings to ask in; by default the model's own.
    `base`: the untuned model as well. Writes `evaluation.json`, `decisions.jsonl` and a picture a group into `out`, and
    a `report` that names the `command` where a path is given; and what grading cost, at `price_per_hour` of the
    machine. Raises InputError where a lab has changed since or cannot be read, ModelError where a model cannot be
    served, GraderError where two runs kept nothing in common.
    """
    folder, config = open_run_folder(run)
    dataset = folder.read_dataset_manifest()
    course = read_course(dataset, labs)
    shared = shared_with(other, dataset, course) if other else None

    tuned = model_answers(str(run), course.kept, TUNED, engine, orders=orders)
    base_model = find_base(config.model).source if base else None
    graders = {TUNED: tuned.answers} | answers_beside(course, base_model, tuned.orders, engine, dataset, config)

    calibrated_on = course.students(tuned.calibration.submissions) if tuned.calibration else frozenset()
    evaluation = Evaluation(
        run=run.resolve().name,
        groups=measured(course, graders, calibrated_on, resamples),
        compared=compared_with(shared, run, tuned.answers, engine, orders, resamples) if shared else None,
        cost=tuned.cost.model_copy(update={"price_per_hour": price_per_hour}),
    )
    decided = {name: in_labs(tuned.answers, course.groups[name]) for name in evaluation.groups}
    write_results(out, evaluation, decided)
    if report:
        named = {lab.name: lab for lab, _ in course.kept}
        write_report(evaluation, decided, named, report, run=run, command=command)
    return evaluation


def answers_beside(
    course: Course, base: str | None, orders: int, engine: EngineName, dataset: DatasetManifest, config: RunConfig
) -> dict[str, Answers]:
    """What the tuned model is seen beside: the untuned `base`, asked alike, where one is named; words; a constant."""
    found = {}
    if base:
        cut: OnOverlong = "middle" if config.on_overlong == "middle" else "error"
        untuned = model_answers(base, course.kept, UNTUNED, engine, dataset.style, cut, orders=orders)
        found[UNTUNED] = untuned.answers
    return found | {WORDS: word_answers(course.labs, WORDS), COMMONEST: commonest_answers(course.kept)}


def compared_with(
    shared: Shared, run: Path, ours: Answers, engine: EngineName, orders: int | None, resamples: int
) -> RunComparison:
    """`run`, which answered `ours`, beside the other run on the shared work."""
    work = shared.course
    theirs = model_answers(str(shared.run), work.kept, "the other run", engine, orders=orders).answers
    names = run.resolve().name, shared.run.resolve().name
    first, second = in_labs(only(ours, work.kept), work.names), in_labs(theirs, work.names)
    return compare_runs(names, first, second, shared.groups, resamples=resamples)


def measured(
    course: Course, graders: Mapping[str, Answers], calibrated_on: frozenset[str], resamples: int
) -> dict[str, Group]:
    """The figures of both groups, of those that have kept work, with a progress bar."""
    labs = {lab.name: lab for lab, _ in course.kept}
    groups = {}
    with single_threaded(), step_bars() as show:
        for name, members in course.groups.items():
            found = {grader: in_labs(answers, members) for grader, answers in graders.items()}
            if not found[TUNED]:
                continue
            groups[name] = measure_group(
                found,
                {lab: labs[lab] for lab in members if lab in labs},
                calibrated_on,
                resamples=resamples,
                tick=_counter(show, f"figures of {name}", ticks(found)),
            )
    return groups


def _counter(show: Callable[[str, int, int], None], step: str, of: int) -> Callable[[], None]:
    done = count(1)
    return lambda: show(step, next(done), of)


def write_results(out: Path, evaluation: Evaluation, decided: Mapping[str, Sequence[Decision]]) -> None:
    """`decided`: group -> the tuned model's decisions."""
    out.mkdir(parents=True, exist_ok=True)
    for name, decisions in decided.items():
        picture = out / f"confusion-{name.replace(' ', '-')}.png"
        draw_confusions(decisions, picture, title=f"{name}: what the TA gave and what the tuned model gave")
    rows = (decision.model_dump_json() + "\n" for decisions in decided.values() for decision in decisions)
    (out / "decisions.jsonl").write_text("".join(rows), encoding="utf-8")
    if evaluation.cost:
        write_whole(out / COST, evaluation.cost.model_dump_json(indent=1) + "\n")
    write_whole(out / "evaluation.json", evaluation.model_dump_json(indent=1) + "\n")
