"""How a prompt is worded and how long its parts may be: everything but the lab and the tokenizer."""

from typing import Literal

from labs_schema.frozen import Frozen


class PromptStyle(Frozen):
    """Part of every manifest: a model is served only with the style it was trained with.

    `template` names the wording in `prompts/templates/`: `full` for pretrained models, `compact` for the tiny one.
    `system` is the text of the system prompt (empty: none). `verbose` takes the verbose problem statement.
    `problem_chars` and `description_chars` cap the statement and a criterion's description (None: no cap).
    """

    template: Literal["full", "compact"] = "full"
    system: str = ""
    verbose: bool = False
    problem_chars: int | None = None
    description_chars: int | None = None
