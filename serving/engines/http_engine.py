"""An engine over HTTP: `vllm serve` processes, here or on other machines, through the OpenAI completions API."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from labs_schema.errors import ModelError
from labs_schema.limits import TransportLimits
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
from serving.engines.prefixes import common_prefix_length, group_by_prefix
from serving.engines.server_pool import NoServerError, ServerPool

UNREADABLE = "the engine server's answer is unreadable"
Answer = TypeVar("Answer")


class HttpEngine:
    """Scores and writes through the `vllm serve` processes at `urls`, which all serve the model of `options`.

    All prompts with one prefix go in one request to the preferred server of that prefix, so that its cache is used. A
    request that a server does not answer goes to the next one; while none answers it is retried for
    `limits.patience_seconds`, then EngineDownError is raised. This is the only retry inside an engine.

    The servers must see an adapter's folder under the same path. They load it at the start, and again after a restart.

    Raises ModelError if no server is usable, or one serves another model (`skip_other_models`: ignore those).
    """

    name = "vllm-http"

    def __init__(
        self,
        urls: Sequence[str],
        options: EngineOptions,
        *,
        skip_other_models: bool = False,
        limits: TransportLimits | None = None,
        client: httpx.Client | None = None,
    ) -> None:
        self._limits = limits = limits or TransportLimits()
        self._adapter = AdapterFolder(options.adapter) if options.adapter else None
        timeout = httpx.Timeout(limits.request_seconds, connect=limits.connect_seconds)
        self._client = client or httpx.Client(timeout=timeout, limits=httpx.Limits())
        try:
            self._servers = ServerPool(urls, self._client, options, skip_other_models=skip_other_models, limits=limits)
        except ModelError:
            self._client.close()
            raise
        self._pool = ThreadPoolExecutor(limits.concurrent_requests, thread_name_prefix="engine-http")
        served = self._servers.served
        self.model, self.version = self._servers.model, served.version
        self.context_length = min(options.context_length or served.context_length, served.context_length)

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        def body(members: Sequence[int]) -> dict[str, Any]:
            labels = sorted({label for i in members for label in requests[i].labels})
            ids = {"allowed_token_ids": labels, "logprob_token_ids": labels, "logprobs": len(labels)}
            return {"max_tokens": 1, "return_tokens_as_token_ids": True, **ids}

        def parse(i: int, choice: dict[str, Any]) -> LabelScores | EngineFailure:
            scored = choice["logprobs"]["top_logprobs"][0]
            found = [scored.get(f"token_id:{label}") for label in requests[i].labels]
            if any(value is None for value in found):
                return EngineFailure("the engine omitted the score of an option")
            logprobs = tuple(map(float, found))
            # No probability exceeds 1, apart from rounding. `not <=` is also true for NaN.
            return EngineFailure(UNREADABLE) if any(not value <= 0.01 for value in logprobs) else LabelScores(logprobs)

        return self._answers([r.prompt for r in requests], 1, body, parse, [r.shared for r in requests])

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        body = {"max_tokens": max_tokens, "stop": [stop], "structured_outputs": {"regex": form}}

        def parse(_: int, choice: dict[str, Any]) -> str | EngineFailure:
            return str(choice["text"]) if choice["stop_reason"] == stop else unfinished_answer(max_tokens)

        return self._answers(prompts, max_tokens, lambda _: body, parse)

    def generate(
        self, prompts: Sequence[tuple[int, ...]], sampling: Sampling, end: tuple[int, ...], first: int = 0
    ) -> list[WrittenText | EngineFailure]:
        settings = sampling.model_dump(exclude={"seed"}) | {"stop_token_ids": list(end)}

        def parse(_: int, choice: dict[str, Any]) -> WrittenText | EngineFailure:
            if choice["finish_reason"] not in ("stop", "length"):
                return EngineFailure("the engine gave no answer")
            return WrittenText(str(choice["text"]), choice["finish_reason"] == "stop")

        found: list[WrittenText | EngineFailure] = []
        for number, prompt in enumerate(prompts, first) if sampling.temperature else ():  # a seed is a request's
            found += self._answers([prompt], sampling.max_tokens, _with_seed(settings, sampling.seed + number), parse)
        return found or self._answers(prompts, sampling.max_tokens, lambda _: settings, parse)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def _answers(
        self,
        prompts: Sequence[tuple[int, ...]],
        answer_tokens: int,
        body: Callable[[Sequence[int]], dict[str, Any]],
        parse: Callable[[int, dict[str, Any]], Answer | EngineFailure],
        shared: Sequence[int] = (),
    ) -> list[Answer | EngineFailure]:
        """One answer per prompt. Neighbours with one prefix form one request, whose settings `body` gives."""
        if self._adapter:
            self._adapter.check_unchanged()
        answers: dict[int, Answer | EngineFailure] = {}
        for i, prompt in enumerate(prompts):
            if invalid := invalid_prompt(prompt, answer_tokens, self.context_length):
                answers[i] = invalid
        valid = [i for i in range(len(prompts)) if i not in answers]
        prefixes = [shared[i] for i in valid] if shared else []
        groups = [[valid[j] for j in group] for group in group_by_prefix([prompts[i] for i in valid], prefixes)]

        def send(group: Sequence[int]) -> list[Answer | EngineFailure]:
            prefix = shared[group[0]] if shared else 0
            choices = self._complete([prompts[i] for i in group], body(group), prefix)
            if isinstance(choices, EngineFailure):
                return [choices] * len(group)
            return [_parsed(parse, i, choice) for i, choice in zip(group, choices, strict=True)]

        for group, found in zip(groups, self._pool.map(send, groups), strict=True):
            answers.update(zip(group, found, strict=True))
        return [answers[i] for i in range(len(prompts))]

    def _complete(
        self, prompts: Sequence[tuple[int, ...]], body: dict[str, Any], prefix: int
    ) -> list[Any] | EngineFailure:
        """The choices for `prompts`, in order, from the first server that answers all of them.

        The first `prefix` tokens (0: as many as all have in common) are the key to the preferred server.
        """
        shared = prompts[0][: prefix or common_prefix_length(prompts)]
        prompt_ids = [list(prompt) for prompt in prompts]
        request = {"model": self.model, "prompt": prompt_ids, "temperature": 0, **body}
        retrying = Retrying(
            retry=retry_if_exception_type(NoServerError),
            stop=stop_after_delay(self._limits.patience_seconds),
            wait=wait_random_exponential(
                multiplier=self._limits.retry_wait_seconds, max=self._limits.longest_retry_wait_seconds
            ),
            reraise=True,
        )
        try:
            return retrying(self._servers.complete, str(shared).encode(), request)
        except NoServerError as error:
            seconds = self._limits.patience_seconds
            raise EngineDownError(f"No engine server answered within {seconds:g} s: {error}.") from None


def _with_seed(settings: dict[str, Any], seed: int) -> Callable[[Sequence[int]], dict[str, Any]]:
    return lambda _: {**settings, "seed": seed}


def _parsed(
    parse: Callable[[int, dict[str, Any]], Answer | EngineFailure], i: int, choice: dict[str, Any]
) -> Answer | EngineFailure:
    try:
        return parse(i, choice)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return EngineFailure(UNREADABLE)
