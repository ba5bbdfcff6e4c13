"""Sides of `cost.py` that run in separate processes: bare engine, constrained JSON, `generate`."""

import multiprocessing
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.serving.work import Work, criteria_of, prompts_of
from prompts.verdict import verdict_text

BATCH, EVERY, WARM_UP = 16, 4, 2
COMPACT = {"backend": "xgrammar", "disable_any_whitespace": True}
Took = dict[str, float]
"""`cpu` and `wall` seconds, and other measurements of a side."""


def alone(side: Callable[..., Any], *arguments: Any) -> Any:
    """Runs `side` in a separate process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(side, arguments)


def measured(answer: Callable[[Work], None], work: Work) -> Took:
    """CPU and wall seconds of this process for `work`, scaled from all submissions but the first two, the warm-up."""
    answer(work[:WARM_UP])
    rest = work[WARM_UP:]
    cpu, wall = time.process_time(), time.perf_counter()
    for start in range(0, len(rest), BATCH):
        answer(rest[start : start + BATCH])
    share = criteria_of(work) / criteria_of(rest)
    return {"cpu": (time.process_time() - cpu) * share, "wall": (time.perf_counter() - wall) * share}


def engine_side(model: Path, work: Work, engine: str) -> Took:
    """One letter per criterion, as in the service. `peak`: FLOP/s of a matrix product directly afterwards."""
    import torch

    from serving.model.loading import GraderOptions, load_grader
    from training.run.speed import measure_peak_flops

    grader: Any = load_grader(str(model), GraderOptions(engine=engine))
    found = measured(lambda some: grader.grade_each(some), work)
    queries, hits = grader.engine.cache_counts()
    return found | {"hit_rate": hits / queries, "peak": measure_peak_flops(torch.bfloat16)}


def json_side(model: Path, work: Work, engine: str) -> Took:
    """The verdict's letter as JSON under a JSON schema that allows no whitespace."""
    return _json(model, work, engine, letter_alone, structured_outputs_config=COMPACT)


def full_json_side(model: Path, work: Work, engine: str) -> Took:
    """Like `json_side`, with the probability of every option, which a letter's distribution also has."""
    return _json(model, work, engine, with_probabilities, structured_outputs_config=COMPACT)


def loose_json_side(model: Path, work: Work, engine: str) -> Took:
    """The letter with vLLM's defaults, which allow whitespace."""
    return _json(model, work, engine, letter_alone)


def letter_alone(options: int) -> dict[str, Any]:
    """The properties of `{"answer": "A"}`."""
    return {"answer": {"enum": [chr(65 + i) for i in range(options)]}}


def with_probabilities(options: int) -> dict[str, Any]:
    """The properties of `{"answer": "A", "A": "0.93", "B": "0.07"}`. Strings: a number's digits have no limit."""
    share = {"type": "string", "pattern": r"^0\.[0-9]{2}$"}
    return letter_alone(options) | {chr(65 + i): share for i in range(options)}


def _json(model: Path, work: Work, engine: str, properties: Callable[[int], dict[str, Any]], **settings: Any) -> Took:
    import vllm
    from vllm.sampling_params import StructuredOutputsParams

    from serving.engines.engine_choice import COMPILED
    from serving.engines.vllm_platform import platform_settings

    settings |= platform_settings(compiled=engine == COMPILED)
    llm = vllm.LLM(model=str(model), dtype="bfloat16", enable_prefix_caching=True, use_tqdm_on_load=False, **settings)
    written: list[int] = []

    def params(options: int) -> Any:
        named = properties(options)
        schema = {"type": "object", "properties": named, "required": list(named), "additionalProperties": False}
        form = StructuredOutputsParams(json=schema)
        return vllm.SamplingParams(max_tokens=24 * len(named), temperature=0, structured_outputs=form)

    def answer(work: Work) -> None:
        prompts = [each for submission in prompts_of(model, work) for each in submission]
        given = [{"prompt_token_ids": list(ids)} for ids, _ in prompts]
        outputs = llm.generate(given, [params(options) for _, options in prompts], use_tqdm=False)
        written.extend(len(output.outputs[0].token_ids) for output in outputs)

    return measured(answer, work) | {"tokens_written": sum(written) / len(written)}


def generate_side(model: Path, work: Work) -> Took:
    """Hugging Face, one criterion at a time, as many tokens as the verdict has, scaled from every fourth submission."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16).eval()
    verdict = len(AutoTokenizer.from_pretrained(model).encode(verdict_text("A"), add_special_tokens=False))

    def answer(work: Work) -> None:
        for ids, _ in (each for submission in prompts_of(model, work) for each in submission):
            prompt = torch.tensor([ids])
            with torch.inference_mode():
                loaded.generate(
                    prompt,
                    attention_mask=torch.ones_like(prompt),
                    max_new_tokens=verdict,
                    min_new_tokens=verdict,
                    do_sample=False,
                    pad_token_id=0,
                )

    few = work[:WARM_UP] + work[WARM_UP::EVERY]
    share = criteria_of(work) / criteria_of(few)
    return {name: seconds * share for name, seconds in measured(answer, few).items()} | {"tokens_written": verdict}
