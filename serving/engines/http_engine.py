"""Engines on other machines, or on this one: vLLM servers that speak the OpenAI completions API. Knows token ids only.

A question goes to the server that its prompt's shared part prefers, so that a program's criteria, and the same program
asked again, find it cached. What one server cannot answer is asked of the next; what none can answer is asked again
until `patience` is over, and then it is a failure, never half an answer.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from labs_schema.errors import ModelError
from serving.engines.adapters import adapter_rank
from serving.engines.admission import refusal, unfinished
from serving.engines.engine import EngineDownError, EngineFailure, LabelScores, ScoreRequest
from serving.engines.neighbours import neighbours, shared_length
from serving.engines.servers import Servers

MOST_AT_ONCE = 32
"""Questions under way at a time, over all servers: enough to fill their batches, too few to fill their queues."""
BUSY = (429, 503)
"""A server that says so is well, but has no room."""
REFUSED = (400, 413, 422)
"""It says so of the question, which another server of the same model would refuse too."""
UNKNOWN_MODEL = 404
NAME_CHARS = 16
SECONDS = 300
"""A server that takes longer for one request hangs: it is asked elsewhere."""
UNREADABLE = "the engine server's answer cannot be read"
Answer = TypeVar("Answer")


LORA = "--enable-lora --max-lora-rank 64, and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 in its environment"


class NoServerError(Exception):
    """No server gave a whole answer this time."""


class HttpEngine:
    """Scores and writes through `vllm serve` at `urls`, which all serve the same model.

    They must serve it under the first `NAME_CHARS` of its `model_hash` (any name, where that is empty), so that no
    other model's answers are taken for this one's. `among` others: servers of another model are left out. `adapter`:
    a name that changes with its weights, and its folder, which the servers must see under the same path; they are told
    to put it on their model, and again when they come back without it. `patience`: seconds for which a question is
    asked again while no server answers it, as when one is restarted; then EngineDownError.
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
        self._named = model_hash[:NAME_CHARS]
        self._start = f"vllm serve {weights} --served-model-name {self._named or 'NAME'} --max-logprobs 26"
        self._client = client or httpx.Client(timeout=httpx.Timeout(SECONDS, connect=5), limits=httpx.Limits())
        self._servers, self._patience = Servers(urls), patience
        self._among, self._adapter = among, adapter
        if adapter:
            adapter_rank(adapter[1])
            self._start += f" {LORA}"
        self._pool = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="engine-http")
        self.model, fits, self.version = self._agreed({url: self._told(url) for url in self._servers.urls})
        if self._adapter:
            self.model = self._adapter[0]
            self._carried([url for url in self._servers.urls if not self._carry(url)])
        self.context_length = min(context_length or fits, fits)

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
            return again(self._ask_each, key, whole)
        except NoServerError as error:
            raise EngineDownError(f"No engine server answered within {self._patience:g} s: {error}.") from None

    def _ask_each(self, key: bytes, body: dict[str, Any]) -> list[Any] | EngineFailure:
        """Raises NoServerError where no server answers whole."""
        reasons = []
        for url in self._servers.order(key):
            try:
                answer = self._client.post(f"{url}/v1/completions", json=body)
                if answer.status_code == UNKNOWN_MODEL and self._adapter and self._carry(url):  # it was started anew
                    answer = self._client.post(f"{url}/v1/completions", json=body)
                if answer.status_code in REFUSED:
                    return EngineFailure("the engine server refused the prompt")
                answer.raise_for_status()
                choices = whole_choices(answer.json(), len(body["prompt"]))
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                if not (isinstance(error, httpx.HTTPStatusError) and error.response.status_code in BUSY):
                    self._servers.failed(url)
                reasons.append(f"{url}: {type(error).__name__}")
                continue
            self._servers.answered(url)
            return choices
        raise NoServerError("; ".join(reasons))

    def _told(self, url: str) -> tuple[str, int, str] | None:
        """A server's model: its name, how many tokens fit, and the server's version."""
        try:
            models = self._client.get(f"{url}/v1/models").raise_for_status().json()["data"]
            model = next((each for each in models if each["id"] == self._named), models[0])
            version = self._client.get(f"{url}/version").raise_for_status().json()["version"]
            return str(model["id"]), int(model["max_model_len"]), str(version)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, IndexError, TypeError):
            self._servers.failed(url)
            return None

    def _agreed(self, told: Mapping[str, tuple[str, int, str] | None]) -> tuple[str, int, str]:
        """What those servers say that answer; the others may come later."""
        where = ", ".join(told)
        if not any(told.values()):
            raise ModelError(f"no engine server answers at {where}. Start one, and wait for it: {self._start}")
        ours = {url: each for url, each in told.items() if each and each[0] == self._named}
        if self._among and ours:
            self._servers.only([url for url, each in told.items() if each is None or url in ours])
            told = ours
        found = {each for each in told.values() if each}
        if len(found) > 1 or (self._named and {name for name, _, _ in found} != {self._named}):
            names = ", ".join(sorted(name for name, _, _ in found))
            raise ModelError(f"the engine servers {where} serve {names}, not this model. Start them as: {self._start}")
        return found.pop()

    def _carry(self, url: str) -> bool:
        """Whether the server has the adapter on its model, now that it was told to."""
        name, folder = self._adapter or ("", Path())
        body = {"lora_name": name, "lora_path": str(folder.resolve())}
        try:
            self._client.post(f"{url}/v1/load_lora_adapter", json=body)  # 400 where it has it already
            listed = self._client.get(f"{url}/v1/models").raise_for_status().json()["data"]
            return any(each["id"] == name for each in listed)
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return False

    def _carried(self, without: Sequence[str]) -> None:
        """Raises ModelError where no server has the adapter."""
        for url in without:
            self._servers.failed(url)
        if len(without) == len(self._servers.urls):
            where = ", ".join(without)
            raise ModelError(f"the engine servers {where} cannot put the adapter on. Start them as: {self._start}")


def whole_choices(answer: dict[str, Any], count: int) -> list[Any]:
    """The `count` choices of `answer` by their index. Raises ValueError where one is missing, there twice or broken
    off: a server that is shutting down says 200 with `finish_reason: abort`."""
    choices = sorted(answer["choices"], key=lambda choice: int(choice["index"]))
    in_order = [choice["index"] for choice in choices] == list(range(count))
    if not in_order or any(choice["finish_reason"] not in ("stop", "length") for choice in choices):
        raise ValueError("not every prompt was answered")
    return choices


def _read(
    read: Callable[[int, dict[str, Any]], Answer | EngineFailure], i: int, choice: dict[str, Any]
) -> Answer | EngineFailure:
    try:
        return read(i, choice)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return EngineFailure(UNREADABLE)
