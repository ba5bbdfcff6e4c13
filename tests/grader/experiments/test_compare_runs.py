"""Two runs are compared on what both kept, and on nothing else."""

import pytest

from grader.evaluation import HELD_OUT, UNSEEN, shown_p
from grader.experiments.compare_runs import HELD_OUT_BY_ONE, compare_runs, group_names, kept_by_both
from labs_schema.errors import GraderError
from prompts.style import PromptStyle
from serving.measures.decisions import Decision
from training.dataset.rows import DatasetManifest, LabSplit


def data_set(held_out: str, **labs: tuple[str, ...]) -> DatasetManifest:
    return DatasetManifest(
        grader_version="1",
        format="dpo",
        seed=0,
        train_split=0.5,
        style=PromptStyle(),
        reasoning=False,
        option_order="given",
        eval_labs=(held_out,),
        labs={name: LabSplit(test=kept) for name, kept in labs.items()},
        inputs=dict.fromkeys(labs, "same"),
        outputs={},
    )


def decision(student: str, grader: int, lab: str = "a") -> Decision:
    return Decision(lab=lab, language="C", student=student, criterion="c", ratings=2, human=0, grader=grader)


def test_only_work_that_both_kept_of_labs_that_both_read_alike_is_shared() -> None:
    first = data_set("c", a=("1", "2", "3"), b=("4",), c=("5",), d=("6",))
    second = data_set("b", a=("2", "3", "9"), b=("4",), c=("7",), d=("6",))
    second = second.model_copy(update={"inputs": second.inputs | {"d": "changed"}})
    shared = kept_by_both(first, second)
    assert {lab: split.test for lab, split in shared.items()} == {"a": ("2", "3"), "b": ("4",)}
    assert group_names(first, second) == {"a": UNSEEN, "b": HELD_OUT_BY_ONE, "c": HELD_OUT_BY_ONE, "d": UNSEEN}
    assert group_names(first, first)["c"] == HELD_OUT


def test_runs_that_kept_nothing_in_common_are_told_so_in_words() -> None:
    with pytest.raises(GraderError, match=r"kept no work in common.*--seed"):
        kept_by_both(data_set("", a=("1",)), data_set("", a=("2",)))


def test_a_comparison_counts_who_was_right_and_tests_it_by_student() -> None:
    """Twelve students: the first run is right on all, the second on none of six: 2 of 2 ** 6 flips are as extreme."""
    first = [decision(f"s{i}", 0) for i in range(12)]
    second = [decision(f"s{i}", i % 2) for i in range(12)]
    found = compare_runs(("one", "two"), first, second, {"a": UNSEEN}, resamples=50).groups[UNSEEN]
    assert (found.both, found.only_first, found.only_second, found.neither) == (6, 6, 0, 0)
    assert found.differences["agreement"].value == 0.5
    assert found.p_values == pytest.approx({"agreement": 2 / 64})


def test_a_run_compared_with_itself_has_nothing_to_test() -> None:
    same = [decision(f"s{i}", i % 2) for i in range(4)]
    found = compare_runs(("one", "one"), same, same, {"a": UNSEEN}, resamples=50).groups[UNSEEN]
    assert found.p_values == {}
    with pytest.raises(ValueError, match="same decisions"):
        compare_runs(("one", "two"), same, same[:3], {"a": UNSEEN}, resamples=50)


def test_a_p_value_is_never_shown_as_nought() -> None:
    assert [shown_p(p) for p in (1.0, 0.0235, 0.0001, 9.9e-5, 1e-30)] == [
        "p = 1.0000",
        "p = 0.0235",
        "p = 0.0001",
        "p < 0.0001",
        "p < 0.0001",
    ]
