"""Copies of training submissions with an injected prompt, trained on with the TA's unchanged ratings."""

import random
from collections.abc import Iterator

from labs_schema.hashes import program_key
from labs_schema.models import Lab, Submission
from prompts.attacks.attack import target_rating
from prompts.attacks.training import TRAINING_ATTACKS
from training.dataset.pairs import PromptOptions, RatedPrompt, draw_option_orders, rated_submissions

COPY_SUFFIX = "+attack"
"""Appended to the pseudonym of the copied submission."""


def attacked_copies(lab: Lab, options: PromptOptions, share: float) -> Iterator[tuple[Submission, list[RatedPrompt]]]:
    """Like `rated_submissions`, for the copies of a `share` (0 to 1) of the rated submissions.

    A copy is a separate submission to the trainer, because its program differs.
    """
    # Drawn independently of the ratings: without attacks in excellent work, the model would learn that an injected
    # prompt alone deserves a worse rating.
    copies = tuple(
        _attacked(lab, submission, options, chance)
        for submission in lab.submissions
        if submission.files and (chance := _random_of(lab, submission, options.seed)).random() < share
    )
    draw_keys = {submission.student: program_key(submission) + COPY_SUFFIX for submission in lab.submissions}
    copied = lab.model_copy(update={"submissions": copies})
    return rated_submissions(copied, options, suffix=COPY_SUFFIX, draw_keys=draw_keys)


def _attacked(lab: Lab, submission: Submission, options: PromptOptions, chance: random.Random) -> Submission:
    """Requests the best rating by its letter in the copy's own prompts."""
    orders = draw_option_orders(lab, program_key(submission) + COPY_SUFFIX, options.option_order, options.seed)
    return chance.choice(TRAINING_ATTACKS)(submission, lab.language, target_rating(lab.criteria, orders))


def _random_of(lab: Lab, submission: Submission, seed: int) -> random.Random:
    """Depends on this program only, not on other labs and students."""
    return random.Random("\0".join((str(seed), "attack", lab.name, program_key(submission))))
