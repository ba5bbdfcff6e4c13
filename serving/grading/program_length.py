"""Whether a model could read a program at all, by its number of tokens. Knows a tokenizer and no model."""

from labs_schema.errors import OverlongError
from labs_schema.models import Submission
from prompts.encode import PromptEncoder

READABLE = 4
"""How many times the model's context a program may have: of a longer one not even a quarter could be shown to it."""
PIECE = 20_000
"""Characters whose tokens are counted at a time."""


def is_short(submission: Submission, context_length: int) -> bool:
    """Whether no tokenizer is needed to know that it is not too long: a token is at least one byte."""
    return sum(len(file.text.encode()) for file in submission.files) <= READABLE * context_length


def check_length(submission: Submission, encoder: PromptEncoder) -> None:
    """Raises OverlongError for a program of more than `READABLE` times as many tokens as the model reads. Its
    tokens are counted piece by piece and no further: a longer program takes no longer. From any thread."""
    most, tokens = READABLE * encoder.context_length, 0
    if is_short(submission, encoder.context_length):
        return
    for file in submission.files:
        for start in range(0, len(file.text), PIECE):
            tokens += encoder.count(file.text[start : start + PIECE])
            if tokens > most:
                raise OverlongError("a submission", tokens, most)
