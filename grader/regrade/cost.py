"""The cost of regrading a lab: before, counted, at the speed of an earlier one; after, measured."""

from pathlib import Path

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from grader.tables.lab_check import grouped
from grader.terminal import notes
from grader.token_cost import Cost, earlier_cost, estimated
from labs_schema.checks.reading import mark_unobserved
from labs_schema.models import Lab
from labs_schema.reading.validate import read_lab
from serving.model.prompt_counts import count_lab


def read_shown_lab(folder: Path) -> Lab:
    """The lab, with its submissions that were not observed marked. Prints its warnings, as `grader check` does.

    Raises InputError.
    """
    validated = read_lab(folder)
    lab = validated.lab_with_warnings()
    for line in grouped(validated.issues):
        notes().print(line)
    return lab.model_copy(update={"submissions": mark_unobserved(lab.submissions, folder)})


def expected_cost(
    folder: Path,
    model: str,
    *,
    out: Path | None = None,
    orders: int | None = None,
    price_per_hour: float | None = None,
) -> Cost:
    """The cost of grading the lab in `folder` with `model`, without loading its weights; verification passes are not
    included.

    Prints the lab's warnings. The speed is that of the last grading into `out`, or else of the run's evaluation. Raises
    InputError for a lab and ModelError for a model that cannot be used.
    """
    counts = count_lab(read_shown_lab(folder), model, orders)
    places = [*([out] if out else []), Path(model) / "evaluation"]
    return estimated(Cost(**counts.model_dump(), price_per_hour=price_per_hour), earlier_cost(*places))


def cost_table(cost: Cost, title: str) -> RenderableType:
    table = Table(title=escape(title), title_justify="left", box=None, show_header=False, pad_edge=False)
    for label, figure in cost.shown().items():
        table.add_row(label, figure)
    return table
