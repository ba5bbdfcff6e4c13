"""Engines on other machines, or on this one: vLLM servers that speak the OpenAI completions API. Knows token ids only.

A question goes to the server that its prompt's shared part prefers, so that a program's criteria, and the same program
asked again, find it cached. What one server cannot answer is asked of the next; what none can answer is asked again
until `patience` is over, and then it is a failure, never half an answer.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from labs_schema.errors import ModelError
from serving.engines.adapters import AdapterFolder
from serving.engines.engine import EngineDownError, EngineFailure, LabelScores, ScoreRequest
from serving.engines.model_servers import NAME_CHARS, ModelServers, NoServerError
from serving.engines.neighbours import neighbours, shared_length
from serving.engines.prompt_checks import refusal, unfinished

MOST_AT_ONCE = 32
"""Questions under way at a time, over all servers: enough to fill their batches, too few to fill their queues."""
SECONDS = 300
"""A server that takes longer for one request hangs: it is asked elsewhere."""
UNREADABLE = "the engine server's answer cannot be read"
Answer = TypeVar("Answer")


class HttpEngine:
    """Scores and writes through `vllm serve` at `urls`, which all serve the same model.

    They must serve it under the first `NAME_CHARS` of its `model_hash` (any name, where that is empty), so that no
    other model's answers are taken for this one's. `among` others: servers of another model are left out. `adapter`:
    a name that changes with its weights, and its folder, which the servers must see under the same path; they are told
    to put it on their model, and again when they come back without it. Without an adapter, servers that put any on
    are not asked. `patience`: seconds for which a question is asked again while no server answers it, as when one is
    restarted; then EngineDownError.
    Raises ModelError where no server is there, or where one serves another model.
    """

    name = "vllm-http"

    def __init__(
        self,
        urls: Sequence[str],
        *,
        weights: str = "WEIGHTS",
        model_hash: str = "",
        context_length: int | None = None,
        among: bool = False,
        adapter: tuple[str, Path] | None = None,
        patience: float = 120.0,
        client: httpx.Client | None = None,
    ) -> None:
        self._folder = AdapterFolder(adapter[1]) if adapter else None
        self._client = client or httpx.Client(timeout=httpx.Timeout(SECONDS, connect=5), limits=httpx.Limits())
        named = model_hash[:NAME_CHARS]
        try:
            self._servers = ModelServers(urls, self._client, named=named, weights=weights, among=among, adapter=adapter)
        except ModelError:
            self._client.close()
            raise
        self._patience = patience
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="engine-http")
        served = self._servers.served
        self.model, self.version = adapter[0] if adapter else served.model, served.version
        self.context_length = min(context_length or served.context_length, served.context_length)

    def score(self, requests: Sequence[ScoreRequest]) -> list[LabelScores | EngineFailure]:
        def body(members: Sequence[int]) -> dict[str, Any]:
            labels = sorted({label for i in members for label in requests[i].labels})
            ids = {"allowed_token_ids": labels, "logprob_token_ids": labels, "logprobs": len(labels)}
            return {"max_tokens": 1, "return_tokens_as_token_ids": True, **ids}

        def read(i: int, choice: dict[str, Any]) -> LabelScores | EngineFailure:
            scored = choice["logprobs"]["top_logprobs"][0]
            found = [scored.get(f"token_id:{label}") for label in requests[i].labels]
            if any(value is None for value in found):
                return EngineFailure("the engine left out an option's score")
            given = tuple(map(float, found))
            # No probability is above 1, but for rounding; `not <=` holds for NaN too.
            return EngineFailure(UNREADABLE) if any(not value <= 0.01 for value in given) else LabelScores(given)

        return self._answers([r.prompt for r in requests], 1, body, read, [r.shared for r in requests])

    def write(
        self, prompts: Sequence[tuple[int, ...]], max_tokens: int, stop: str, form: str
    ) -> list[str | EngineFailure]:
        body = {"max_tokens": max_tokens, "stop": [stop], "structured_outputs": {"regex": form}}

        def read(_: int, choice: dict[str, Any]) -> str | EngineFailure:
            return str(choice["text"]) if choice["stop_reason"] == stop else unfinished(max_tokens)

        return self._answers(prompts, max_tokens, lambda _: body, read)

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._client.close()

    def _answers(
        self,
        prompts: Sequence[tuple[int, ...]],
        answer_tokens: int,
        body: Callable[[Sequence[int]], dict[str, Any]],
        read: Callable[[int, dict[str, Any]], Answer | EngineFailure],
        shared: Sequence[int] = (),
    ) -> list[Answer | EngineFailure]:
        """One answer a prompt. Neighbours with one prefix go together; `body` says what is asked of a group of them."""
        if self._folder:
            self._folder.check()
        answers: dict[int, Answer | EngineFailure] = {}
        for i, prompt in enumerate(prompts):
            if refused := refusal(prompt, answer_tokens, self.context_length):
                answers[i] = refused
        asked = [i for i in range(len(prompts)) if i not in answers]
        known = [shared[i] for i in asked] if shared else []
        groups = [[asked[j] for j in group] for group in neighbours([prompts[i] for i in asked], known)]

        def ask(group: Sequence[int]) -> list[Answer | EngineFailure]:
            prefix = shared[group[0]] if shared else 0
            choices = self._choices([prompts[i] for i in group], body(group), prefix)
            if isinstance(choices, EngineFailure):  # one of a group may be to blame for all
                return [choices] if len(group) == 1 else [each for i in group for each in ask([i])]
            return [_read(read, i, choice) for i, choice in zip(group, choices, strict=True)]

        for group, found in zip(groups, self._pool.map(ask, groups), strict=True):
            answers.update(zip(group, found, strict=True))
        return [answers[i] for i in range(len(prompts))]

    def _choices(
        self, prompts: Sequence[tuple[int, ...]], body: dict[str, Any], prefix: int
    ) -> list[Any] | EngineFailure:
        """The completions of `prompts`, in order, from the first server that gives all of them.

        The first `prefix` tokens say which that is; where it is 0, as many as all have in common.
        """
        shared = prompts[0][: prefix or shared_length(prompts)]
        whole = {"model": self.model, "prompt": [list(prompt) for prompt in prompts], "temperature": 0, **body}
        key = str(shared).encode()
        again = Retrying(
            retry=retry_if_exception_type(NoServerError),
            stop=stop_after_delay(self._patience),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            reraise=True,
        )
        try:
            return again(self._servers.complete, key, whole)
        except NoServerError as error:
            raise EngineDownError(f"No engine server answered within {self._patience:g} s: {error}.") from None


def _read(
    read: Callable[[int, dict[str, Any]], Answer | EngineFailure], i: int, choice: dict[str, Any]
) -> Answer | EngineFailure:
    try:
        return read(i, choice)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return EngineFailure(UNREADABLE)
