"""The `vllm serve` processes of one model: which are used, in which order, and failover between them."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import httpx

from labs_schema.errors import ModelError
from labs_schema.limits import EngineLimits, TransportLimits
from serving.engines.engine import EngineFailure, EngineOptions
from serving.engines.vllm_server import UNUSABLE, BusyError, Served, VllmServer, describe

NAME_CHARS = 16
"""Hexadecimal digits of a model's hash that servers use as its name."""
ADAPTER_FLAGS = (
    f"--enable-lora --max-lora-rank {EngineLimits().shared_adapter_rank} "
    f"--max-cpu-loras {EngineLimits().loaded_adapters}, and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 in its environment"
)
WITH_ADAPTERS = "load adapters; on CPUs vLLM then answers requests for the base with an adapter's weights"


class NoServerError(Exception):
    """No server gave a complete answer in this round."""


class ServerOrder:
    """Prefers the same server for the same key, so that its prefix cache is used again. Thread-safe.

    Rendezvous hashing (Thaler & Ravishankar, Using Name-Based Mappings to Increase Hit Rates, 1998). A server that
    failed comes last for a time that doubles with each further failure; then it is preferred again for the same keys.
    """

    def __init__(
        self,
        urls: Sequence[str],
        limits: TransportLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.urls = tuple(dict.fromkeys(url.rstrip("/") for url in urls))
        self._limits, self._clock = limits or TransportLimits(), clock
        self._until: dict[str, float] = {}
        self._back_off: dict[str, float] = {}
        self._lock = Lock()

    def restrict(self, urls: Sequence[str]) -> None:
        """Removes all other servers."""
        self.urls = tuple(url for url in self.urls if url in urls)

    def order(self, key: bytes) -> list[str]:
        """All servers, the preferred one first."""
        ranked = sorted(self.urls, key=lambda url: hashlib.sha256(key + url.encode()).digest())
        with self._lock:
            failed = {url for url, until in self._until.items() if until > self._clock()}
        return [url for url in ranked if url not in failed] + [url for url in ranked if url in failed]

    def failed(self, url: str) -> None:
        """Records that `url` did not answer, or not with a usable answer."""
        with self._lock:
            if self._until.get(url, 0.0) > (now := self._clock()):
                return  # one failure, seen by several threads
            first = self._limits.back_off_seconds
            doubled = min(2 * self._back_off.get(url, first / 2), self._limits.longest_back_off_seconds)
            self._back_off[url], self._until[url] = doubled, now + doubled

    def answered(self, url: str) -> None:
        """Resets the back-off of `url`."""
        with self._lock:
            self._until.pop(url, None)
            self._back_off.pop(url, None)


class ServerPool:
    """The servers at `urls` that serve the model of `options`, under the start of its hash as name. Thread-safe.

    With an adapter, servers that load adapters are used; without one, those that do not. `skip_other_models`: ignore
    servers of another model. Raises ModelError if no server is usable, or one serves another model.
    """

    def __init__(
        self,
        urls: Sequence[str],
        client: httpx.Client,
        options: EngineOptions,
        *,
        skip_other_models: bool,
        limits: TransportLimits | None = None,
    ) -> None:
        self._name = options.model_hash[:NAME_CHARS]
        self._adapter = (options.adapter_hash[:NAME_CHARS], options.adapter) if options.adapter else None
        self._command = f"vllm serve {options.weights} --served-model-name {self._name or 'NAME'} --max-logprobs 26"
        if self._adapter:
            self._command += f" {ADAPTER_FLAGS}"
        self._order = ServerOrder(urls, limits)
        self._servers = {url: VllmServer(url, client) for url in self._order.urls}
        self.served = self._agree({url: self._discover(url) for url in self._order.urls}, skip_other_models)
        self.model = self._adapter[0] if self._adapter else self.served.model
        if self._adapter:
            self._load_adapter(*self._adapter)

    def complete(self, key: bytes, body: dict[str, Any]) -> list[Any] | EngineFailure:
        """The answer of the first server that answers completely, in the order for `key`. Raises NoServerError."""
        reasons = []
        for url in self._order.order(key):
            try:
                choices = self._servers[url].complete(body, self.served, self._adapter)
            except UNUSABLE as error:
                if not isinstance(error, BusyError):
                    self._order.failed(url)
                reasons.append(f"{url}: {_summary(error)}")
                continue
            self._order.answered(url)
            return choices
        raise NoServerError("; ".join(reasons))

    def _discover(self, url: str) -> Served | None:
        try:
            return self._servers[url].served(self._name)
        except UNUSABLE:
            self._order.failed(url)
            return None

    def _agree(self, found: Mapping[str, Served | None], skip_other_models: bool) -> Served:
        """The model that all reachable servers serve; unreachable ones may join later."""
        where = ", ".join(found)
        if not any(found.values()):
            raise ModelError(
                f"no engine server answers at {where}. Start one, and wait for it: {self._command}",
                code="no-engine-server",
            )
        if skip_other_models and any(each and each.model == self._name for each in found.values()):
            found = {url: each for url, each in found.items() if each is None or each.model == self._name}
        reachable = {each for each in found.values() if each}
        same = len({each[:3] for each in reachable}) == 1
        if not same or (self._name and {each.model for each in reachable} != {self._name}):
            others = "; ".join(sorted(map(describe, reachable)))
            raise ModelError(
                f"the engine servers {where} serve {others}; expected this model on all, with one version of vLLM. "
                f"Start them as: {self._command}",
                code="other-engine-servers",
            )
        fitting = {each for each in reachable if each.adapters == bool(self._adapter)}
        if not fitting:
            wrong = "do not load adapters" if self._adapter else WITH_ADAPTERS
            raise ModelError(
                f"the engine servers {where} {wrong}. Start one for this model as: {self._command}",
                code="other-engine-servers",
            )
        self._order.restrict([url for url, each in found.items() if each is None or each in fitting])
        return fitting.pop()

    def _load_adapter(self, name: str, folder: Path) -> None:
        """Raises ModelError if no server can load the adapter."""
        reasons = []
        for url in self._order.urls:
            try:
                self._servers[url].load_adapter(name, folder)
            except UNUSABLE as error:
                self._order.failed(url)
                reasons.append(f"{url}: {_summary(error)}")
        if len(reasons) == len(self._order.urls):
            raise ModelError(
                f"no engine server can load the adapter {folder}: {'; '.join(reasons)}. Start them as: {self._command}",
                code="bad-adapter",
            )


def _summary(error: Exception) -> str:
    return str(error) if type(error) is ValueError else type(error).__name__
