"""Rated prompts as lines of JSON, in the formats that trainers read. Knows no labs and no files."""

import json
from collections.abc import Callable, Iterable
from typing import Literal

from training.dataset.pairs import RatedPrompt
from training.dataset.rows import PairRow

RowFormat = Literal["dpo", "sft", "messages", "instruction"]
Row = dict[str, object]


def dpo(rated: RatedPrompt) -> list[Row]:
    """A preference pair for every wrong rating: `PairRow`, the only format that `grader train` reads."""
    return [
        PairRow(
            lab=rated.lab,
            submission=rated.submission,
            criterion=rated.criterion,
            options=rated.prompt.options,
            system=rated.prompt.system,
            prompt=rated.prompt.text,
            shared_chars=len(rated.prompt.shared),
            chosen=rated.chosen,
            rejected=rejected,
        ).model_dump()
        for rejected in rated.rejected
    ]


def sft(rated: RatedPrompt) -> list[Row]:
    """trl's prompt and completion, with where they come from."""
    source: Row = {"lab": rated.lab, "submission": rated.submission, "criterion": rated.criterion}
    asked: Row = {"options": rated.prompt.options, "system": rated.prompt.system, "prompt": rated.prompt.text}
    return [source | asked | {"completion": rated.chosen}]


def messages(rated: RatedPrompt) -> list[Row]:
    """OpenAI's chat format. There is no system message where the system prompt is empty."""
    turns = (("system", rated.prompt.system), ("user", rated.prompt.text), ("assistant", rated.chosen))
    return [{"messages": [{"role": role, "content": text} for role, text in turns if role != "system" or text]}]


def instruction(rated: RatedPrompt) -> list[Row]:
    """Alpaca's format: the criterion is the instruction, the problem and the program are the input."""
    asked = "\n\n".join(part for part in (rated.prompt.system, rated.prompt.criterion.strip()) if part)
    return [{"instruction": asked, "input": rated.prompt.shared, "output": rated.chosen}]


FORMATS: dict[RowFormat, Callable[[RatedPrompt], list[Row]]] = {
    "dpo": dpo,
    "sft": sft,
    "messages": messages,
    "instruction": instruction,
}


def json_lines(rated: Iterable[RatedPrompt], row_format: RowFormat) -> list[bytes]:
    """Each row as one line of ASCII JSON with its newline."""
    rows = (row for prompt in rated for row in FORMATS[row_format](prompt))
    return [json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n" for row in rows]
