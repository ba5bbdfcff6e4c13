"""What grading costs in tokens, seconds and money, before it is run and after. Knows no engine and no model."""

from pathlib import Path
from typing import Protocol

from pydantic import ValidationError

from labs_schema.frozen import Frozen

FILE = "cost.json"
SECOND = "; second readings of what would be accepted come on top"


class Cost(Frozen):
    """Grading `submissions` submissions by `questions` questions to a model.

    `prompt_tokens`: all prompts, whole. `uncached_tokens`: those that the engine must compute, without
    the prefix shared with the previous prompt. `refused`: empty or overlong submissions. `load_seconds` and
    `seconds`: to load the model and to grade; None where not known. `measured` is False of a grading to come, counted
    without its second readings and timed by an earlier run's speed. `price_per_hour`: of the machine, in any currency.
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
        """For loading and grading; None where the time or the price is not known."""
        if self.seconds is None or self.price_per_hour is None:
            return None
        return (self.seconds + (self.load_seconds or 0.0)) / 3600 * self.price_per_hour

    def shown(self) -> dict[str, str]:
        """Label -> figure, as people read it."""
        refused = f", of which {self.refused:,} are empty or do not fit" if self.refused else ""
        found = {
            "Submissions": f"{self.submissions:,}{refused}",
            "Questions": f"{self.questions:,}" + ("" if self.measured else SECOND),
            "Tokens read": f"{self.uncached_tokens:,} ({self.prompt_tokens:,} if no beginning were shared)",
        }
        if self.seconds is None:
            return found | {"Time": "not known: nothing was timed with this model yet"}
        load = "" if self.load_seconds is None else f", and {duration(self.load_seconds)} to load the model"
        time = f"{duration(self.seconds)}{load}, {self.uncached_tokens / max(self.seconds, 1e-9):,.0f} tokens a second"
        found["Time" if self.measured else "Time expected"] = time
        if self.money is not None:
            found["Money" if self.measured else "Money expected"] = (
                f"{self.money:.4f} at {self.price_per_hour:g} an hour"
            )
        return found


class Meter(Protocol):
    """Counts as a `MeteredEngine` does."""

    questions: int
    prompt_tokens: int
    uncached_tokens: int


def measured_cost(
    meter: Meter, submissions: int, load_seconds: float | None, seconds: float, *, price_per_hour: float | None = None
) -> Cost:
    """Of grading `submissions` submissions as `meter` counted them, all readings."""
    return Cost(
        submissions=submissions,
        questions=meter.questions,
        prompt_tokens=meter.prompt_tokens,
        uncached_tokens=meter.uncached_tokens,
        load_seconds=load_seconds,
        seconds=seconds,
        price_per_hour=price_per_hour,
    )


def expected(cost: Cost, earlier: Cost | None) -> Cost:
    """`cost` of a grading to come, with the time that it takes at the speed of `earlier`."""
    cost = cost.model_copy(update={"measured": False})
    if earlier is None or earlier.seconds is None or not earlier.uncached_tokens:
        return cost
    seconds = cost.uncached_tokens * earlier.seconds / earlier.uncached_tokens
    return cost.model_copy(update={"seconds": seconds, "load_seconds": earlier.load_seconds})


def earlier_cost(*folders: Path) -> Cost | None:
    """What was measured and written into the first of `folders` that has it; an unreadable file counts as none."""
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
