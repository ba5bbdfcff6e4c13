"""Calls of Moodle's web services (REST). Moodle reports errors with HTTP 200 and an exception in the body."""

from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import httpx

from serving.deliveries.errors import DeliveryError
from serving.deliveries.platforms.rest_client import stated_wait
from serving.deliveries.retries import Retries
from serving.outbound.client import OutboundClient, decoded

ENDPOINT = "/webservice/rest/server.php"
_CODES = {
    "invalidtoken": "platform-token",
    "passwordisexpired": "platform-token",
    "usernotconfirmed": "platform-token",
    "accessexception": "platform-permission",
    "missingrequiredcapability": "platform-permission",
    "nopermissions": "platform-permission",
    "requireloginerror": "platform-permission",
    "notingroup": "platform-permission",
    "invalidrecord": "platform-not-found",
    "invalidrecordunknown": "platform-not-found",
    "invalidcoursemodule": "platform-not-found",
    "filenotfound": "platform-not-found",
    "dbconnectionfailed": "platform-unavailable",
    "dmlreadexception": "platform-unavailable",
    "dmlwriteexception": "platform-unavailable",
    "sitemaintenance": "platform-unavailable",
    "upgraderunning": "platform-unavailable",
}
"""Moodle's error code -> ours. An expired token is `accessexception` once, then Moodle deletes it."""
_STATUSES = {401: "platform-token", 403: "platform-permission", 404: "platform-not-found", 429: "platform-busy"}
_NO_SERVICE = "Moodle refuses the request, because web services or the REST protocol are disabled."


class _Object(dict[str, Any]):
    """An object of an answer. Raises DeliveryError for a field that it should have."""

    def __missing__(self, name: str) -> NoReturn:
        raise DeliveryError("platform-unexpected", f"An answer of Moodle has no {name}.")


class MoodleClient:
    """`base` is the site's address without a slash at its end."""

    def __init__(self, base: str, token: str, client: OutboundClient, retries: Retries | None = None) -> None:
        self.base, self._token, self._client, self._retries = base, token, client, retries or Retries()

    def read(self, function: str, **arguments: object) -> Any:
        """`call` of a function that changes nothing, with retries."""
        return self._retries.call(lambda: self.call(function, **arguments))

    def call(self, function: str, **arguments: object) -> Any:
        """The decoded answer, None for `null`. Raises DeliveryError, and the errors of OutboundClient."""
        form = {"wstoken": self._token, "wsfunction": function, "moodlewsrestformat": "json", **flattened(arguments)}
        response = self._client.request("POST", self.base + ENDPOINT, data=form)
        _check_status(response)
        try:
            answer = response.json(object_hook=_Object)
        except (ValueError, RecursionError) as error:
            message = "The response from this address is not one of Moodle's web services."
            raise DeliveryError("platform-unexpected", message, platform_text=response.text) from error
        if isinstance(answer, dict) and "exception" in answer:
            raise _moodle_error(function, answer)
        return answer

    def download(self, url: str, max_bytes: int) -> bytes:
        """A file of a submission. The token is sent in the body, so that no log of addresses contains it."""
        if not url.startswith(f"{self.base}/"):
            raise DeliveryError("platform-unexpected", "The address of a file is not on the same Moodle site.")
        response = self._client.request("POST", url, data={"token": self._token}, max_bytes=max_bytes)
        # Without the permission or the file, Moodle answers JSON, also with HTTP 200.
        if (
            response.headers.get("content-type", "").startswith("application/json")
            and b'"errorcode"' in response.content
        ):
            document = decoded(response)
            raise _moodle_error("pluginfile.php", document if isinstance(document, dict) else {})
        _check_status(response)
        return response.content


def flattened(value: object, name: str = "") -> dict[str, str]:
    """Arguments as PHP reads them from a form: `grades[0][userid]`."""
    if isinstance(value, Mapping):
        return _joined(((str(key), each) for key, each in value.items()), name)
    if isinstance(value, list | tuple):
        return _joined(((str(index), each) for index, each in enumerate(value)), name)
    return {name: str(int(value)) if isinstance(value, bool) else str(value)}


def _joined(parts: Iterator[tuple[str, object]], name: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in parts:
        found |= flattened(value, f"{name}[{key}]" if name else key)
    return found


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status == 200:
        return
    code = _STATUSES.get(status, "platform-unavailable" if status >= 500 else "platform-unexpected")
    message = _NO_SERVICE if status == 403 else f"Moodle answered with HTTP {status}."
    raise DeliveryError(code, message, platform_text=response.text, wait=stated_wait(response))


def _moodle_error(function: str, answer: Mapping[str, Any]) -> DeliveryError:
    code = str(answer.get("errorcode") or "")
    message = f"Moodle refused {function} ({code[:60] or 'no code'})."
    if code == "accessexception":  # Moodle states the reason only in its debugging mode
        message += (
            " Its account needs webservice/rest:use in a role of the whole site, the function must be in the"
            " service, and the token must not have expired."
        )
    text = " ".join(str(answer.get(key) or "") for key in ("message", "error", "debuginfo")).strip()
    return DeliveryError(_CODES.get(code, "platform-unexpected"), message, platform_text=text)
