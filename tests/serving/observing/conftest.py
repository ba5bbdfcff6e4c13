"""The sandbox. Tests that need one are skipped only where bubblewrap cannot be had."""

import shutil

import pytest

from serving.observing.isolation.probe import working_sandbox
from serving.observing.isolation.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed, and make setup could not install it")
    return working_sandbox()
