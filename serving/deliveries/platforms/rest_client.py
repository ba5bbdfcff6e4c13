"""Headers of platforms' responses: the next page of a list, and the time until a retry."""

import re

import httpx

PAGES = 1000
"""No list has more pages."""
_NEXT = re.compile(r'<([^<>]+)>\s*;[^,]*\brel="?next"?')


def next_page(response: httpx.Response) -> str | None:
    """The address in the header `Link` (RFC 8288); None on the last page."""
    found = _NEXT.search(response.headers.get("Link", ""))
    return found[1] if found else None


def stated_wait(response: httpx.Response) -> float | None:
    """Seconds of a `Retry-After` header, which not every platform sends."""
    stated = response.headers.get("Retry-After", "")
    return float(stated) if re.fullmatch(r"\d{1,6}", stated) else None
