"""Copies of submissions with a plea put in, to be trained on with the TA's ratings. Knows no files and no sides.

A copy is a submission of its own for the trainer, because its program is another text.
Whether a copy is made, and which attack it carries, is drawn by the seed, whatever the ratings are: a copy of excellent
work pleads for what it got. Leaving those out would teach that who pleads deserves less.
"""

import random
from collections.abc import Iterator

from labs_schema.hashes import program_key
from labs_schema.models import Lab, Submission
from prompts.attacks.attack import target_rating
from prompts.attacks.training import TRAINING_ATTACKS
from prompts.style import PromptStyle
from training.dataset.pairs import OptionOrder, RatedPrompt, option_orders, rated_submissions

COPY = "+attack"
"""Behind the pseudonym of the submission that a copy was made of."""


def attacked_copies(
    lab: Lab,
    style: PromptStyle,
    *,
    share: float,
    reasoning: bool = False,
    option_order: OptionOrder = "shuffled",
    seed: int = 0,
) -> Iterator[tuple[Submission, list[RatedPrompt]]]:
    """As `rated_submissions`, for the copies of a `share` (0 to 1) of the rated submissions."""
    copies = tuple(
        _attacked(lab, submission, option_order, seed, chance)
        for submission in lab.submissions
        if submission.files and (chance := _chance(lab, submission, seed)).random() < share
    )
    drawn_by = {submission.student: program_key(submission) + COPY for submission in lab.submissions}
    copied = lab.model_copy(update={"submissions": copies})
    return rated_submissions(
        copied,
        style,
        reasoning=reasoning,
        option_order=option_order,
        seed=seed,
        suffix=COPY,
        drawn_by=drawn_by,
    )


def _attacked(lab: Lab, submission: Submission, order: OptionOrder, seed: int, chance: random.Random) -> Submission:
    """Pleads for the best rating's letter as it stands in the copy's own prompts."""
    orders = option_orders(lab, program_key(submission) + COPY, order, seed)
    return chance.choice(TRAINING_ATTACKS)(submission, lab.language, target_rating(lab.criteria, orders))


def _chance(lab: Lab, submission: Submission, seed: int) -> random.Random:
    """Draws for this program alone, whatever other labs and students there are."""
    return random.Random("\0".join((str(seed), "attack", lab.name, program_key(submission))))
