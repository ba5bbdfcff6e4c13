"""A plain transformers engine: for machines that vLLM does not support, and the oracle that vLLM is tested against.

Knows token ids, not labs. torch and transformers are imported when an engine is opened, not before.
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from labs_schema.errors import ModelError
from serving.engines.engine import EngineFailure, LabelScores, ScoreRequest
from serving.engines.neighbours import neighbours, shared_length
from serving.engines.prompt_checks import refusal, unfinished


class TransformersEngine:
    """Scores neighbours that share a prefix together, the prefix once. On a GPU where there is one."""

    name = "transformers"

    def __init__(
        self,
        weights: str | Path,
        *,
        tokenizer: str | Path | None = None,
        context_length: int | None = None,
        dtype: str = "bfloat16",
    ) -> None:
        """`weights` and `tokenizer`: a folder or a hub id (tokenizer: default that of the weights). `context_length`
        in tokens (default: the model's own). Raises ModelError where the model cannot be loaded."""
        import torch
        import transformers
        from safetensors import SafetensorError

        self.weights = weights
        self.version = str(transformers.__version__)
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        transformers.logging.disable_progress_bar()
        try:
            self._model: Any = transformers.AutoModelForCausalLM.from_pretrained(weights, dtype=getattr(torch, dtype))
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(tokenizer or weights)
        except (ValueError, OSError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"transformers cannot load {weights}: {error}") from error
        self._model.to(self._device).eval()
        self.context_length = context_length or int(self._model.config.max_position_embeddings)

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        answers: dict[int, LabelScores | EngineFailure] = {}
        asked: list[int] = []
        for i, request in enumerate(requests):
            refused = refusal(request.prompt, 1, self.context_length, self._model.config.vocab_size)
            if refused:
                answers[i] = refused
            else:
                asked.append(i)
        for group in neighbours([requests[i].prompt for i in asked]):
            indices = [asked[j] for j in group]
            rows = self._next_token_logprobs([requests[i].prompt for i in indices])
            for i, row in zip(indices, rows, strict=True):
                answers[i] = LabelScores(tuple(float(row[label]) for label in requests[i].labels))
        return [answers[i] for i in range(len(requests))]

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        del form
        return [self._continue(prompt, max_tokens, stop) for prompt in prompts]

    def close(self) -> None:
        del self._model, self._tokenizer

    def _next_token_logprobs(self, prompts: Sequence[tuple[int, ...]]) -> Any:
        """(N, V) log-probabilities in fp32 of the token after each of N prompts, whose common prefix is run once."""
        import torch

        shared = min(shared_length(prompts), min(map(len, prompts)) - 1)
        own = [prompt[shared:] for prompt in prompts]
        width = max(map(len, own))
        ids = torch.tensor([[*tokens, *[0] * (width - len(tokens))] for tokens in own], device=self._device)
        mask = torch.tensor([[1] * (shared + len(t)) + [0] * (width - len(t)) for t in own], device=self._device)
        last = torch.tensor([len(tokens) - 1 for tokens in own], device=self._device)
        with torch.inference_mode():
            logits = self._model(
                input_ids=ids,
                attention_mask=mask,
                past_key_values=self._cache(prompts[0][:shared], len(prompts)),
                logits_to_keep=last,
            ).logits
            rows = torch.arange(len(prompts), device=self._device)
            return torch.log_softmax(logits[rows, rows].float(), dim=-1).cpu()

    def _cache(self, prefix: tuple[int, ...], copies: int) -> Any:
        """The keys and values of `prefix`, `copies` times."""
        import torch

        if not prefix:
            return None
        ids = torch.tensor([prefix], device=self._device)
        cache = self._model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
        cache = copy.deepcopy(cache)
        cache.batch_repeat_interleave(copies)
        return cache

    def _continue(self, prompt: tuple[int, ...], max_tokens: int, stop: str) -> str | EngineFailure:
        import torch

        refused = refusal(prompt, max_tokens, self.context_length, self._model.config.vocab_size)
        if refused:
            return refused
        ids = torch.tensor([prompt], device=self._device)
        written = self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=max_tokens,
            do_sample=False,
            stop_strings=[stop],
            tokenizer=self._tokenizer,
            pad_token_id=0,
        )
        text = str(self._tokenizer.decode(written[0, len(prompt) :], skip_special_tokens=True))
        answer, stopped, _ = text.partition(stop)
        return answer if stopped else unfinished(max_tokens)
