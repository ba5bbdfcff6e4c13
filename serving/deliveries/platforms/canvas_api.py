"""Requests to the REST API of Canvas. Ids are text."""

from collections.abc import Iterator
from typing import Any

import httpx

from serving.deliveries.platforms.rest_client import TokenClient
from serving.outbound.client import decoded

# Canvas' ids have 64 bits, more than a JSON number holds in many parsers.
ACCEPT = "application/json+canvas-string-ids, application/json"


class CanvasApi(TokenClient):
    """`base` is the address of the site, such as `https://canvas.example`."""

    platform, setting, root = "Canvas", "GRADER_CANVAS_TOKEN", "/api/v1"

    def read(self, path: str, **params: Any) -> Any:
        return self.get(self.url(path), params=params)

    def read_all(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All items of a collection, page by page."""
        return self.get_items(self.url(path), {"per_page": 100, **params})

    def put(self, path: str, form: dict[str, str]) -> None:
        self.request("PUT", self.url(path), data=form)

    def delete(self, path: str) -> None:
        self.request("DELETE", self.url(path))

    def headers(self) -> dict[str, str]:
        return super().headers() | {"Accept": ACCEPT}

    def code(self, response: httpx.Response) -> str:
        if response.status_code == 401 and "WWW-Authenticate" not in response.headers:
            return "platform-permission"
        if response.status_code == 404 and "/submissions/" in str(response.request.url):
            return "platform-student-unknown"
        return super().code(response)

    def message(self, response: httpx.Response) -> str:
        """Canvas puts it in one of four places."""
        body = decoded(response)
        if not isinstance(body, dict):
            return response.text[:200] if body is None else ""
        errors = body.get("errors")
        if isinstance(errors, list):
            return "; ".join(str(each.get("message", "")) for each in errors if isinstance(each, dict))
        return str(errors or body.get("message") or body.get("error") or "")
