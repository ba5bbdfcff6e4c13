"""The sandbox, and what it observes. Tests that need one are skipped only where bubblewrap cannot be had."""

import shutil

import pytest

from labs_schema.checks.models import Checks
from labs_schema.models import Submission
from labs_schema.observations import SubmissionObservations
from serving.observing.isolation.probe import working_sandbox
from serving.observing.isolation.sandbox import Sandbox
from serving.observing.observer import Observer
from serving.observing.toolchains import find_toolchain


def observe(sandbox: Sandbox, language: str, work: Submission, checks: Checks) -> SubmissionObservations:
    return Observer(checks, find_toolchain(language), sandbox, {}).observe(work)


def outcomes(observed: SubmissionObservations) -> dict[str, str]:
    return {each.check: each.outcome.value for each in observed.results}


@pytest.fixture(scope="session")
def sandbox() -> Sandbox:
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed, and make setup could not install it")
    return working_sandbox()
