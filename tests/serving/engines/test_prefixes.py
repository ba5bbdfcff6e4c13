"""Prompts are grouped by shared prefix, and tokens of a shared prefix are counted once."""

import random
from typing import Any

from serving.engines.engine import ScoreRequest
from serving.engines.prefixes import MeteredEngine, count_uncached_tokens, group_by_prefix


def tokens(seed: int, count: int) -> tuple[int, ...]:
    rng = random.Random(seed)
    return tuple(rng.randrange(3, 500) for _ in range(count))


def test_a_group_shares_half_of_its_first_prompt() -> None:
    a, b = (1, 2, 3, 4), (7, 8)
    assert group_by_prefix([a, (1, 2, 9, 9, 9, 9), (1, 9), b, a]) == [[0, 1], [2], [3], [4]]
    assert group_by_prefix([]) == []


def test_submissions_that_share_a_long_problem_statement_are_separate_groups() -> None:
    problem, criteria = tokens(0, 600), [tokens(seed, 40) for seed in (1, 2, 3)]
    prompts = [problem + tokens(10 + work, 200) + criterion for work in range(4) for criterion in criteria]
    assert group_by_prefix(prompts) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


def test_a_prefix_shared_with_the_previous_prompt_is_counted_once() -> None:
    code = tuple(range(100))
    assert count_uncached_tokens([(*code, 7, 8), (*code, 9)]) == 100 + 2 + 1
    assert count_uncached_tokens([(*code, 7, 8), (1, 2), code]) == 102 + 2 + 100
    assert count_uncached_tokens([(1, 2, 3), (1, 2)]) == 3
    assert count_uncached_tokens([]) == 0


def test_a_metered_engine_forwards_answers_and_counts_every_call(fake_engine: Any) -> None:
    engine = MeteredEngine(fake_engine)
    requests = [ScoreRequest((5, 6, 7), (1, 2)), ScoreRequest((5, 6, 8, 9), (1, 2, 3))]
    assert engine.score(requests) == fake_engine.score(requests)
    assert (engine.questions, engine.prompt_tokens, engine.uncached_tokens) == (2, 7, 5)
    assert engine.write([(5, 6)], 10, "\n", ".*") == ["Because of line 1."]
    assert (engine.questions, engine.prompt_tokens, engine.uncached_tokens) == (3, 9, 7)
    engine.close()
    assert fake_engine.closed
