"""A feedback document as one HTML page. Every text is escaped; the page loads and runs nothing."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from serving.feedback.feedback import Feedback
from serving.feedback.wording import NOT_GRADED, PROVISIONAL, marks, percent, total


def html(feedback: Feedback) -> str:
    return _template().render(
        feedback=feedback,
        total=total(feedback),
        marks=marks,
        percent=percent,
        not_graded=NOT_GRADED,
        provisional=PROVISIONAL,
    )


@cache
def _template() -> Template:
    loader = PackageLoader("serving.feedback", "templates")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("feedback.html")
