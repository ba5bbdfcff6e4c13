"""A TA's ratings as prompts, each with the right verdict and the wrong ones."""

import random
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from labs_schema.frozen import Frozen
from labs_schema.hashes import program_key, submission_key
from labs_schema.models import Criterion, Lab, Rating, Submission
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import person_from_id, redact_prose
from prompts.messages import Prompt, build_prompts
from prompts.style import PromptStyle
from prompts.verdict import LETTERS, verdict_text

OptionOrder = Literal["given", "shuffled"]


class PromptOptions(Frozen):
    """Options for turning ratings into prompts and verdicts. `reasoning`: verdicts include a reason.

    `unobserved_share` (0 to 1): the probability that a program is shown without its observations, so that one model
    learns to grade with and without them.
    """

    style: PromptStyle
    reasoning: bool = False
    option_order: OptionOrder = "shuffled"
    seed: int = 0
    unobserved_share: float = 0.2


class RatedPrompt(NamedTuple):
    """One criterion of one submission, the TA's verdict, and a verdict for every other rating."""

    lab: str
    submission: str
    """Its pseudonym, `submission_key`."""
    criterion: str
    prompt: Prompt
    chosen: str
    rejected: tuple[str, ...]


def draw_option_orders(lab: Lab, program: str, order: OptionOrder, seed: int) -> dict[str, tuple[str, ...]]:
    """criterion -> its rating titles in the order of their letters: the rubric's order, or one drawn by the `seed`.

    All pairs of a (submission, criterion) have the same order, so that they share their prompt.
    """
    orders = {}
    for criterion in lab.criteria:
        titles = [rating.title for rating in criterion.ratings]
        if order == "shuffled":
            # Drawn by the program's hash: a draw by the student's id could be repeated from a class list.
            random.Random("\0".join((str(seed), lab.name, program, criterion.title))).shuffle(titles)
        orders[criterion.title] = tuple(titles)
    return orders


def as_shown(lab: Lab, submission: Submission, unobserved_share: float, seed: int) -> Submission:
    """The submission, by chance without its observations. Drawn by the program, so a copy with the same files is shown
    alike."""
    chance = random.Random("\0".join((str(seed), "unobserved", lab.name, program_key(submission))))
    hidden = submission.observations is not None and chance.random() < unobserved_share
    return submission.model_copy(update={"observations": None}) if hidden else submission


def rated_submissions(
    lab: Lab, options: PromptOptions, *, suffix: str = "", draw_keys: Mapping[str, str] | None = None
) -> Iterator[tuple[Submission, list[RatedPrompt]]]:
    """Every submission with a rating, in the lab's order, with a prompt for each rated criterion.

    Without those of which some files cannot be read: the TA may have rated what is in them.

    With `options.reasoning` the right verdict has the TA's comment without students' names, or else the rating's
    description; the wrong ones have the description of their rating. `suffix` is appended to the pseudonyms.
    `draw_keys`: student -> what option orders are drawn by, instead of the program's hash.
    """
    people = (person_from_id(student, each.folder) for each in lab.submissions for student in each.students)
    names = NameMatcher((*lab.roster, *people))
    comments = {
        (grade.student, grade.criterion): redact_prose(grade.comment, names)
        for grade in lab.human_grades
        if options.reasoning and grade.comment
    }
    for submission in lab.submissions:
        given = lab.ratings_by_student.get(submission.student)
        if not given or submission.unread:
            continue
        pseudonym = submission_key(lab.name, submission.student) + suffix
        key = (draw_keys or {}).get(submission.student) or program_key(submission)
        orders = draw_option_orders(lab, key, options.option_order, options.seed)
        shown = as_shown(lab, submission, options.unobserved_share, options.seed)
        rated = []
        for criterion, prompt in zip(lab.criteria, build_prompts(lab, shown, options.style, orders), strict=True):
            if right := given.get(criterion.title):
                comment = comments.get((submission.student, criterion.title))
                texts = _verdicts(criterion, prompt.options, right, comment, options.reasoning)
                rated.append(
                    RatedPrompt(lab.name, pseudonym, criterion.title, prompt, texts.pop(right), tuple(texts.values()))
                )
        yield submission, rated


def _verdicts(
    criterion: Criterion, options: tuple[str, ...], right: str, comment: str | None, reasoning: bool
) -> dict[str, str]:
    """rating title -> the verdict with that rating, in the rubric's order."""

    def reason(rating: Rating) -> str | None:
        if not reasoning:
            return None
        return (comment if rating.title == right else None) or rating.description or rating.title

    return {r.title: verdict_text(LETTERS[options.index(r.title)], reason(r)) for r in criterion.ratings}
