"""Rows of a training file: written in the formats that trainers read, and read back for `grader train`."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from labs_schema.errors import InputError, error_issue
from labs_schema.frozen import Frozen
from prompts.messages import Prompt
from training.dataset.json_rows import json_line, parsed_rows
from training.dataset.pairs import RatedPrompt

RowFormat = Literal["dpo", "sft", "messages", "instruction"]
Row = dict[str, object]


class PromptRow(Frozen):
    """The question about one criterion of one submission.

    `prompt` is the user's turn as text. Its first `shared_chars` characters (problem and code) are the same in all rows
    of a submission, the rest is the criterion. `options` has the rating titles in the order of their letters.
    `submission` is a pseudonym (`submission_key`), never a student's id.
    """

    lab: str
    submission: str
    criterion: str
    options: tuple[str, ...]
    system: str
    prompt: str
    shared_chars: int


class PairRow(PromptRow):
    """A preference pair: the TA's verdict (`chosen`) and another (`rejected`)."""

    chosen: str
    rejected: str


def dpo(rated: RatedPrompt) -> list[Row]:
    """A `PairRow` for every wrong rating: the format that `grader train` reads."""
    fields = prompt_fields(rated.lab, rated.submission, rated.criterion, rated.prompt)
    return [PairRow(**fields, chosen=rated.chosen, rejected=rejected).model_dump() for rejected in rated.rejected]


def prompt_fields(lab: str, submission: str, criterion: str, prompt: Prompt) -> dict[str, Any]:
    """The fields of a `PromptRow`."""
    named = {"lab": lab, "submission": submission, "criterion": criterion}
    texts = {"options": prompt.options, "system": prompt.system, "prompt": prompt.text}
    return {**named, **texts, "shared_chars": len(prompt.shared)}


def sft(rated: RatedPrompt) -> list[Row]:
    """trl's prompt and completion, with lab, submission and criterion."""
    fields = prompt_fields(rated.lab, rated.submission, rated.criterion, rated.prompt)
    del fields["shared_chars"]
    return [fields | {"completion": rated.chosen}]


def messages(rated: RatedPrompt) -> list[Row]:
    """OpenAI's chat format, without a system message if the system prompt is empty."""
    turns = (("system", rated.prompt.system), ("user", rated.prompt.text), ("assistant", rated.chosen))
    return [{"messages": [{"role": role, "content": text} for role, text in turns if role != "system" or text]}]


def instruction(rated: RatedPrompt) -> list[Row]:
    """Alpaca's format: the criterion is the instruction, problem and program are the input."""
    text = "\n\n".join(part for part in (rated.prompt.system, rated.prompt.criterion.strip()) if part)
    return [{"instruction": text, "input": rated.prompt.shared, "output": rated.chosen}]


FORMATS: dict[RowFormat, Callable[[RatedPrompt], list[Row]]] = {
    "dpo": dpo,
    "sft": sft,
    "messages": messages,
    "instruction": instruction,
}


def json_lines(rated: Iterable[RatedPrompt], row_format: RowFormat) -> list[bytes]:
    """Each row as one line of ASCII JSON, with its newline."""
    rows = (row for prompt in rated for row in FORMATS[row_format](prompt))
    return [json_line(row) for row in rows]


def read_pairs(path: Path) -> Iterator[PairRow]:
    """The rows of a `dpo` file, one at a time. Raises InputError with the line of every invalid row."""
    if not path.is_file():
        raise InputError([error_issue("missing-dataset", path, expected="a file of preference pairs")])
    hint = "Build the dataset again with --format dpo, the only format that this command reads."
    rows = parsed_rows(path, PairRow.model_validate_json, "bad-row", expected="a preference pair", hint=hint)
    yield from (row for _, row in rows)
