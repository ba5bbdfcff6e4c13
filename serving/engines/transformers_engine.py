"""A plain transformers engine: for machines without vLLM support, and the reference that vLLM is tested against."""

import copy
from collections.abc import Sequence
from typing import Any

from labs_schema.errors import ModelError
from serving.engines.engine import (
    EngineFailure,
    EngineOptions,
    LabelScores,
    Sampling,
    ScoreRequest,
    WrittenText,
    invalid_prompt,
    unfinished_answer,
)
from serving.engines.prefixes import common_prefix_length, group_by_prefix


class TransformersEngine:
    """Scores neighbours that share a prefix together, computing the prefix once. Uses a GPU if there is one.

    Raises ModelError if the model cannot be loaded.
    """

    name = "transformers"

    def __init__(self, options: EngineOptions) -> None:
        # Heavy imports happen when an engine is opened, not when this module is imported.
        import torch
        import transformers
        from safetensors import SafetensorError

        self.version = str(transformers.__version__)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        transformers.logging.disable_progress_bar()
        try:
            self._model: Any = transformers.AutoModelForCausalLM.from_pretrained(
                options.weights, dtype=getattr(torch, options.dtype)
            )
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(options.tokenizer)
        except (ValueError, OSError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"transformers cannot load {options.weights}: {error}", code="bad-weights") from error
        self._model.to(self._device).eval()
        self.context_length = options.context_length or int(self._model.config.max_position_embeddings)

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        answers: dict[int, LabelScores | EngineFailure] = {}
        valid: list[int] = []
        for i, request in enumerate(requests):
            if invalid := self._invalid(request.prompt, 1):
                answers[i] = invalid
            else:
                valid.append(i)
        for group in group_by_prefix([requests[i].prompt for i in valid]):
            indices = [valid[j] for j in group]
            rows = self._next_token_logprobs([requests[i].prompt for i in indices])
            for i, row in zip(indices, rows, strict=True):
                answers[i] = LabelScores(tuple(float(row[label]) for label in requests[i].labels))
        return [answers[i] for i in range(len(requests))]

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        del form  # generation is not constrained here
        return [self._write(prompt, max_tokens, stop) for prompt in prompts]

    def generate(
        self, prompts: Sequence[tuple[int, ...]], sampling: Sampling, end: tuple[int, ...], first: int = 0
    ) -> list[WrittenText | EngineFailure]:
        return [self._sample(prompt, sampling, end, first + i) for i, prompt in enumerate(prompts)]

    def _sample(
        self, prompt: tuple[int, ...], sampling: Sampling, end: tuple[int, ...], number: int
    ) -> WrittenText | EngineFailure:
        import torch

        drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
        settings = {"do_sample": True, **drawn} if sampling.temperature else {"do_sample": False}
        with torch.random.fork_rng():
            torch.manual_seed(sampling.seed + number)
            written = self._continue(prompt, sampling.max_tokens, eos_token_id=list(end), **settings)
        if isinstance(written, EngineFailure):
            return written
        return WrittenText(self._text(written), bool(written) and written[-1] in end)

    def close(self) -> None:
        del self._model, self._tokenizer

    def _next_token_logprobs(self, prompts: Sequence[tuple[int, ...]]) -> Any:
        """Log-probabilities (N, V) in float32 of the token after each of N prompts."""
        import torch

        shared = min(common_prefix_length(prompts), min(map(len, prompts)) - 1)
        own = [prompt[shared:] for prompt in prompts]
        width = max(map(len, own))
        ids = torch.tensor([[*tokens, *[0] * (width - len(tokens))] for tokens in own], device=self._device)
        mask = torch.tensor([[1] * (shared + len(t)) + [0] * (width - len(t)) for t in own], device=self._device)
        last = torch.tensor([len(tokens) - 1 for tokens in own], device=self._device)
        with torch.inference_mode():
            logits = self._model(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=self._prefix_cache(prompts[0][:shared], len(prompts)),
                logits_to_keep=last,
            ).logits
            rows = torch.arange(len(prompts), device=self._device)
            return torch.log_softmax(logits[rows, rows].float(), dim=-1).cpu()

    def _prefix_cache(self, prefix: tuple[int, ...], copies: int) -> Any:
        """The key-value cache of `prefix`, repeated `copies` times."""
        import torch

        if not prefix:
            return None
        ids = torch.tensor([prefix], device=self._device)
        cache = self._model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
        cache = copy.deepcopy(cache)
        cache.batch_repeat_interleave(copies)
        return cache

    def _write(self, prompt: tuple[int, ...], max_tokens: int, stop: str) -> str | EngineFailure:
        stopping = {"stop_strings": [stop], "tokenizer": self._tokenizer}
        written = self._continue(prompt, max_tokens, do_sample=False, **stopping)
        if isinstance(written, EngineFailure):
            return written
        answer, stopped, _ = self._text(written).partition(stop)
        return answer if stopped else unfinished_answer(max_tokens)

    def _continue(self, prompt: tuple[int, ...], max_tokens: int, **settings: Any) -> list[int] | EngineFailure:
        """The tokens after `prompt`. `settings`: as for `generate` of transformers."""
        import torch

        if invalid := self._invalid(prompt, max_tokens):
            return invalid
        ids = torch.tensor([prompt], device=self._device)
        mask = torch.ones_like(ids)
        written = self._model.generate(ids, attention_mask=mask, max_new_tokens=max_tokens, pad_token_id=0, **settings)
        found: list[int] = written[0, len(prompt) :].tolist()
        return found

    def _text(self, tokens: list[int]) -> str:
        return str(self._tokenizer.decode(tokens, skip_special_tokens=True))

    def _invalid(self, prompt: tuple[int, ...], answer_tokens: int) -> EngineFailure | None:
        return invalid_prompt(prompt, answer_tokens, self.context_length, self._model.config.vocab_size)
