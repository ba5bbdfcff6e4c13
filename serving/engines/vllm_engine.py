"""The vLLM engine. The same code serves from CPUs and from NVIDIA GPUs.

Knows token ids, not labs. vLLM is imported when an engine is opened, not before.
"""

from collections.abc import Callable, Sequence
from copy import copy
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from labs_schema.errors import ModelError
from serving.engines.adapters import AdapterFolder
from serving.engines.engine import EngineDownError, EngineFailure, LabelScores, ScoreRequest
from serving.engines.prompt_checks import refusal, unfinished
from serving.engines.vllm_platform import platform_settings, quiet, shutting_down

MOST_LABELS = 26
MOST_ADAPTERS = 32
"""Kept ready at a time; what is asked of another is read from its folder again."""
Answer = TypeVar("Answer")


class VllmEngine:
    """Scores and writes with `vllm.LLM`. `close` frees the model; nothing may be asked after it.

    Several may be open in a process, and several may share one base (`with_adapter`): a call is through one adapter.
    """

    closed = False
    _bases_open = 0

    def __init__(
        self,
        weights: str | Path,
        *,
        tokenizer: str | Path | None = None,
        context_length: int | None = None,
        dtype: str = "bfloat16",
        adapter: Path | None = None,
        adapter_name: str = "adapter",
        most_rank: int = 8,
        compiled: bool = False,
    ) -> None:
        """`weights` and `tokenizer`: a folder or a hub id (tokenizer: default that of the weights). `context_length`
        in tokens (default: the model's own). `adapter`: a folder with a LoRA adapter, used for every request;
        `adapter_name` must change with its weights, for vLLM knows by it what it has cached. `most_rank`: up to which
        rank other adapters can share the base. `compiled`: on CPUs too, where it takes a C++ compiler.

        Raises ModelError where the adapter or the compiler is missing or vLLM cannot load the model.
        """
        from safetensors import SafetensorError

        self._folder = AdapterFolder(adapter) if adapter else None
        self.most_rank = max(most_rank, 1 << (self._folder.rank - 1).bit_length()) if self._folder else 0
        settings: dict[str, Any] = {}
        if adapter is not None:
            settings = {"enable_lora": True, "max_loras": 1, "max_cpu_loras": MOST_ADAPTERS}
            settings["max_lora_rank"] = max(8, self.most_rank)
        try:
            with quiet():
                settings.update(platform_settings(compiled=compiled))
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
        except (ValueError, OSError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"vLLM cannot load {weights}: {error}") from error
        self.name = "vllm-compiled" if compiled else "vllm"
        self.version = str(vllm.__version__)
        self._numbers = count(1)
        self._number = next(self._numbers)
        self._users = {self._number}
        self._adapter = None if adapter is None else _lora_request(adapter, adapter_name, self._number)
        VllmEngine._bases_open += 1
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
        """Prompt tokens looked up in the prefix cache since the engine was opened, and those found there; of a base
        that several share, one of them says it."""
        if self._number != min(self._users):
            return 0, 0
        counts = {metric.name: getattr(metric, "value", 0) for metric in self._llm.get_metrics()}
        return int(counts["vllm:prefix_cache_queries"]), int(counts["vllm:prefix_cache_hits"])

    @property
    def shared(self) -> bool:
        """Whether others ask the same base."""
        return len(self._users) > 1

    def with_adapter(self, adapter: Path, name: str) -> "VllmEngine":
        """The same base with another adapter. Raises ModelError where the adapter is none that fits it."""
        folder = AdapterFolder(adapter)
        if self._adapter is None or folder.rank > self.most_rank:
            raise ModelError(f"{adapter}: the base was opened for adapters of a rank of at most {self.most_rank}.")
        other = copy(self)
        other._number = next(self._numbers)
        other._folder, other._adapter = folder, _lora_request(adapter, name, other._number)
        try:
            self._llm.llm_engine.add_lora(other._adapter)
        except Exception as error:
            raise ModelError(f"vLLM cannot put {adapter} on its base: {error}") from error
        self._users.add(other._number)
        return other

    def close(self) -> None:
        """Frees the model's memory once the last that shares it is closed, so that another can be opened."""
        if self.closed:
            return
        llm, self.closed = self._llm, True
        del self._llm
        self._users.discard(self._number)
        if self._users:
            llm.llm_engine.remove_lora(self._number)
            return
        VllmEngine._bases_open -= 1
        with shutting_down(others=VllmEngine._bases_open > 0):
            llm.llm_engine.engine_core.shutdown()
            del llm

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
        answers = {
            i: _failure(output, prompts[i]) or read(i, output.outputs[0])
            for i, output in zip(asked, outputs, strict=True)
        }
        return [refused[i] or answers[i] for i in range(len(prompts))]

    def _generate(self, prompts: Sequence[tuple[int, ...]], params: Sequence[Any]) -> list[Any]:
        if not prompts:
            return []
        if self._folder:
            self._folder.check()
        given = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        try:
            return list(self._llm.generate(given, list(params), use_tqdm=False, lora_request=self._adapter))
        except Exception:
            self._forget_unfinished()
            raise

    def _forget_unfinished(self) -> None:
        """After a call that broke off: the next one would wait for its requests for ever, and would find in the cache
        what was to be computed for them and never was. Raises EngineDownError where vLLM itself has ended."""
        vllm = self._llm.llm_engine
        try:
            vllm.abort_request(list(vllm.output_processor.request_states), internal=True)
            vllm.reset_prefix_cache(reset_running_requests=True)
        except Exception as error:
            raise EngineDownError("vLLM broke off and cannot go on: start again what uses it.") from error


def _lora_request(adapter: Path, name: str, number: int) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest(name, number, str(adapter.resolve()))


def _failure(output: Any, prompt: tuple[int, ...]) -> EngineFailure | None:
    """An aborted request comes back as an answer without tokens: that is no answer, nor is another prompt's."""
    if tuple(output.prompt_token_ids) != prompt:
        return EngineFailure("the engine answered another question")
    completion = output.outputs[0] if output.outputs else None
    if completion is None or not completion.token_ids or completion.finish_reason not in ("stop", "length"):
        return EngineFailure("the engine gave no answer")
    return None


def _label_scores(completion: Any, labels: tuple[int, ...]) -> LabelScores | EngineFailure:
    scored = completion.logprobs[0] if completion.logprobs else {}
    if any(label not in scored for label in labels):
        return EngineFailure("the engine left out an option's score")
    return LabelScores(tuple(float(scored[label].logprob) for label in labels))
