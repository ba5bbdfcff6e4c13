"""The `vllm serve` processes of one model, perhaps with an adapter on it: found at the start, and asked one after the
other until one answers. Knows no question's meaning."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from labs_schema.errors import ModelError
from serving.engines.engine import EngineFailure
from serving.engines.engine_server import UNUSABLE, BusyError, EngineServer, Served, described
from serving.engines.servers import Servers

NAME_CHARS = 16
LORA = "--enable-lora --max-lora-rank 64 --max-cpu-loras 32, and VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 in its environment"
MIXED = "put adapters on their model; on CPUs they then answer for the model itself with an adapter's weights"


class NoServerError(Exception):
    """No server gave a whole answer this time."""


class ModelServers:
    """Those at `urls` that serve the model named `named`, or any one where that is empty. Thread-safe.

    `among` others: servers of another model are left out. With an `adapter`, a name and a folder, those are asked that
    put adapters on the model, without one those that do not. `weights`: of which the errors say how to serve them.
    Raises ModelError where none is there, or where one serves another model.
    """

    def __init__(
        self,
        urls: Sequence[str],
        client: httpx.Client,
        *,
        named: str,
        weights: str,
        among: bool,
        adapter: tuple[str, Path] | None,
    ) -> None:
        self._start = f"vllm serve {weights} --served-model-name {named or 'NAME'} --max-logprobs 26"
        if adapter:
            self._start += f" {LORA}"
        self._named, self._among, self._adapter = named, among, adapter
        self._order = Servers(urls)
        self._at = {url: EngineServer(url, client) for url in self._order.urls}
        self.served = self._agreed({url: self._told(url) for url in self._order.urls})
        if adapter:
            self._put_on(*adapter)

    def complete(self, key: bytes, body: dict[str, Any]) -> list[Any] | EngineFailure:
        """From the first server that answers whole, of those that `key` prefers. Raises NoServerError."""
        reasons = []
        for url in self._order.order(key):
            try:
                choices = self._at[url].complete(body, self.served, self._adapter)
            except UNUSABLE as error:
                if not isinstance(error, BusyError):
                    self._order.failed(url)
                reasons.append(f"{url}: {_said(error)}")
                continue
            self._order.answered(url)
            return choices
        raise NoServerError("; ".join(reasons))

    def _told(self, url: str) -> Served | None:
        try:
            return self._at[url].served(self._named)
        except UNUSABLE:
            self._order.failed(url)
            return None

    def _agreed(self, told: Mapping[str, Served | None]) -> Served:
        """What those servers say that answer; the others may come later."""
        where = ", ".join(told)
        if not any(told.values()):
            raise ModelError(f"no engine server answers at {where}. Start one, and wait for it: {self._start}")
        if self._among and any(each and each.model == self._named for each in told.values()):
            told = {url: each for url, each in told.items() if each is None or each.model == self._named}
        found = {each for each in told.values() if each}
        if len({each[:3] for each in found}) > 1 or (self._named and {each.model for each in found} != {self._named}):
            others = "; ".join(sorted(map(described, found)))
            raise ModelError(
                f"the engine servers {where} serve {others}; not this model alone, by one version of vLLM. "
                f"Start them as: {self._start}"
            )
        fit = {each for each in found if each.adapters == bool(self._adapter)}
        if not fit:
            wrong = "take no adapters" if self._adapter else MIXED
            raise ModelError(f"the engine servers {where} {wrong}. Start one for this model as: {self._start}")
        self._order.only([url for url, each in told.items() if each is None or each in fit])
        return fit.pop()

    def _put_on(self, name: str, folder: Path) -> None:
        """Raises ModelError where no server can carry the adapter."""
        refused = []
        for url in self._order.urls:
            try:
                self._at[url].carry(name, folder)
            except UNUSABLE as error:
                self._order.failed(url)
                refused.append(f"{url}: {_said(error)}")
        if len(refused) == len(self._order.urls):
            told = "; ".join(refused)
            raise ModelError(f"no engine server can put {folder} on its model: {told}. Start them as: {self._start}")


def _said(error: Exception) -> str:
    return str(error) if type(error) is ValueError else type(error).__name__
