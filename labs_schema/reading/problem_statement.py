"""The problem statement of a lab, verbose and short. Knows nothing else of the lab."""

from collections.abc import Set
from pathlib import Path

from labs_schema.collector import FaultCollector
from labs_schema.file_reader import read_text
from labs_schema.limits import Limits

VERBOSE = ("ps.txt", "problemStatement.txt")
SHORT = "modified_ps.txt"


def read_problem(folder: Path, present: Set[str], limits: Limits, faults: FaultCollector) -> tuple[str, str]:
    """(verbose, short); each stands in for the other where only one is there. An error where neither is.

    `present` are the names of the files there are.
    """

    def statement(name: str) -> str:
        text = read_text(folder / name, name, limits.statement_bytes, faults) if name in present else None
        return text if text and text.strip() else ""

    verbose = {name: text for name in VERBOSE if (text := statement(name))}
    short = statement(SHORT)
    if len(set(verbose.values())) > 1:
        faults.warning(
            "two-statements",
            VERBOSE[1],
            found=f"a text that differs from {VERBOSE[0]}",
            expected="one verbose problem statement",
            hint=f"{VERBOSE[0]} is used; delete the other.",
        )
    full = next(iter(verbose.values()), "")
    if not full and not short:
        faults.error(
            "no-statement",
            VERBOSE[0],
            found=f"no text in {', '.join(VERBOSE)} or {SHORT}",
            expected="the problem statement in at least one of them",
            hint=f"Write the task the students were given into {VERBOSE[0]}.",
        )
    elif not full or not short:
        faults.warning(
            "one-statement",
            SHORT if full else VERBOSE[0],
            found="only the verbose statement" if full else "only the short statement",
            expected="both",
            hint="The one stands in for the other.",
        )
    return full or short, short or full
