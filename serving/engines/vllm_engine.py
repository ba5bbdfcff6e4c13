"""The vLLM engine. The same code serves from CPUs and from NVIDIA GPUs.

Knows token ids, not labs. vLLM is imported when an engine is opened, not before.
"""

import gc
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from labs_schema.errors import ModelError
from serving.engines.admission import refusal, unfinished
from serving.engines.engine import EngineFailure, LabelScores, ScoreRequest
from serving.engines.vllm_platform import platform_settings, quiet

MOST_LABELS = 26
Answer = TypeVar("Answer")


class VllmEngine:
    """Scores and writes with `vllm.LLM`. `close` frees the model; nothing may be asked after it."""

    name = "vllm"

    def __init__(
        self,
        weights: str | Path,
        *,
        tokenizer: str | Path | None = None,
        context_length: int | None = None,
        dtype: str = "bfloat16",
        adapter: Path | None = None,
    ) -> None:
        """`weights` and `tokenizer`: a folder or a hub id (tokenizer: default that of the weights). `context_length`
        in tokens (default: the model's own). `adapter`: a folder with a LoRA adapter, used for every request.

        Raises ModelError where the adapter is missing or vLLM cannot load the model.
        """
        settings = _adapter_settings(adapter)
        try:
            with quiet():
                settings.update(platform_settings())
                import vllm

                self._llm: Any = vllm.LLM(
                    model=str(weights),
                    tokenizer=str(tokenizer or weights),
                    dtype=dtype,
                    max_model_len=context_length,
                    max_logprobs=MOST_LABELS,
                    enable_prefix_caching=True,
                    use_tqdm_on_load=False,
                    disable_log_stats=False,
                    **settings,
                )
        except (ValueError, OSError, RuntimeError) as error:
            raise ModelError(f"vLLM cannot load {weights}: {error}") from error
        self.version = str(vllm.__version__)
        self._adapter = None if adapter is None else _lora_request(adapter)
        self.context_length = int(self._llm.llm_engine.model_config.max_model_len)
        self._vocabulary = int(self._llm.llm_engine.model_config.get_vocab_size())

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        from vllm import SamplingParams

        def one_of(labels: tuple[int, ...]) -> SamplingParams:
            ids = list(labels)
            return SamplingParams(
                max_tokens=1, temperature=0, detokenize=False, allowed_token_ids=ids, logprob_token_ids=ids
            )

        return self._answer(
            [request.prompt for request in requests],
            [one_of(request.labels) for request in requests],
            lambda i, completion: _label_scores(completion, requests[i].labels),
        )

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        def text(_: int, completion: Any) -> str | EngineFailure:
            return str(completion.text) if completion.stop_reason == stop else unfinished(max_tokens)

        constrained = StructuredOutputsParams(regex=form)
        params = SamplingParams(max_tokens=max_tokens, temperature=0, stop=[stop], structured_outputs=constrained)
        return self._answer(prompts, [params] * len(prompts), text)

    def cache_counts(self) -> tuple[int, int]:
        """Prompt tokens looked up in the prefix cache since the engine was opened, and those found there."""
        counts = {metric.name: getattr(metric, "value", 0) for metric in self._llm.get_metrics()}
        return int(counts["vllm:prefix_cache_queries"]), int(counts["vllm:prefix_cache_hits"])

    def close(self) -> None:
        """Frees the model's memory, so that another engine can be opened in this process."""
        from vllm.distributed.parallel_state import cleanup_dist_env_and_memory

        self._llm.llm_engine.engine_core.shutdown()
        del self._llm
        gc.collect()
        cleanup_dist_env_and_memory()

    def _answer(
        self,
        prompts: Sequence[tuple[int, ...]],
        params: Sequence[Any],
        read: Callable[[int, Any], Answer | EngineFailure],
    ) -> list[Answer | EngineFailure]:
        """One answer a prompt; `read` takes its position and its completion. vLLM fails the whole batch for one bad
        prompt, so none reaches it."""
        refused = [
            refusal(prompt, wanted.max_tokens, self.context_length, self._vocabulary)
            for prompt, wanted in zip(prompts, params, strict=True)
        ]
        asked = [i for i, reason in enumerate(refused) if reason is None]
        outputs = self._generate([prompts[i] for i in asked], [params[i] for i in asked])
        answers = {i: _failure(output) or read(i, output.outputs[0]) for i, output in zip(asked, outputs, strict=True)}
        return [refused[i] or answers[i] for i in range(len(prompts))]

    def _generate(self, prompts: Sequence[tuple[int, ...]], params: Sequence[Any]) -> list[Any]:
        if not prompts:
            return []
        given = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        return list(self._llm.generate(given, list(params), use_tqdm=False, lora_request=self._adapter))


def _adapter_settings(adapter: Path | None) -> dict[str, Any]:
    """vLLM accepts a missing adapter and then waits for ever, so it is read first; its rank sizes vLLM's buffers."""
    if adapter is None:
        return {}
    try:
        rank = int(json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{adapter}: no LoRA adapter that can be read ({error!r}). Give a run's adapter/.") from error
    return {"enable_lora": True, "max_loras": 1, "max_lora_rank": max(8, 1 << (rank - 1).bit_length())}


def _lora_request(adapter: Path) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, str(adapter.resolve()))


def _failure(output: Any) -> EngineFailure | None:
    """An aborted request comes back as an answer without tokens: that is no answer."""
    completion = output.outputs[0] if output.outputs else None
    if completion is None or not completion.token_ids or completion.finish_reason not in ("stop", "length"):
        return EngineFailure("the engine gave no answer")
    return None


def _label_scores(completion: Any, labels: tuple[int, ...]) -> LabelScores | EngineFailure:
    scored = completion.logprobs[0] if completion.logprobs else {}
    if any(label not in scored for label in labels):
        return EngineFailure("the engine left out an option's score")
    return LabelScores(tuple(float(scored[label].logprob) for label in labels))
