import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import ModelError
from serving.engines.engine import EngineFailure, LabelScores, ScoreRequest
from serving.engines.neighbours import neighbours
from serving.engines.transformers_engine import TransformersEngine
from serving.scoring.scores import belief

LETTERS = (34, 35, 36)


@pytest.fixture(scope="module")
def engine(tiny_model_folder: Path) -> TransformersEngine:
    return TransformersEngine(tiny_model_folder, dtype="float32")


def tokens(seed: int, count: int) -> tuple[int, ...]:
    rng = random.Random(seed)
    return tuple(rng.randrange(3, 500) for _ in range(count))


def test_sharing_the_prefix_changes_no_score(engine: TransformersEngine) -> None:
    shared = tokens(0, 60)
    prompts = [shared + tokens(1, 9), shared + tokens(2, 20), shared, tokens(3, 30), tokens(4, 5)]
    requests = [ScoreRequest(prompt, LETTERS) for prompt in prompts]
    together = engine.score(requests)
    alone = [engine.score([request])[0] for request in requests]
    for one, other in zip(together, alone, strict=True):
        assert isinstance(one, LabelScores) and isinstance(other, LabelScores)
        assert one.logprobs == pytest.approx(other.logprobs, abs=1e-4)


def test_scores_are_the_model_s_own_log_probabilities_of_the_next_token(engine: TransformersEngine) -> None:
    import torch
    from transformers import LlamaForCausalLM

    prompt = tokens(5, 40)
    model = LlamaForCausalLM.from_pretrained(engine.weights, dtype=torch.float32).eval()
    with torch.inference_mode():
        expected = model(torch.tensor([prompt])).logits[0, -1].log_softmax(-1)
    [scores] = engine.score([ScoreRequest(prompt, LETTERS)])
    assert isinstance(scores, LabelScores)
    assert scores.logprobs == pytest.approx([float(expected[label]) for label in LETTERS], abs=1e-4)
    assert belief(scores.logprobs).label_mass < 0.5


def test_a_bad_request_fails_alone(engine: TransformersEngine) -> None:
    good = tokens(6, 10)
    prompts = [good, tokens(7, 2048), (), (9_999_999,), good]
    answers = engine.score([ScoreRequest(prompt, LETTERS) for prompt in prompts])
    assert [isinstance(answer, EngineFailure) for answer in answers] == [False, True, True, True, False]
    assert "overlong" in answers[1].reason  # type: ignore[union-attr]
    assert answers[0] == answers[4]


def test_no_requests_are_no_answers(engine: TransformersEngine) -> None:
    assert engine.score([]) == []
    assert engine.write([], 5, '"', ".*") == []


def test_writing_ends_before_the_stop_text(engine: TransformersEngine, byte_tokenizer: Any) -> None:
    import torch

    prompt = tokens(8, 10)
    written = engine._model.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False)
    text = byte_tokenizer.decode(written[0, 10:], skip_special_tokens=True)
    stop = text[len(text) // 2]
    assert engine.write([prompt, ()], 12, stop, ".*") == [text.split(stop)[0], EngineFailure("the prompt is empty")]


def test_half_an_answer_is_none(engine: TransformersEngine) -> None:
    assert engine.write([tokens(8, 10)], 3, "never", ".*") == [EngineFailure("the answer did not end within 3 tokens")]


def test_a_folder_without_a_model_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot load"):
        TransformersEngine(tmp_path)


def test_half_a_file_of_weights_is_a_named_error(tiny_model_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_model_folder, model := tmp_path / "model")
    (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:1000])
    with pytest.raises(ModelError, match="model: Error while deserializing header"):
        TransformersEngine(model)


def test_neighbours_are_runs_that_share_half_of_the_first_prompt() -> None:
    a, b = (1, 2, 3, 4), (7, 8)
    assert neighbours([a, (1, 2, 9, 9, 9, 9), (1, 9), b, a]) == [[0, 1], [2], [3], [4]]
    assert neighbours([]) == []


def test_submissions_that_share_a_long_problem_are_runs_of_their_own() -> None:
    problem, criteria = tokens(0, 600), [tokens(seed, 40) for seed in (1, 2, 3)]
    prompts = [problem + tokens(10 + work, 200) + criterion for work in range(4) for criterion in criteria]
    assert neighbours(prompts) == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]
