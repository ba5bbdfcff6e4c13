"""Builds the text of prompts from a lab, a submission and a style: one prompt for each criterion.

The parts that all criteria share (problem statement, code, observations) come first, so that an engine computes them
once. The student's id is never part of a prompt, and the names listed in `Submission.redactions` are replaced here.
"""

import re
from collections.abc import Mapping, Sequence

from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from labs_schema.privacy.redaction import redacted_files
from prompts.observed import observed_text
from prompts.quoting import quote, quote_name
from prompts.style import PromptStyle, template_parts
from prompts.verdict import LETTERS

_BARE_TITLE = re.compile(r"[A-Za-z]|[-+]?\d+([.,/]\d+)?%?")
"""A rating title such as `A` or `2/3`, which adds nothing to the option's letter."""


class Prompt(Frozen):
    """The prompt for one criterion. `shared` is the same in all prompts of a submission; `system` may be empty.

    `options[i]` is the title of the rating that `LETTERS[i]` represents.
    """

    system: str
    shared: str
    criterion: str
    options: tuple[str, ...]

    @property
    def text(self) -> str:
        """The user turn."""
        return self.shared + self.criterion


def build_prompts(
    lab: Lab, submission: Submission, style: PromptStyle, orders: Mapping[str, Sequence[str]] | None = None
) -> tuple[Prompt, ...]:
    """The prompts of a submission, in the rubric's order.

    `orders` maps a criterion title to all its rating titles in the order of the letters; the default is the rubric's
    order. Raises ValueError if an order is not a permutation of the ratings or there are more ratings than letters.
    """
    shared = shared_text(lab, submission, style)
    return tuple(
        Prompt(
            system=quote(style.system), shared=shared, criterion=criterion_text(criterion, order, style), options=order
        )
        for criterion in lab.criteria
        for order in [option_titles(criterion, (orders or {}).get(criterion.title))]
    )


def shared_text(lab: Lab, submission: Submission, style: PromptStyle) -> str:
    """Problem statement, code and observations, quoted."""
    problem = (lab.problem if style.verbose else lab.short_problem).strip()
    return template_parts(style.template)["shared"].substitute(
        problem=quote(problem[: style.problem_chars]),
        language=quote(lab.language),
        files="\n".join(file_text(file, style) for file in redacted_files(submission, lab.language)),
        observed=observed_text(submission.observations, style.observed_chars),
    )


def file_text(file: SourceFile, style: PromptStyle) -> str:
    """A file between its tags, without its final newline: the closing tag starts a new line anyway."""
    text = quote(file.text.removesuffix("\n"))
    return template_parts(style.template)["file"].substitute(name=quote_name(file.path), text=text)


def criterion_text(criterion: Criterion, order: Sequence[str], style: PromptStyle) -> str:
    """A criterion, its options lettered in `order`, and the answer format."""
    template = template_parts(style.template)
    options = [
        template["option"].substitute(letter=letter, text=quote(option_text(criterion.rating(title))))
        for letter, title in zip(LETTERS, order, strict=False)
    ]
    description = criterion.description.strip()[: style.description_chars]
    clarified = (f"Clarification: {text.strip()[: style.description_chars]}" for text in criterion.clarifications)
    return template["criterion"].substitute(
        title=quote("\n".join(filter(None, (criterion.title.strip(), description, *clarified)))),
        options="\n".join(options),
        letters=", ".join(LETTERS[: len(order)]),
    )


def option_text(rating: Rating) -> str:
    """The rating's description, preceded by its title unless that is a bare letter or number."""
    title, description = rating.title.strip(), rating.description.strip()
    if not description or title == description:
        return title
    return description if _BARE_TITLE.fullmatch(title) else f"{title}: {description}"


def option_titles(criterion: Criterion, order: Sequence[str] | None) -> tuple[str, ...]:
    """The rating titles in `order`, by default the rubric's. Raises ValueError as `build_prompts` does."""
    titles = tuple(rating.title for rating in criterion.ratings)
    if len(titles) > len(LETTERS):
        raise ValueError(f"criterion {criterion.title!r} has {len(titles)} ratings, at most {len(LETTERS)} fit")
    if order is not None and sorted(order) != sorted(titles):
        raise ValueError(f"order of criterion {criterion.title!r}: found {tuple(order)}, expected all of {titles}")
    return titles if order is None else tuple(order)
