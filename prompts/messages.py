"""A lab, one submission and a style become the text of prompts, one a criterion.

What the criteria share (problem, code) comes first, so that it is computed once. Knows no ratings given and no
tokenizer. Nothing here puts the id of a submission's author into a prompt, and what of the code is noted to name a
student (`Submission.hidden`) is left out of it here, for every prompt there is.
"""

import re
from collections.abc import Mapping, Sequence

from labs_schema.frozen import Frozen
from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from labs_schema.privacy.redaction import shown_files
from prompts.quoting import quote, quote_name
from prompts.style import PromptStyle
from prompts.verdict import LETTERS
from prompts.wording import parts

BARE_TITLE = re.compile(r"[A-Za-z]|[-+]?\d+([.,/]\d+)?%?")
"""A rating's title that only names a place in a list; the letters do that already."""


class Prompt(Frozen):
    """One criterion's prompt. `shared` is equal in all prompts of a submission; `system` may be empty.

    `options[i]` is the title of the rating that `LETTERS[i]` stands for.
    """

    system: str
    shared: str
    criterion: str
    options: tuple[str, ...]

    @property
    def text(self) -> str:
        """The user's turn."""
        return self.shared + self.criterion


def build_prompts(
    lab: Lab, submission: Submission, style: PromptStyle, orders: Mapping[str, Sequence[str]] | None = None
) -> tuple[Prompt, ...]:
    """The prompts of a submission, in the rubric's order.

    `orders` maps a criterion's title to the titles of all its ratings in the order of the letters; where it says
    nothing, the rubric's order. Raises ValueError where an order is not of that criterion's ratings, or where there
    are more ratings than letters.
    """
    shared = shared_text(lab, submission, style)
    return tuple(
        Prompt(
            system=quote(style.system), shared=shared, criterion=criterion_text(criterion, order, style), options=order
        )
        for criterion in lab.criteria
        for order in [option_order(criterion, (orders or {}).get(criterion.title))]
    )


def shared_text(lab: Lab, submission: Submission, style: PromptStyle) -> str:
    """Problem statement and code, all of it quoted."""
    problem = (lab.problem if style.verbose else lab.short_problem).strip()
    return parts(style.template)["shared"].substitute(
        problem=quote(problem[: style.problem_chars]),
        language=quote(lab.language),
        files="\n".join(file_text(file, style) for file in shown_files(submission, lab.language)),
    )


def file_text(file: SourceFile, style: PromptStyle) -> str:
    """A file between its tags. A last new line is dropped: the tag has one of its own."""
    text = quote(file.text.removesuffix("\n"))
    return parts(style.template)["file"].substitute(name=quote_name(file.path), text=text)


def criterion_text(criterion: Criterion, order: Sequence[str], style: PromptStyle) -> str:
    """A criterion with its options lettered in `order`, and how to answer."""
    wording = parts(style.template)
    options = [
        wording["option"].substitute(letter=letter, text=quote(option_text(criterion.rating(title))))
        for letter, title in zip(LETTERS, order, strict=False)
    ]
    description = criterion.description.strip()[: style.description_chars]
    return wording["criterion"].substitute(
        title=quote("\n".join(filter(None, (criterion.title.strip(), description)))),
        options="\n".join(options),
        letters=", ".join(LETTERS[: len(order)]),
    )


def option_text(rating: Rating) -> str:
    """The rating's description, and its title where that says more than a place in a list or stands alone."""
    title, description = rating.title.strip(), rating.description.strip()
    if not description or title == description:
        return title
    return description if BARE_TITLE.fullmatch(title) else f"{title}: {description}"


def option_order(criterion: Criterion, order: Sequence[str] | None) -> tuple[str, ...]:
    titles = tuple(rating.title for rating in criterion.ratings)
    if len(titles) > len(LETTERS):
        raise ValueError(
            f"criterion {criterion.title!r} has {len(titles)} ratings and there are {len(LETTERS)} letters"
        )
    if order is not None and sorted(order) != sorted(titles):
        raise ValueError(f"an order of criterion {criterion.title!r} names its ratings {titles}, not {tuple(order)}")
    return titles if order is None else tuple(order)
