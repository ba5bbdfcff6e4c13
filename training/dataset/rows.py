"""One line of a training file, and the manifest beside it. Knows no tokenizer."""

from typing import Literal

from labs_schema.frozen import Frozen
from prompts.style import PromptStyle


class PairRow(Frozen):
    """A preference pair: for one criterion of one submission, the TA's verdict (`chosen`) and another (`rejected`).

    `prompt` is the user's turn as text; its first `shared_chars` characters (problem and code) are the same for all
    rows of a submission, the rest is the criterion. `options` holds the rating titles in the order of their letters.
    `submission` is a pseudonym (`submission_key`), never a student's id.
    """

    lab: str
    submission: str
    criterion: str
    options: tuple[str, ...]
    system: str
    prompt: str
    shared_chars: int
    chosen: str
    rejected: str


class LabSplit(Frozen):
    """Pseudonyms of a lab's graded submissions: trained on, kept for evaluation, and set aside as near-copies."""

    train: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()


class OutputFile(Frozen):
    sha256: str
    bytes: int
    rows: int


class Augmentation(Frozen):
    """`share` (0 to 1): how probable it was that a submission also appears attacked. `copies`: lab -> how many of its
    submissions trained on do, under their pseudonym with `+attack` behind it."""

    share: float
    copies: dict[str, int]


class DatasetManifest(Frozen):
    """What `build-dataset` read, chose and wrote. `eval_labs` are shielded whole: all of their work is in `test`.

    `secret` is the mark of the secret that the pseudonyms were made by. `attacks` is None, and not written, where no
    submission was to appear attacked.
    """

    grader_version: str
    format: Literal["dpo", "sft", "messages", "instruction"]
    seed: int
    train_split: float
    style: PromptStyle
    reasoning: bool
    option_order: Literal["given", "shuffled"]
    eval_labs: tuple[str, ...]
    labs: dict[str, LabSplit]
    inputs: dict[str, str]
    outputs: dict[str, OutputFile]
    secret: str = ""
    attacks: Augmentation | None = None

    def to_json(self) -> str:
        """As it is written."""
        return self.model_dump_json(indent=1, exclude=None if self.attacks else {"attacks"}) + "\n"
