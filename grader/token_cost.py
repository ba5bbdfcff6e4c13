"""The cost of grading in tokens, seconds and money: estimated before a run, measured after it."""

from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from labs_schema.frozen import Frozen

FILE = "cost.json"


class Cost(Frozen):
    """The cost of grading `submissions` submissions with `questions` prompts.

    `prompt_tokens`: sum of all prompts. `uncached_tokens`: tokens the engine computes, with a prefix shared with the
    previous prompt counted once. `refused`: submissions that are empty or too long and stay ungraded. `load_seconds`
    and `seconds`: to load the model and to grade; None if unknown. `measured`: False for an estimate, which excludes
    verification passes and uses the speed of an earlier run. `price_per_hour`: of the machine, in any currency.
    """

    submissions: int
    questions: int
    prompt_tokens: int
    uncached_tokens: int
    refused: int = 0
    load_seconds: float | None = None
    seconds: float | None = None
    measured: bool = True
    price_per_hour: float | None = None

    @property
    def money(self) -> float | None:
        """The price of loading and grading; None if the time or the hourly price is unknown."""
        if self.seconds is None or self.price_per_hour is None:
            return None
        return (self.seconds + (self.load_seconds or 0.0)) / 3600 * self.price_per_hour

    def shown(self) -> dict[str, str]:
        """Label -> value, for people."""
        refused = f", of which {self.refused:,} are empty or too long" if self.refused else ""
        found = {
            "Submissions": f"{self.submissions:,}{refused}",
            "Prompts": f"{self.questions:,}" + ("" if self.measured else "; verification passes are not included"),
            "Tokens computed": f"{self.uncached_tokens:,} ({self.prompt_tokens:,} without prefix caching)",
        }
        if self.seconds is None:
            return found | {"Time": "unknown: this model has not been timed yet"}
        load = "" if self.load_seconds is None else f", plus {duration(self.load_seconds)} to load the model"
        time = f"{duration(self.seconds)}{load}, {self.uncached_tokens / max(self.seconds, 1e-9):,.0f} tokens/s"
        found["Time" if self.measured else "Estimated time"] = time
        if self.money is not None:
            found["Price" if self.measured else "Estimated price"] = (
                f"{self.money:.4f} at {self.price_per_hour:g} per hour"
            )
        return found


class Meter(Protocol):
    """The counters of a `MeteredEngine`."""

    questions: int
    prompt_tokens: int
    uncached_tokens: int


def measured_cost(
    meter: Meter, submissions: int, load_seconds: float | None, seconds: float, *, price_per_hour: float | None = None
) -> Cost:
    """The cost of grading `submissions` submissions, verification passes included, from the counts of `meter`."""
    return Cost(
        submissions=submissions,
        questions=meter.questions,
        prompt_tokens=meter.prompt_tokens,
        uncached_tokens=meter.uncached_tokens,
        load_seconds=load_seconds,
        seconds=seconds,
        price_per_hour=price_per_hour,
    )


def estimated(cost: Cost, earlier: Cost | None) -> Cost:
    """`cost` as an estimate, with the time it would take at the speed of `earlier`."""
    cost = cost.model_copy(update={"measured": False})
    if earlier is None or earlier.seconds is None or not earlier.uncached_tokens:
        return cost
    seconds = cost.uncached_tokens * earlier.seconds / earlier.uncached_tokens
    return cost.model_copy(update={"seconds": seconds, "load_seconds": earlier.load_seconds})


def earlier_cost(*folders: Path) -> Cost | None:
    """The measured cost in the first of `folders` that has a valid cost file."""
    for folder in folders:
        try:
            return Cost.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
        except (OSError, ValidationError):
            continue
    return None


def duration(seconds: float) -> str:
    """`41 s`, `12 min`, `3.4 h`."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
