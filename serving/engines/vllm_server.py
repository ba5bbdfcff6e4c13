"""Client of one `vllm serve` process: what it serves, loading an adapter, completions."""

from pathlib import Path
from typing import Any, NamedTuple

import httpx

from labs_schema.limits import TransportLimits
from serving.engines.engine import EngineFailure

REJECTED = (400, 413, 422)
"""Statuses that blame the request; another server of the same model would answer the same."""
BUSY = (429, 503)
LOAD_ADAPTER = "/v1/load_lora_adapter"
UNUSABLE = (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, IndexError, TypeError)
"""Exceptions of a server that does not answer, or whose answer cannot be used."""


class BusyError(ValueError):
    """The server is healthy, but its queue is full."""


class Served(NamedTuple):
    """`model`: the served model name. `context_length`: tokens. `version`: of vLLM. `adapters`: loads adapters."""

    model: str
    context_length: int
    version: str
    adapters: bool


class VllmServer:
    """Thread-safe. All methods but the first raise the exceptions in UNUSABLE.

    What the server serves is checked before its first completion and after each failure: behind an address that was
    down, another model, another version, or a model without the adapter may come back.
    """

    def __init__(self, url: str, client: httpx.Client) -> None:
        self._url, self._client = url, client
        self._ready, self._fingerprint = False, ""

    def served(self, name: str) -> Served:
        """The model that it serves as `name`, otherwise its first."""
        models = self._get_json("/v1/models")["data"]
        model = next((each for each in models if each["id"] == name), models[0])
        # The route exists only with runtime adapter loading, and takes POST only.
        adapters = any(each.get("parent") for each in models) or self._get(LOAD_ADAPTER).status_code == 405
        version = str(self._get_json("/version")["version"])
        return Served(str(model["id"]), int(model["max_model_len"]), version, adapters)

    def load_adapter(self, name: str, folder: Path) -> None:
        """Loads the adapter in `folder`, a path that the server must see too, onto its model."""
        body = {"lora_name": name, "lora_path": str(folder.resolve())}
        response = self._client.post(self._url + LOAD_ADAPTER, json=body)
        # An adapter that is loaded already is answered with an error, so check the models instead.
        if not any(each["id"] == name for each in self._get_json("/v1/models")["data"]):
            raise ValueError(_error_message(response))

    def complete(
        self, body: dict[str, Any], expected: Served, adapter: tuple[str, Path] | None
    ) -> list[Any] | EngineFailure:
        """The choices for the prompts in `body`, in order, while the server serves what is `expected`."""
        try:
            if not self._ready:
                self._prepare(expected, adapter)
            response = self._client.post(f"{self._url}/v1/completions", json=body)
            if response.status_code in REJECTED:
                return EngineFailure("the engine server rejected the request")
            if response.status_code in BUSY:
                raise BusyError(f"HTTP {response.status_code}")
            answer = response.raise_for_status().json()
            choices = complete_choices(answer, len(body["prompt"]))
            self._check_fingerprint(str(answer.get("system_fingerprint")))
        except BusyError:
            raise
        except UNUSABLE:
            self._ready = False
            raise
        return choices

    def _prepare(self, expected: Served, adapter: tuple[str, Path] | None) -> None:
        if (now := self.served(expected.model)) != expected:
            raise ValueError(
                f"now serves {describe(now)}; expected {describe(expected)} (restart this process to accept the change)"
            )
        if adapter:
            self.load_adapter(*adapter)
        self._ready, self._fingerprint = True, ""

    def _check_fingerprint(self, fingerprint: str) -> None:
        """vLLM's fingerprint of version and settings changes if the server was restarted between two requests."""
        if self._fingerprint not in ("", fingerprint):
            raise ValueError("restarted with other settings")
        self._fingerprint = fingerprint

    def _get_json(self, path: str) -> dict[str, Any]:
        answer: dict[str, Any] = self._get(path).raise_for_status().json()
        return answer

    def _get(self, path: str) -> httpx.Response:
        return self._client.get(self._url + path, timeout=TransportLimits().discovery_seconds)


def describe(served: Served) -> str:
    """Describes the models of a server for error messages."""
    adapters = "with" if served.adapters else "without"
    return f"{served.model} ({served.context_length} tokens, vLLM {served.version}, {adapters} adapters)"


def complete_choices(answer: dict[str, Any], count: int) -> list[Any]:
    """The `count` choices of `answer`, ordered by index. Raises ValueError if one is missing, duplicated or aborted."""
    choices = sorted(answer["choices"], key=lambda choice: int(choice["index"]))
    in_order = [choice["index"] for choice in choices] == list(range(count))
    # A vLLM server that shuts down answers 200 with `finish_reason: abort` and an empty text.
    if not in_order or any(choice["finish_reason"] not in ("stop", "length") for choice in choices):
        raise ValueError("not every prompt was answered")
    return choices


def _error_message(response: httpx.Response) -> str:
    try:
        return str(response.json()["error"]["message"])[:500]
    except UNUSABLE:
        return f"HTTP {response.status_code}"
