import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.sampler import SubmissionSampler

SIZES = [30, 500, 20, 70, 400, 90, 10, 60, 250, 40, 80]
ROWS = [[s * 10, s * 10 + 1] for s in range(len(SIZES))]


def batches_of_epoch(sampler: SubmissionSampler, epoch: int) -> list[list[int]]:
    sampler.set_epoch(epoch)
    return list(sampler)


@given(
    count=st.integers(1, 40),
    per_batch=st.integers(1, 9),
    tokens=st.none() | st.integers(50, 600),
    ranks=st.integers(1, 4),
    epoch=st.integers(0, 5),
)
def test_every_submission_is_seen_once_an_epoch_and_no_process_has_more_batches_than_another(
    count: int, per_batch: int, tokens: int | None, ranks: int, epoch: int
) -> None:
    sizes = [SIZES[s % len(SIZES)] for s in range(count)]
    if count < ranks:
        return
    samplers = [
        SubmissionSampler(
            [[s] for s in range(count)], sizes, per_batch=per_batch, tokens_per_batch=tokens, rank=r, ranks=ranks
        )
        for r in range(ranks)
    ]
    batches = [batches_of_epoch(sampler, epoch) for sampler in samplers]
    assert {len(of_rank) for of_rank in batches} == {len(samplers[0])}
    assert sorted(row for of_rank in batches for batch in of_rank for row in batch) == list(range(count))
    assert all(batch for of_rank in batches for batch in of_rank)


def test_a_submissions_rows_stay_together() -> None:
    for batch in SubmissionSampler(ROWS, SIZES, per_batch=3):
        assert len(batch) % 2 == 0
        assert all(
            first + 1 == second and first % 10 == 0 for first, second in zip(batch[::2], batch[1::2], strict=True)
        )


def test_an_epoch_can_be_repeated_and_the_next_one_has_another_order() -> None:
    first, again = (SubmissionSampler(ROWS, SIZES, per_batch=2, seed=3) for _ in range(2))
    assert batches_of_epoch(first, 4) == batches_of_epoch(again, 4)
    assert batches_of_epoch(first, 4) != batches_of_epoch(first, 5)
    assert batches_of_epoch(SubmissionSampler(ROWS, SIZES, per_batch=2, seed=4), 4) != batches_of_epoch(first, 4)


def test_a_batch_keeps_to_its_tokens_and_a_longer_submission_goes_alone() -> None:
    sampler = SubmissionSampler(ROWS, SIZES, per_batch=1, tokens_per_batch=300, epochs=5)
    for epoch in range(5):
        plan = sampler.plan(epoch)
        assert len(plan) == len(sampler)
        assert all(sum(SIZES[s] for s in batch) <= 300 or len(batch) == 1 for batch in plan)
    assert max(map(len, plan)) > 2


def test_the_heaviest_batch_is_known_before_it_comes() -> None:
    assert SubmissionSampler(ROWS, SIZES, per_batch=2).heaviest() == [*ROWS[1], *ROWS[4]]
    sampler = SubmissionSampler(ROWS, SIZES, per_batch=1, tokens_per_batch=950)
    assert sampler.heaviest() == [*ROWS[1], *ROWS[4]]


def test_more_processes_than_submissions_are_refused() -> None:
    with pytest.raises(ValueError, match="use fewer processes"):
        SubmissionSampler(ROWS[:1], SIZES[:1], per_batch=1, ranks=2)
