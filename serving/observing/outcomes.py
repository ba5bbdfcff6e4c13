"""Turns runs into results; shared by all checks."""

from typing import Any

from labs_schema.checks.models import Lint, ProgramTest, UnitTest
from labs_schema.observations import CheckKind, Outcome
from serving.observing.isolation.watching import Ending, Run

ENDINGS = {
    Ending.TIMEOUT: Outcome.TIMEOUT,
    Ending.MEMORY_LIMIT: Outcome.MEMORY_LIMIT,
    Ending.OUTPUT_LIMIT: Outcome.OUTPUT_LIMIT,
}
"""The outcomes of runs that a limit ended."""
KINDS = {ProgramTest: CheckKind.TEST, UnitTest: CheckKind.UNIT_TEST, Lint: CheckKind.LINT}


def described(check: ProgramTest | UnitTest | Lint) -> dict[str, Any]:
    points = None if isinstance(check, Lint) else check.points
    named = {"check": check.name, "kind": KINDS[type(check)], "visible": check.visible, "tags": check.tags}
    return {**named, "max_points": points}


def measured(run: Run) -> dict[str, Any]:
    return {
        "exit_status": run.exit_status,
        "signal": run.signal,
        "seconds": round(run.seconds, 4),
        "memory_bytes": run.memory_bytes,
    }


def as_text(output: bytes) -> str:
    return output.decode(errors="replace")
