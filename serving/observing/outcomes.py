"""Turns runs into results; shared by all checks."""

from labs_schema.observations import Outcome
from serving.observing.isolation.watching import Ending, Run

ENDINGS = {
    Ending.TIMEOUT: Outcome.TIMEOUT,
    Ending.MEMORY_LIMIT: Outcome.MEMORY_LIMIT,
    Ending.OUTPUT_LIMIT: Outcome.OUTPUT_LIMIT,
}
"""The outcomes of runs that a limit ended."""


def measured(run: Run) -> dict[str, float | int | None]:
    return {
        "exit_status": run.exit_status,
        "signal": run.signal,
        "seconds": round(run.seconds, 4),
        "memory_bytes": run.memory_bytes,
    }


def as_text(output: bytes) -> str:
    return output.decode(errors="replace")
