"""A TA's ratings become prompts, each with its right verdict and the wrong ones. Knows no files and no sides."""

import random
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from labs_schema.hashes import program_key, submission_key
from labs_schema.models import Criterion, Lab, Rating, Submission
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import person_from_id, redact_prose
from prompts.messages import Prompt, build_prompts
from prompts.style import PromptStyle
from prompts.verdict import LETTERS, verdict_text

OptionOrder = Literal["given", "shuffled"]


class RatedPrompt(NamedTuple):
    """One criterion of one submission, the TA's verdict on it and one for every other rating."""

    lab: str
    submission: str
    """Its pseudonym, `submission_key`."""
    criterion: str
    prompt: Prompt
    chosen: str
    rejected: tuple[str, ...]


def pseudonym(lab: Lab, submission: Submission, suffix: str = "") -> str:
    return submission_key(lab.name, submission.student) + suffix


def option_orders(lab: Lab, submission: str, order: OptionOrder, seed: int) -> dict[str, tuple[str, ...]]:
    """criterion -> its rating titles in the order of their letters: the rubric's, or one drawn for this `submission`
    (its `program_key`: a draw by the student's id could be drawn again from a class list).

    All pairs of a (submission, criterion) have the same order, so they share their prompt.
    """
    orders = {}
    for criterion in lab.criteria:
        titles = [rating.title for rating in criterion.ratings]
        if order == "shuffled":
            random.Random("\0".join((str(seed), lab.name, submission, criterion.title))).shuffle(titles)
        orders[criterion.title] = tuple(titles)
    return orders


def rated_submissions(
    lab: Lab,
    style: PromptStyle,
    *,
    reasoning: bool = False,
    option_order: OptionOrder = "shuffled",
    seed: int = 0,
    suffix: str = "",
    drawn_by: Mapping[str, str] | None = None,
) -> Iterator[tuple[Submission, list[RatedPrompt]]]:
    """Every submission with a rating, in the lab's order, with a prompt for each criterion rated.

    `reasoning`: the right verdict gives the TA's comment (no student's name in it), or without one the rating's
    description, the others give the description of theirs. `suffix` is put behind the pseudonyms. `drawn_by`: student
    -> the name that orders are drawn by, where it is not the program's.
    """
    names = NameMatcher((*lab.roster, *(person_from_id(each.student, each.folder) for each in lab.submissions)))
    comments = {
        (grade.student, grade.criterion): redact_prose(grade.comment, names)
        for grade in lab.human_grades
        if reasoning and grade.comment
    }
    for submission in lab.submissions:
        given = lab.ratings_given.get(submission.student)
        if not given:
            continue
        key = pseudonym(lab, submission, suffix)
        name = (drawn_by or {}).get(submission.student) or program_key(submission)
        prompts = build_prompts(lab, submission, style, option_orders(lab, name, option_order, seed))
        rated = []
        for criterion, prompt in zip(lab.criteria, prompts, strict=True):
            if right := given.get(criterion.title):
                comment = comments.get((submission.student, criterion.title))
                texts = _verdicts(criterion, prompt.options, right, comment, reasoning)
                rated.append(
                    RatedPrompt(lab.name, key, criterion.title, prompt, texts.pop(right), tuple(texts.values()))
                )
        yield submission, rated


def _verdicts(
    criterion: Criterion, options: tuple[str, ...], right: str, comment: str | None, reasoning: bool
) -> dict[str, str]:
    """rating title -> the verdict that gives it, in the rubric's order."""

    def reason(rating: Rating) -> str | None:
        if not reasoning:
            return None
        return (comment if rating.title == right else None) or rating.description or rating.title

    return {r.title: verdict_text(LETTERS[options.index(r.title)], reason(r)) for r in criterion.ratings}
