"""Schemathesis against the OpenAPI description: valid requests are accepted, invalid ones refused, no 500."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.slow
def test_every_response_conforms_to_the_description() -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz_api", "--examples", "10"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["operations"], found["server_errors"], found["checks_failed"]) == (30, 0, False)
    assert 2 * found["reached_2xx"] >= found["operations"]
