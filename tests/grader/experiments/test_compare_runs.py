"""Two runs are compared on the submissions that both held out."""

import pytest

from grader.evaluation import HELD_OUT, UNSEEN, shown_p
from grader.experiments.compare_runs import HELD_OUT_BY_ONE, compare_runs, group_names, shared_splits
from prompts.style import PromptStyle
from tests.harness.courses.decisions import decision
from tests.harness.errors import raises_code
from training.dataset.manifest import DatasetManifest, LabSplit


def dataset(held_out: str, **labs: tuple[str, ...]) -> DatasetManifest:
    return DatasetManifest(
        grader_version="1",
        format="dpo",
        seed=0,
        train_split=0.5,
        style=PromptStyle(),
        reasoning=False,
        option_order="given",
        eval_labs=(held_out,),
        labs={name: LabSplit(test=tested) for name, tested in labs.items()},
        inputs=dict.fromkeys(labs, "same"),
        outputs={},
    )


def test_shared_submissions_are_held_out_by_both_in_unchanged_labs() -> None:
    first = dataset("c", a=("1", "2", "3"), b=("4",), c=("5",), d=("6",))
    second = dataset("b", a=("2", "3", "9"), b=("4",), c=("7",), d=("6",))
    second = second.model_copy(update={"inputs": second.inputs | {"d": "changed"}})
    shared = shared_splits(first, second)
    assert {lab: split.test for lab, split in shared.items()} == {"a": ("2", "3"), "b": ("4",)}
    assert group_names(first, second) == {"a": UNSEEN, "b": HELD_OUT_BY_ONE, "c": HELD_OUT_BY_ONE, "d": UNSEEN}
    assert group_names(first, first)["c"] == HELD_OUT


def test_runs_without_shared_submissions_are_an_error() -> None:
    with raises_code("no-shared-submissions"):
        shared_splits(dataset("", a=("1",)), dataset("", a=("2",)))


def test_comparison_counts_agreement_and_tests_it_by_student() -> None:
    """Twelve students: the first run is right on all, the second on six: 2 of 2 ** 6 flips are as extreme."""
    first = [decision(f"s{i}", lab="a") for i in range(12)]
    second = [decision(f"s{i}", grader=i % 2, lab="a") for i in range(12)]
    found = compare_runs(("one", "two"), first, second, {"a": UNSEEN}, resamples=50).groups[UNSEEN]
    assert (found.both, found.only_first, found.only_second, found.neither) == (6, 6, 0, 0)
    assert found.differences["agreement"].value == 0.5
    assert found.p_values == pytest.approx({"agreement": 2 / 64})


def test_no_p_values_for_identical_runs() -> None:
    same = [decision(f"s{i}", grader=i % 2, lab="a") for i in range(4)]
    found = compare_runs(("one", "one"), same, same, {"a": UNSEEN}, resamples=50).groups[UNSEEN]
    assert found.p_values == {}
    with pytest.raises(ValueError, match="same decisions"):
        compare_runs(("one", "two"), same, same[:3], {"a": UNSEEN}, resamples=50)


def test_small_p_values_are_not_shown_as_zero() -> None:
    assert [shown_p(p) for p in (1.0, 0.0235, 0.0001, 9.9e-5, 1e-30)] == [
        "p = 1.0000",
        "p = 0.0235",
        "p = 0.0001",
        "p < 0.0001",
        "p < 0.0001",
    ]
