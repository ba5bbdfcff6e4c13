"""Requests to the REST API of a platform: pages of lists, retries, errors."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import httpx
from pydantic import TypeAdapter, ValidationError

from labs_schema.frozen import Frozen
from serving.deliveries.errors import DeliveryError
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient, decoded

PAGES = 1000
"""No list has more pages."""
SUCCESS = (200, 201, 202, 204)
CODES = {
    400: "platform-value-refused",
    401: "platform-token",
    403: "platform-permission",
    404: "platform-not-found",
    409: "platform-stale",
    410: "platform-not-found",
    412: "platform-value-refused",
    422: "platform-value-refused",
    429: "platform-busy",
}
"""Status -> code of the error."""
_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="?next"?')


class Returned(Frozen, extra="ignore"):
    """A part of a platform's answer. Fields that are not declared are ignored."""


class RestClient:
    """Raises DeliveryError, and the errors of OutboundClient. Reading is retried, writing is not."""

    platform: ClassVar[str]
    """The platform's name in messages."""

    def __init__(self, client: OutboundClient, retries: Retries | None = None) -> None:
        self._client, self._retries = client, retries or Retries()

    def headers(self) -> dict[str, str]:
        """Those of every request, such as the one with the token."""
        raise NotImplementedError

    def code(self, response: httpx.Response) -> str:
        """The code of the error that an answer reports. Overridden where a status has another meaning."""
        busy = response.status_code == 403 and "rate limit exceeded" in response.text[:1000].lower()
        unknown = "platform-unavailable" if response.status_code >= 500 else "platform-unexpected"
        return "platform-busy" if busy else CODES.get(response.status_code, unknown)

    def message(self, response: httpx.Response) -> str:
        """The platform's own message in an answer that reports an error."""
        return response.text

    def wait(self, response: httpx.Response) -> float | None:
        """Seconds until a retry, if stated."""
        return stated_wait(response)

    def next_page(self, response: httpx.Response) -> str | None:
        """The address in the header `Link` (RFC 8288); None on the last page."""
        found = _NEXT.search(response.headers.get("Link", ""))
        return found[1] if found else None

    def get(self, url: str, **content: Any) -> Any:
        """The decoded answer."""
        return self._json(self._read(url, **content))

    def get_pages(self, url: str, params: Mapping[str, Any] | None = None, **content: Any) -> Iterator[Any]:
        """The decoded answers with all pages of a list."""
        origin = _origin(url)
        url = str(httpx.URL(url).copy_merge_params(params or {}))
        for _ in range(PAGES):
            response = self._read(url, **content)
            yield self._json(response)
            following = self.next_page(response)
            if following is None:
                return
            url = following
            if _origin(url) != origin:  # the token must not go to another host
                raise DeliveryError("platform-unexpected", f"A page of {self.platform} continues at another host.")
        raise DeliveryError("platform-unexpected", f"A list of {self.platform} has more than {PAGES} pages.")

    def get_items(self, url: str, params: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """All items of a list, page by page."""
        for page in self.get_pages(url, params):
            if not isinstance(page, list):
                raise DeliveryError("platform-unexpected", f"An answer of {self.platform} is not a list.")
            yield from page

    def request(self, method: str, url: str, **content: Any) -> httpx.Response:
        """`content`: as for `httpx.Request`."""
        response = self.send(method, url, **content)
        if response.status_code not in SUCCESS:
            message = f"The answer of {self.platform} has the status {response.status_code}."
            text, wait = self.message(response), self.wait(response)
            raise DeliveryError(self.code(response), message, platform_text=text, wait=wait)
        return response

    def send(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, **content: Any
    ) -> httpx.Response:
        return self._client.request(method, url, headers={**self.headers(), **(headers or {})}, **content)

    def parse(self, kind: Any, document: Any) -> Any:
        return parsed(kind, document, self.platform)

    def _read(self, url: str, **content: Any) -> httpx.Response:
        return self._retries.call(lambda: self.request("GET", url, **content))

    def _json(self, response: httpx.Response) -> Any:
        if (document := decoded(response)) is None:
            raise DeliveryError("platform-unexpected", f"An answer of {self.platform} is not JSON.")
        return document


class TokenClient(RestClient):
    """`base` is the address of the site, below which `root` is; `token` is sent with every request."""

    root: ClassVar[str] = ""
    setting: ClassVar[str]
    """The environment variable with the token."""

    def __init__(self, client: OutboundClient, base: str, token: str, retries: Retries | None = None) -> None:
        if not token:
            raise DeliveryError("platform-token", f"{self.setting} is not set.")
        super().__init__(client, retries)
        self.base, self._token = base.rstrip("/"), token

    def url(self, path: str) -> str:
        return self.base + self.root + path

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def assignment_path(self, number: str) -> str:
        """Raises DeliveryError unless `number` is one."""
        if not re.fullmatch(r"\d{1,18}", number):
            raise DeliveryError("platform-not-found", f"An id of {self.platform} must be a number.")
        return f"/assignments/{number}"


def parsed(kind: Any, document: Any, platform: str) -> Any:
    """A decoded answer as a `Returned`, or as a list of them. Raises DeliveryError."""
    try:
        return TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        raise DeliveryError("platform-unexpected", f"An answer of {platform} is not as documented.") from error


def stated_wait(response: httpx.Response) -> float | None:
    """Seconds of a `Retry-After` header, which not every platform sends."""
    stated = response.headers.get("Retry-After", "")
    return float(stated) if re.fullmatch(r"\d{1,6}", stated) else None


def _origin(url: str) -> tuple[str, str, int | None]:
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise DeliveryError("platform-unexpected", "The address of the list's next page is malformed.") from error
    return parsed.scheme, parsed.host, parsed.port
