"""A sender that is killed again and again over a failing network delivers every grade once.

`python -m benchmarks.durability.deliveries` does the same with 500 students, ten kills and all kinds of platforms.
"""

from pathlib import Path

import pytest

from tests.harness.processes.killed_sender import killed

KINDS = ("lti-moodle", "canvas-service")
NIGHTLY = ("canvas-points", "moodle-rubric", "moodle-service")


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, *(pytest.param(each, marks=pytest.mark.nightly) for each in NIGHTLY)])
def test_every_grade_arrives_once_although_the_sender_is_killed(kind: str, tmp_path: Path) -> None:
    found = killed(kind, students=12, kills=2, seed=3, folder=tmp_path)
    assert found["ok"] and found["equal"] == 12 and found["kills"] >= 1
