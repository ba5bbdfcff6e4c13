"""Requests to the REST API of Canvas: paging, throttling, errors. Ids are text."""

from collections.abc import Iterator
from typing import Any, NoReturn

import httpx

from serving.deliveries.errors import DeliveryError
from serving.deliveries.platforms.responses import PAGES, next_page, stated_wait
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient

# Canvas' ids have 64 bits, more than a JSON number holds in many parsers.
ACCEPT = "application/json+canvas-string-ids, application/json"


class CanvasApi:
    """`base` is the address of the site, such as `https://canvas.example`. Raises DeliveryError and OutboundErrors."""

    def __init__(self, client: OutboundClient, base: str, token: str, retries: Retries | None = None) -> None:
        if not token:
            raise DeliveryError("platform-token", "GRADER_CANVAS_TOKEN is not set.")
        self.base = base.rstrip("/")
        self._client, self._token, self._retries = client, token, retries or Retries()

    def get(self, path: str, **params: Any) -> Any:
        return self._json(self._get(f"{self.base}/api/v1{path}", params=params))

    def get_all(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All items of a collection, page by page."""
        response = self._get(f"{self.base}/api/v1{path}", params={"per_page": 100, **params})
        for _ in range(PAGES):
            items = self._json(response)
            if not isinstance(items, list):
                raise DeliveryError("platform-unexpected", "Canvas answered with something other than a list.")
            yield from items
            following = next_page(response)
            if following is None:
                return
            url = following
            if not url.startswith(f"{self.base}/"):  # the token must not go to another host
                raise DeliveryError("platform-unexpected", "A page of Canvas continues at another host.")
            response = self._get(url)
        raise DeliveryError("platform-unexpected", f"A list of Canvas has more than {PAGES} pages.")

    def put(self, path: str, form: dict[str, str]) -> Any:
        return self._json(self._request("PUT", f"{self.base}/api/v1{path}", data=form))

    def delete(self, path: str) -> None:
        self._request("DELETE", f"{self.base}/api/v1{path}")

    def _get(self, url: str, **content: Any) -> httpx.Response:
        return self._retries.call(lambda: self._request("GET", url, **content))

    def _request(self, method: str, url: str, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": ACCEPT}
        response = self._client.request(method, url, headers=headers, **content)
        if response.status_code not in (200, 201):
            _raise(response, about_person="/submissions/" in url)
        return response

    @staticmethod
    def _json(response: httpx.Response) -> Any:
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise DeliveryError("platform-unexpected", "Canvas answered with something other than JSON.") from error


def _raise(response: httpx.Response, *, about_person: bool) -> NoReturn:
    status, text = response.status_code, _message(response)
    code = {
        400: "platform-value-refused",
        401: "platform-token" if "WWW-Authenticate" in response.headers else "platform-permission",
        403: "platform-permission",
        404: "platform-student-unknown" if about_person else "platform-not-found",
        409: "platform-stale",
        422: "platform-value-refused",
        429: "platform-busy",
    }.get(status, "platform-unavailable" if status >= 500 else "platform-unexpected")
    if status == 403 and "rate limit exceeded" in response.text[:1000].lower():
        code = "platform-busy"
    raise DeliveryError(code, f"Canvas answered with status {status}.", platform_text=text, wait=stated_wait(response))


def _message(response: httpx.Response) -> str:
    """Canvas' own message, which it puts in one of four places."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return response.text[:200]
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    if isinstance(errors, list):
        return "; ".join(str(each.get("message", "")) for each in errors if isinstance(each, dict))
    return str(errors or body.get("message") or body.get("error") or "")
