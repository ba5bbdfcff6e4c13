"""Two runs on the same work: is one better, or was it chance? Grades nothing itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.evaluation import HELD_OUT, UNSEEN, RunComparison, RunDifference
from grader.experiments.held_out import Course
from labs_schema.errors import GraderError
from serving.measures.agreement import agreed, agreement, difference, marks_apart
from serving.measures.decisions import Decision
from serving.measures.sign_flip import sign_flip_test
from training.dataset.rows import DatasetManifest, LabSplit
from training.run_folder import open_run_folder

HELD_OUT_BY_ONE = "labs held out by one of the two runs"


@dataclass(frozen=True)
class Shared:
    """What another run has in common with the evaluated one: the work that both kept, and lab -> its group's name."""

    run: Path
    course: Course
    groups: dict[str, str]


def shared_with(other: Path, dataset: DatasetManifest, course: Course) -> Shared:
    """`dataset` and `course` are the evaluated run's. Raises ModelError where `other` is no run, GraderError where the
    two kept nothing in common."""
    theirs = open_run_folder(other)[0].read_dataset_manifest()
    return Shared(other, course.narrowed(kept_by_both(dataset, theirs)), group_names(dataset, theirs))


def kept_by_both(first: DatasetManifest, second: DatasetManifest) -> dict[str, LabSplit]:
    """Lab -> the work that neither run was trained on, of labs that both read alike. Raises GraderError for none."""
    same = [name for name in first.labs if name in second.labs and first.inputs[name] == second.inputs[name]]
    kept = {name: sorted({*first.labs[name].test} & {*second.labs[name].test}) for name in same}
    found = {name: LabSplit(test=tuple(keys)) for name, keys in kept.items() if keys}
    if not found:
        raise GraderError(
            f"The two runs kept no work in common: of {len(first.labs)} and {len(second.labs)} labs, {len(same)} are "
            "in both with the same content, and no submission there was kept by both. Train the second run on the "
            "first one's data set, or build its own with the same --seed and --train-split."
        )
    return found


def group_names(first: DatasetManifest, second: DatasetManifest) -> dict[str, str]:
    """Lab -> the kind of work it is to both runs."""
    times = {name: (name in first.eval_labs) + (name in second.eval_labs) for name in first.labs}
    return {name: (UNSEEN, HELD_OUT_BY_ONE, HELD_OUT)[held] for name, held in times.items()}


def compare_runs(
    names: tuple[str, str],
    first: Sequence[Decision],
    second: Sequence[Decision],
    groups: Mapping[str, str],
    *,
    resamples: int,
) -> RunComparison:
    """`first` and `second`: both runs' decisions on the same questions in the same order; `groups`: lab -> group."""
    found = {}
    for name in dict.fromkeys(groups[d.lab] for d in first):
        ours, theirs = ([d for d in each if groups[d.lab] == name] for each in (first, second))
        found[name] = run_difference(ours, theirs, resamples=resamples)
    return RunComparison(first=names[0], second=names[1], groups=found)


def run_difference(ours: Sequence[Decision], theirs: Sequence[Decision], *, resamples: int) -> RunDifference:
    """One group's figures. Raises ValueError where the two did not answer the same questions."""
    differences = difference(ours, theirs, resamples=resamples)
    right, also = agreed(ours), agreed(theirs)
    apart = {"agreement": right - also, "marks_mae": marks_apart(ours) - marks_apart(theirs)}
    tested = {name: sign_flip_test(ours, values) for name, values in apart.items()}
    return RunDifference(
        first=agreement(ours, resamples=resamples),
        second=agreement(theirs, resamples=resamples),
        differences=differences,
        p_values={name: p for name, p in tested.items() if p is not None},
        both=int((right * also).sum()),
        only_first=int((right * (1 - also)).sum()),
        only_second=int(((1 - right) * also).sum()),
        neither=int(((1 - right) * (1 - also)).sum()),
    )
