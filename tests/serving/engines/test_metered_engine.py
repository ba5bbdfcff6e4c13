"""What an engine is asked is counted, and passed on as it is."""

from typing import Any

from serving.engines.engine import ScoreRequest
from serving.engines.metered_engine import MeteredEngine, read_tokens


def test_a_beginning_shared_with_the_prompt_before_is_read_once() -> None:
    code = tuple(range(100))
    assert read_tokens([(*code, 7, 8), (*code, 9)]) == 100 + 2 + 1
    assert read_tokens([(*code, 7, 8), (1, 2), code]) == 102 + 2 + 100
    assert read_tokens([(1, 2, 3), (1, 2)]) == 3
    assert read_tokens([]) == 0


def test_a_metered_engine_answers_as_its_own_and_counts_every_call(fake_engine: Any) -> None:
    engine = MeteredEngine(fake_engine)
    requests = [ScoreRequest((5, 6, 7), (1, 2)), ScoreRequest((5, 6, 8, 9), (1, 2, 3))]
    assert engine.score(requests) == fake_engine.score(requests)
    assert (engine.questions, engine.prompt_tokens, engine.read_tokens) == (2, 7, 5)
    assert engine.write([(5, 6)], 10, "\n", ".*") == ["Because of line 1."]
    assert (engine.questions, engine.prompt_tokens, engine.read_tokens) == (3, 9, 7)
    engine.close()
    assert fake_engine.closed
