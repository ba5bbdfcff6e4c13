"""Compares two runs on submissions that both held out, with a significance test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.evaluation import HELD_OUT, UNSEEN, RunComparison, RunDifference
from grader.experiments.held_out import DatasetLabs
from labs_schema.errors import GraderError
from serving.measures.agreement import agreement, difference, exact_matches, mark_errors
from serving.measures.decisions import Decision
from serving.measures.resampling import sign_flip_test
from training.dataset.manifest import DatasetManifest, LabSplit
from training.run_folder import open_run_folder

HELD_OUT_BY_ONE = "labs held out by one of the two runs"


@dataclass(frozen=True)
class SharedTestSet:
    """The submissions that another run and the evaluated one both held out. `groups`: lab -> name of its group."""

    run: Path
    labs: DatasetLabs
    groups: dict[str, str]


def shared_test_set(other: Path, dataset: DatasetManifest, labs: DatasetLabs) -> SharedTestSet:
    """`dataset` and `labs` belong to the evaluated run.

    Raises ModelError if `other` is not a run folder, GraderError if the two held out nothing in common.
    """
    theirs = open_run_folder(other)[0].read_dataset_manifest()
    return SharedTestSet(other, labs.narrowed(shared_splits(dataset, theirs)), group_names(dataset, theirs))


def shared_splits(first: DatasetManifest, second: DatasetManifest) -> dict[str, LabSplit]:
    """Lab -> the submissions that both held out, of labs with identical content. Raises GraderError for none."""
    same = [name for name in first.labs if name in second.labs and first.inputs[name] == second.inputs[name]]
    shared = {name: sorted({*first.labs[name].test} & {*second.labs[name].test}) for name in same}
    found = {name: LabSplit(test=tuple(keys)) for name, keys in shared.items() if keys}
    if not found:
        raise GraderError(
            f"The two runs held out no submission in common: of {len(first.labs)} and {len(second.labs)} labs, "
            f"{len(same)} are in both with the same content. Train the second run on the first one's dataset, or "
            "build its dataset with the same --seed and --train-split.",
            code="no-shared-submissions",
        )
    return found


def group_names(first: DatasetManifest, second: DatasetManifest) -> dict[str, str]:
    """Lab -> its group, from the number of runs that held it out."""
    times = {name: (name in first.eval_labs) + (name in second.eval_labs) for name in first.labs}
    return {name: (UNSEEN, HELD_OUT_BY_ONE, HELD_OUT)[count] for name, count in times.items()}


def compare_runs(
    names: tuple[str, str],
    first: Sequence[Decision],
    second: Sequence[Decision],
    groups: Mapping[str, str],
    *,
    resamples: int,
) -> RunComparison:
    """`first` and `second`: the two runs' decisions on the same questions, in order. `groups`: lab -> group."""
    found = {}
    for name in dict.fromkeys(groups[d.lab] for d in first):
        ours, theirs = ([d for d in each if groups[d.lab] == name] for each in (first, second))
        found[name] = run_difference(ours, theirs, resamples=resamples)
    return RunComparison(first=names[0], second=names[1], groups=found)


def run_difference(ours: Sequence[Decision], theirs: Sequence[Decision], *, resamples: int) -> RunDifference:
    """The figures of one group. Raises ValueError unless both answered the same questions in the same order."""
    differences = difference(ours, theirs, resamples=resamples)
    first, second = exact_matches(ours), exact_matches(theirs)
    paired = {"agreement": first - second, "marks_mae": mark_errors(ours) - mark_errors(theirs)}
    tested = {name: sign_flip_test(ours, values) for name, values in paired.items()}
    return RunDifference(
        first=agreement(ours, resamples=resamples),
        second=agreement(theirs, resamples=resamples),
        differences=differences,
        p_values={name: p for name, p in tested.items() if p is not None},
        both=int((first * second).sum()),
        only_first=int((first * (1 - second)).sum()),
        only_second=int(((1 - first) * second).sum()),
        neither=int(((1 - first) * (1 - second)).sum()),
    )
