"""Debian's Chromium for browser tests."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The headless shell first: a page of the complete Chromium takes a second of CPU time longer."""
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium(*flags: str) -> Iterator[Any]:
    """A browser. `flags`: more of its command line. Without Chromium the test is skipped, but not in CI."""
    path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        reason = "Chromium is missing; install it as root with make debian-packages"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with _playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        yield opened
        opened.close()


_users: list[Any] = []
"""The running Playwright, once for each open browser: a process can have only one."""


@contextmanager
def _playwright() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    _users.append(_users[0] if _users else sync_playwright().start())
    try:
        yield _users[0]
    finally:
        playwright = _users.pop()
        if not _users:
            playwright.stop()
