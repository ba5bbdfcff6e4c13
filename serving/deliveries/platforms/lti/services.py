"""Requests to the services of an LTI platform: tokens, pages of lists, errors."""

from collections.abc import Iterator
from typing import Any, NoReturn

import httpx

from serving.deliveries.errors import DeliveryError
from serving.deliveries.platforms.lti.tokens import ServiceTokens
from serving.deliveries.platforms.responses import PAGES, next_page, stated_wait
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient

SUCCESS = (200, 201, 202, 204)


class LtiServices:
    """Raises DeliveryError, and the errors of OutboundClient. Reading is retried, writing is not."""

    def __init__(self, client: OutboundClient, tokens: ServiceTokens, retries: Retries | None = None) -> None:
        self._client, self._tokens, self._retries = client, tokens, retries or Retries()

    def get(self, url: str, accept: str) -> Any:
        return _json(self._get(url, accept))

    def get_pages(self, url: str, accept: str) -> Iterator[Any]:
        """The documents of all pages of a list."""
        origin = _origin(url)
        for _ in range(PAGES):
            response = self._get(url, accept)
            yield _json(response)
            following = next_page(response)
            if following is None:
                return
            url = following
            if _origin(url) != origin:  # the token must not go to another host
                raise DeliveryError("platform-unexpected", "A page of the platform continues at another host.")
        raise DeliveryError("platform-unexpected", f"A list of the platform has more than {PAGES} pages.")

    def post(self, url: str, kind: str, document: dict[str, Any]) -> None:
        self._request("POST", url, {"Content-Type": kind}, json=document)

    def _get(self, url: str, accept: str) -> httpx.Response:
        return self._retries.call(lambda: self._request("GET", url, {"Accept": accept}))

    def _request(self, method: str, url: str, headers: dict[str, str], **content: Any) -> httpx.Response:
        response = self._authorized(method, url, headers, **content)
        if response.status_code == 401:  # a token may be withdrawn before it expires
            self._tokens.forget()
            response = self._authorized(method, url, headers, **content)
        if response.status_code not in SUCCESS:
            _raise(response)
        return response

    def _authorized(self, method: str, url: str, headers: dict[str, str], **content: Any) -> httpx.Response:
        headers = {**headers, "Authorization": f"Bearer {self._tokens.token()}"}
        return self._client.request(method, url, headers=headers, **content)


def with_path(url: str, part: str) -> str:
    """`url` with a part added to its path: the query of a line item's address belongs to its scores too."""
    parsed = httpx.URL(url)
    return str(parsed.copy_with(path=parsed.path.rstrip("/") + part))


def with_query(url: str, name: str, value: str) -> str:
    return str(httpx.URL(url).copy_add_param(name, value))


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise DeliveryError("platform-unexpected", "The address of the list's next page is malformed.") from error
    return parsed.scheme, parsed.host, parsed.port


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise DeliveryError("platform-unexpected", "The platform answered with something other than JSON.") from error


def _raise(response: httpx.Response) -> NoReturn:
    """Moodle's reason is in the status line, Canvas' in the body."""
    status = response.status_code
    text = f"{response.extensions.get('reason_phrase', b'').decode('ascii', 'replace')} {response.text}".strip()
    code = {
        400: "platform-value-refused",
        401: "platform-token",
        403: "platform-permission",
        404: "platform-not-found",
        409: "platform-stale",
        412: "platform-value-refused",
        422: "platform-value-refused",
        429: "platform-busy",
    }.get(status, "platform-unavailable" if status >= 500 else "platform-unexpected")
    if status == 400 and "timestamp" in text and "before" in text:  # Canvas
        code = "platform-stale"
    if status == 403 and "rate limit exceeded" in text.lower():  # Canvas
        code = "platform-busy"
    wait = stated_wait(response)
    raise DeliveryError(code, f"The platform answered with status {status}.", platform_text=text, wait=wait)
