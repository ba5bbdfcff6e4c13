"""One `vllm serve` at its address: what it serves, an adapter put on it, completions asked of it. Knows token ids only.

What a server is, is looked at before it is asked the first time and again after each failure: behind an address that
was away another model, another version or a model without its adapter may come back.
"""

from pathlib import Path
from typing import Any, NamedTuple

import httpx

from serving.engines.engine import EngineFailure

REFUSED = (400, 413, 422)
"""It says so of the question, which another server of the same model would refuse too."""
BUSY = (429, 503)
LOOK_SECONDS = 20
"""For which a server may say what it serves; it needs a few milliseconds."""
LOAD = "/v1/load_lora_adapter"
UNUSABLE = (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, IndexError, TypeError)
"""What a server raises that does not answer, or not what can be used."""


class BusyError(ValueError):
    """The server is well, but has no room."""


class Served(NamedTuple):
    """`model`: its name there. `context_length`: tokens. `version`: of vLLM. `adapters`: whether it puts any on."""

    model: str
    context_length: int
    version: str
    adapters: bool


class EngineServer:
    """Thread-safe. All methods but the first raise what is in UNUSABLE."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self._url, self._client = url, client
        self._ready, self._fingerprint = False, ""

    def served(self, name: str) -> Served:
        """The model that it serves as `name`, else its first."""
        models = self._get("/v1/models")["data"]
        model = next((each for each in models if each["id"] == name), models[0])
        adapters = any(each.get("parent") for each in models) or self._ask(LOAD).status_code == 405
        return Served(str(model["id"]), int(model["max_model_len"]), str(self._get("/version")["version"]), adapters)

    def carry(self, name: str, folder: Path) -> None:
        """Lets it put the adapter in `folder`, which it must see under that path, on its model."""
        answer = self._client.post(self._url + LOAD, json={"lora_name": name, "lora_path": str(folder.resolve())})
        if not any(each["id"] == name for each in self._get("/v1/models")["data"]):  # it may have had it already
            raise ValueError(_message(answer))

    def complete(
        self, body: dict[str, Any], expected: Served, adapter: tuple[str, Path] | None
    ) -> list[Any] | EngineFailure:
        """The completions of the prompts in `body`, in order, while it serves what is `expected`."""
        try:
            if not self._ready:
                self._look(expected, adapter)
            answer = self._client.post(f"{self._url}/v1/completions", json=body)
            if answer.status_code in REFUSED:
                return EngineFailure("the engine server refused the prompt")
            if answer.status_code in BUSY:
                raise BusyError(f"HTTP {answer.status_code}")
            said = answer.raise_for_status().json()
            choices = whole_choices(said, len(body["prompt"]))
            self._same(str(said.get("system_fingerprint")))
        except BusyError:
            raise
        except UNUSABLE:
            self._ready = False
            raise
        return choices

    def _look(self, expected: Served, adapter: tuple[str, Path] | None) -> None:
        if (now := self.served(expected.model)) != expected:
            raise ValueError(
                f"it serves {described(now)} now, where {described(expected)} was found before "
                "(if that is meant, start again what uses it)"
            )
        if adapter:
            self.carry(*adapter)
        self._ready, self._fingerprint = True, ""

    def _same(self, fingerprint: str) -> None:
        """Of version and settings. It changes where the server was started anew between two questions."""
        if self._fingerprint not in ("", fingerprint):
            raise ValueError("it was started anew with other settings")
        self._fingerprint = fingerprint

    def _get(self, path: str) -> dict[str, Any]:
        said: dict[str, Any] = self._ask(path).raise_for_status().json()
        return said

    def _ask(self, path: str) -> httpx.Response:
        return self._client.get(self._url + path, timeout=LOOK_SECONDS)


def described(served: Served) -> str:
    way = "with" if served.adapters else "without"
    return f"{served.model} of {served.context_length} tokens by vLLM {served.version} {way} adapters"


def whole_choices(answer: dict[str, Any], count: int) -> list[Any]:
    """The `count` choices of `answer` by their index. Raises ValueError where one is missing, there twice or broken
    off: a server that is shutting down says 200 with `finish_reason: abort`."""
    choices = sorted(answer["choices"], key=lambda choice: int(choice["index"]))
    in_order = [choice["index"] for choice in choices] == list(range(count))
    if not in_order or any(choice["finish_reason"] not in ("stop", "length") for choice in choices):
        raise ValueError("not every prompt was answered")
    return choices


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"]["message"])[:500]
    except UNUSABLE:
        return f"HTTP {answer.status_code}"
