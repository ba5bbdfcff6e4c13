"""Requests to the services of an LTI platform, with its access tokens."""

from typing import Any

import httpx

from serving.deliveries.platforms.lti.tokens import ServiceTokens
from serving.deliveries.platforms.rest_client import RestClient
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient


class LtiServices(RestClient):
    platform = "the platform"

    def __init__(self, client: OutboundClient, tokens: ServiceTokens, retries: Retries | None = None) -> None:
        super().__init__(client, retries)
        self._tokens = tokens

    def send(self, method: str, url: str, **content: Any) -> httpx.Response:
        response = super().send(method, url, **content)
        if response.status_code == 401:  # a token may be withdrawn before it expires
            self._tokens.forget()
            response = super().send(method, url, **content)
        return response

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._tokens.token()}"}

    def code(self, response: httpx.Response) -> str:
        text = self.message(response)
        canvas = response.status_code == 400 and "timestamp" in text and "before" in text
        return "platform-stale" if canvas else super().code(response)

    def message(self, response: httpx.Response) -> str:
        """Moodle's reason is in the status line, Canvas' in the body."""
        return f"{response.extensions.get('reason_phrase', b'').decode('ascii', 'replace')} {response.text}".strip()


def with_path(url: str, part: str) -> str:
    """`url` with a part added to its path: the query of a line item's address belongs to its scores too."""
    parsed = httpx.URL(url)
    return str(parsed.copy_with(path=parsed.path.rstrip("/") + part))


def with_query(url: str, name: str, value: str) -> str:
    return str(httpx.URL(url).copy_add_param(name, value))
