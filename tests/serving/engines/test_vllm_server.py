"""Real `vllm serve` processes behind the HTTP engine."""

import math
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from serving.engines.engine import LabelScores, ScoreRequest
from serving.engines.http_engine import HttpEngine
from serving.engines.transformers_engine import TransformersEngine

pytestmark = pytest.mark.slow


def submissions(count: int) -> list[ScoreRequest]:
    return [
        ScoreRequest((*range(n + 20, n + 220), 300 + criterion, 7), (40, 41, 42)[: 2 + criterion % 2])
        for n in range(count)
        for criterion in range(4)
    ]


def test_it_scores_as_plain_transformers_does(vllm_server: Any, tiny_model_folder: Path) -> None:
    work = submissions(3)
    engine = HttpEngine([vllm_server.url])
    served = engine.score(work)
    engine.close()
    plain = TransformersEngine(tiny_model_folder).score(work)
    for ours, theirs in zip(served, plain, strict=True):
        assert isinstance(ours, LabelScores) and isinstance(theirs, LabelScores)
        assert [math.exp(p) for p in ours.logprobs] == pytest.approx([math.exp(p) for p in theirs.logprobs], abs=0.02)


def test_a_job_outlives_the_death_of_its_server(vllm_server: Any) -> None:
    engine = HttpEngine([vllm_server.url], patience=240)
    work = submissions(100)
    before = engine.score(work[:8])

    def die() -> None:
        time.sleep(0.3)
        vllm_server.kill()
        vllm_server.start()

    death = threading.Thread(target=die)
    death.start()
    answers = [answer for start in range(0, len(work), 40) for answer in engine.score(work[start : start + 40])]
    death.join()
    vllm_server.wait()
    assert all(isinstance(answer, LabelScores) for answer in answers)
    for one, other in zip(answers, before, strict=False):
        assert isinstance(one, LabelScores) and isinstance(other, LabelScores)
        assert one.logprobs == pytest.approx(other.logprobs, abs=0.05)
    engine.close()
