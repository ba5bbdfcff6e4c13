from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.trainers.sampler import BatchPlan, SubmissionSampler, epochs_needed

SIZES = [30, 500, 20, 70, 400, 90, 10, 60, 250, 40, 80]
ROWS = [[s * 10, s * 10 + 1] for s in range(len(SIZES))]


def batches_of_epoch(sampler: SubmissionSampler, epoch: int) -> list[list[int]]:
    sampler.set_epoch(epoch)
    return list(sampler)


def of_all_ranks(ranks: int, **settings: Any) -> list[SubmissionSampler]:
    rows, sizes = settings.pop("rows"), settings.pop("sizes")
    return [SubmissionSampler(rows, sizes, BatchPlan(**settings), rank=rank, ranks=ranks) for rank in range(ranks)]


def steps_of(samplers: list[SubmissionSampler], epoch: int) -> list[list[int]]:
    """The submissions of each optimiser step over all ranks, with gradient accumulation."""
    ranks = [batches_of_epoch(sampler, epoch) for sampler in samplers]
    accumulated = -(-samplers[0].plan.per_step // len(samplers))
    return [
        sorted(row for batches in ranks for batch in batches[start : start + accumulated] for row in batch)
        for start in range(0, len(ranks[0]), accumulated)
    ]


@given(
    count=st.integers(1, 40),
    per_batch=st.integers(1, 9),
    tokens=st.none() | st.integers(50, 600),
    per_step=st.integers(1, 9),
    ranks=st.integers(1, 4),
    others=st.integers(1, 6),
    epoch=st.integers(0, 5),
)
def test_steps_do_not_depend_on_the_number_of_processes(
    count: int, per_batch: int, tokens: int | None, per_step: int, ranks: int, others: int, epoch: int
) -> None:
    settings = {
        "rows": [[s] for s in range(count)],
        "sizes": [SIZES[s % len(SIZES)] for s in range(count)],
        "per_batch": per_batch,
        "tokens_per_batch": tokens,
        "per_step": per_step,
    }
    samplers = of_all_ranks(ranks, **settings)
    steps = steps_of(samplers, epoch)
    assert {len(list(sampler)) for sampler in samplers} == {len(samplers[0])}
    assert sorted(row for step in steps for row in step) == list(range(count)) and all(steps)
    assert steps_of(of_all_ranks(others, **settings), epoch) == steps


def test_a_process_without_a_batch_gets_an_empty_one() -> None:
    samplers = of_all_ranks(2, rows=ROWS, sizes=SIZES, per_batch=1, per_step=3)
    first, second = (list(sampler) for sampler in samplers)
    assert len(first) == len(second) == 7 == len(samplers[0])  # 11 batches: three steps of 3 and one of 2
    assert all(first) and [not batch for batch in second] == [False, True, False, True, False, True, False]


def test_the_rows_of_a_submission_stay_together() -> None:
    for batch in SubmissionSampler(ROWS, SIZES, BatchPlan(per_batch=3)):
        assert len(batch) % 2 == 0
        assert all(
            first + 1 == second and first % 10 == 0 for first, second in zip(batch[::2], batch[1::2], strict=True)
        )


def test_order_depends_on_seed_and_epoch_only() -> None:
    first, again = (SubmissionSampler(ROWS, SIZES, BatchPlan(per_batch=2, seed=3)) for _ in range(2))
    assert batches_of_epoch(first, 4) == batches_of_epoch(again, 4)
    assert batches_of_epoch(first, 4) != batches_of_epoch(first, 5)
    assert batches_of_epoch(SubmissionSampler(ROWS, SIZES, BatchPlan(per_batch=2, seed=4)), 4) != batches_of_epoch(
        first, 4
    )


def test_batches_respect_the_token_limit() -> None:
    sampler = SubmissionSampler(ROWS, SIZES, BatchPlan(per_batch=1, tokens_per_batch=300, epochs=5))
    plans = [sampler.epoch_batches(epoch) for epoch in range(25)]
    for plan in plans:
        assert len(plan) == len(sampler)
        assert all(sum(SIZES[s] for s in batch) <= 300 or len(batch) == 1 for batch in plan)
    assert max(map(len, plans[4])) > 2 and plans[5] == plans[0] != plans[1]


@pytest.mark.parametrize(("epochs", "max_steps", "needed"), [(2.5, None, 3), (1, 12, 4), (9, 1, 1)])
def test_epochs_needed(epochs: float, max_steps: int | None, needed: int) -> None:
    # 1,250 tokens, where those of a submission beyond 300 count as none: at least five batches, three steps of two.
    assert epochs_needed(SIZES, 300, 2, epochs, max_steps) == needed


def test_the_largest_batch_and_the_shortest_submission() -> None:
    assert SubmissionSampler(ROWS, SIZES, BatchPlan(per_batch=2)).largest() == [*ROWS[1], *ROWS[4]]
    sampler = SubmissionSampler(ROWS, SIZES, BatchPlan(per_batch=1, tokens_per_batch=950))
    assert sampler.largest() == [*ROWS[1], *ROWS[4]] and sampler.shortest() == ROWS[6]
