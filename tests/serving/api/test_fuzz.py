"""Schemathesis against the OpenAPI description: valid requests are accepted, invalid ones refused, no 500."""

import pytest

from benchmarks.serving.fuzz_api import fuzzed


@pytest.mark.slow
@pytest.mark.parametrize("examples", [4, pytest.param(10, marks=pytest.mark.nightly)])
def test_every_response_conforms_to_the_description(examples: int) -> None:
    found = fuzzed(examples, seed=0)
    assert (found["operations"], found["server_errors"], found["checks_failed"]) == (30, 0, False)
    assert 2 * found["reached_2xx"] >= found["operations"]
