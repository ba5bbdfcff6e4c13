"""A feedback document as one HTML page. Every text is escaped; the page loads and runs nothing."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from serving.feedback.feedback import Feedback
from serving.feedback.wording import NOT_GRADED, PROVISIONAL, marks, percent, total


def html(feedback: Feedback) -> str:
    return _render("feedback.html", feedback)


def fragment(feedback: Feedback) -> Markup:
    """The content of the page's body, for a page that has its own frame."""
    return Markup(_render("feedback_body.html", feedback))


def _render(template: str, feedback: Feedback) -> str:
    return (
        _environment()
        .get_template(template)
        .render(
            feedback=feedback,
            total=total(feedback),
            marks=marks,
            percent=percent,
            not_graded=NOT_GRADED,
            provisional=PROVISIONAL,
        )
    )


@cache
def _environment() -> Environment:
    loader = PackageLoader("serving.feedback", "templates")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
