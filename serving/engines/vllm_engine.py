"""The in-process vLLM engine, for CPUs and NVIDIA GPUs."""

from collections.abc import Callable, Sequence
from copy import copy
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from labs_schema.errors import ModelError
from labs_schema.limits import EngineLimits
from serving.engines.adapters import AdapterFolder
from serving.engines.engine import (
    EngineDownError,
    EngineFailure,
    EngineOptions,
    LabelScores,
    Sampling,
    ScoreRequest,
    WrittenText,
    invalid_prompt,
    unfinished_answer,
)
from serving.engines.vllm_platform import hide_load_warnings, platform_settings, quick_shutdown

Answer = TypeVar("Answer")


class VllmEngine:
    """Scores and writes with `vllm.LLM`. `close` frees the model; the engine cannot be used afterwards.

    A process can have several engines open. Several can share one base model (`with_adapter`).
    """

    closed = False
    _open_bases = 0

    def __init__(self, options: EngineOptions, *, compiled: bool = False, max_rank: int = 8) -> None:
        """`options.adapter_hash` must change with the adapter's weights: vLLM caches prefixes under it. `max_rank`: up
        to this rank, other adapters can share the base. `compiled`: compile on CPUs too, with a C++ compiler.

        Raises ModelError if the adapter or the compiler is missing, or vLLM cannot load the model.
        """
        from safetensors import SafetensorError

        adapter = options.adapter
        self._folder = AdapterFolder(adapter) if adapter else None
        # vLLM takes powers of two from 8 on as maximum ranks.
        self.max_rank = max(max_rank, 1 << (self._folder.rank - 1).bit_length()) if self._folder else 0
        settings = self._adapter_settings() if adapter else {}
        try:
            with hide_load_warnings():
                settings.update(platform_settings(compiled=compiled))
                import vllm

                self._llm: Any = vllm.LLM(
                    model=options.weights,
                    tokenizer=options.tokenizer,
                    dtype=options.dtype,
                    max_model_len=options.context_length,
                    max_logprobs=EngineLimits().option_labels,
                    enable_prefix_caching=True,
                    use_tqdm_on_load=False,
                    disable_log_stats=False,
                    **settings,
                )
        except (ValueError, OSError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"vLLM cannot load {options.weights}: {error}", code="bad-weights") from error
        self.name = "vllm-compiled" if compiled else "vllm"
        self.version = str(vllm.__version__)
        self._numbers = count(1)
        self._number = next(self._numbers)
        self._users = {self._number}
        self._adapter = _lora_request(adapter, options.adapter_hash, self._number) if adapter else None
        VllmEngine._open_bases += 1
        self.context_length = int(self._llm.llm_engine.model_config.max_model_len)
        self._vocabulary_size = int(self._llm.llm_engine.model_config.get_vocab_size())

    def _adapter_settings(self) -> dict[str, Any]:
        loaded = EngineLimits().loaded_adapters
        return {"enable_lora": True, "max_loras": 1, "max_cpu_loras": loaded, "max_lora_rank": max(8, self.max_rank)}

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        from vllm import SamplingParams

        def one_of(labels: tuple[int, ...]) -> SamplingParams:
            ids = list(labels)
            return SamplingParams(
                max_tokens=1, temperature=0, detokenize=False, allowed_token_ids=ids, logprob_token_ids=ids
            )

        return self._answers(
            [request.prompt for request in requests],
            [one_of(request.labels) for request in requests],
            lambda i, completion: _label_scores(completion, requests[i].labels),
        )

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        def parse(_: int, completion: Any) -> str | EngineFailure:
            return str(completion.text) if completion.stop_reason == stop else unfinished_answer(max_tokens)

        constrained = StructuredOutputsParams(regex=form)
        params = SamplingParams(max_tokens=max_tokens, temperature=0, stop=[stop], structured_outputs=constrained)
        return self._answers(prompts, [params] * len(prompts), parse)

    def generate(
        self, prompts: Sequence[tuple[int, ...]], sampling: Sampling, end: tuple[int, ...], first: int = 0
    ) -> list[WrittenText | EngineFailure]:
        from vllm import SamplingParams

        def params(number: int) -> SamplingParams:
            return SamplingParams(
                max_tokens=sampling.max_tokens,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                seed=sampling.seed + number,
                stop_token_ids=list(end),
            )

        def parse(_: int, completion: Any) -> WrittenText | EngineFailure:
            return WrittenText(str(completion.text), completion.finish_reason == "stop")

        return self._answers(prompts, [params(first + i) for i in range(len(prompts))], parse)

    def cache_counts(self) -> tuple[int, int]:
        """Prompt tokens looked up in the prefix cache since the engine was opened, and tokens found there.

        Only one of the engines that share a base reports them, so that a sum over engines is right.
        """
        if self._number != min(self._users):
            return 0, 0
        counts = {metric.name: getattr(metric, "value", 0) for metric in self._llm.get_metrics()}
        return int(counts["vllm:prefix_cache_queries"]), int(counts["vllm:prefix_cache_hits"])

    @property
    def shared(self) -> bool:
        """Whether another engine uses the same base."""
        return len(self._users) > 1

    def with_adapter(self, adapter: Path, name: str) -> "VllmEngine":
        """The same base with another adapter. Raises ModelError if the adapter does not fit it."""
        folder = AdapterFolder(adapter)
        if self._adapter is None or folder.rank > self.max_rank:
            raise ModelError(
                f"{adapter}: rank {folder.rank} exceeds the base's maximum of {self.max_rank}.", code="bad-adapter"
            )
        other = copy(self)
        other._number = next(self._numbers)
        other._folder, other._adapter = folder, _lora_request(adapter, name, other._number)
        try:
            self._llm.llm_engine.add_lora(other._adapter)
        except Exception as error:
            raise ModelError(f"vLLM cannot load the adapter {adapter}: {error}", code="bad-adapter") from error
        self._users.add(other._number)
        return other

    def close(self) -> None:
        """Frees the model's memory once the last engine that shares it is closed, so that another can be opened."""
        if self.closed:
            return
        llm, self.closed = self._llm, True
        del self._llm
        self._users.discard(self._number)
        if self._users:
            llm.llm_engine.remove_lora(self._number)
            return
        VllmEngine._open_bases -= 1
        with quick_shutdown(others_open=VllmEngine._open_bases > 0):
            llm.llm_engine.engine_core.shutdown()
            del llm

    def _answers(
        self,
        prompts: Sequence[tuple[int, ...]],
        params: Sequence[Any],
        parse: Callable[[int, Any], Answer | EngineFailure],
    ) -> list[Answer | EngineFailure]:
        """One answer per prompt; `parse` takes a prompt's position and its completion."""
        invalid = [
            invalid_prompt(prompt, each.max_tokens, self.context_length, self._vocabulary_size)
            for prompt, each in zip(prompts, params, strict=True)
        ]
        valid = [i for i, failure in enumerate(invalid) if failure is None]
        outputs = self._generate([prompts[i] for i in valid], [params[i] for i in valid])
        answers = {
            i: _failure(output, prompts[i]) or parse(i, output.outputs[0])
            for i, output in zip(valid, outputs, strict=True)
        }
        return [invalid[i] or answers[i] for i in range(len(prompts))]

    def _generate(self, prompts: Sequence[tuple[int, ...]], params: Sequence[Any]) -> list[Any]:
        if not prompts:
            return []
        if self._folder:
            self._folder.check_unchanged()
        token_prompts = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        try:
            return list(self._llm.generate(token_prompts, list(params), use_tqdm=False, lora_request=self._adapter))
        except Exception:
            self._abort_unfinished()
            raise

    def _abort_unfinished(self) -> None:
        """Cleans up after an exception in `generate`. Raises EngineDownError if vLLM itself has ended."""
        vllm = self._llm.llm_engine
        try:
            # The next call would wait forever for the unfinished requests, and vLLM 0.32 has already marked their
            # prefix cache blocks as computed although they are not (a probability was off by .82).
            vllm.abort_request(list(vllm.output_processor.request_states), internal=True)
            vllm.reset_prefix_cache(reset_running_requests=True)
        except Exception as error:
            raise EngineDownError("The vLLM engine died; restart this process.") from error


def _lora_request(adapter: Path, name: str, number: int) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest(name or "adapter", number, str(adapter.resolve()))


def _failure(output: Any, prompt: tuple[int, ...]) -> EngineFailure | None:
    """vLLM returns an aborted request as an answer without tokens."""
    if tuple(output.prompt_token_ids) != prompt:
        return EngineFailure("the engine answered another prompt")
    completion = output.outputs[0] if output.outputs else None
    if completion is None or not completion.token_ids or completion.finish_reason not in ("stop", "length"):
        return EngineFailure("the engine gave no answer")
    return None


def _label_scores(completion: Any, labels: tuple[int, ...]) -> LabelScores | EngineFailure:
    scored = completion.logprobs[0] if completion.logprobs else {}
    if any(label not in scored for label in labels):
        return EngineFailure("the engine omitted the score of an option")
    return LabelScores(tuple(float(scored[label].logprob) for label in labels))
