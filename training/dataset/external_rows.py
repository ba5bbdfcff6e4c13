"""External training data: JSON Lines or a JSON array in the usual formats of other programs.

The fields of the first row determine a file's format, and all rows must have it. Other fields (ids, scores) are
ignored.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from labs_schema.errors import InputError, error_issue
from labs_schema.frozen import Frozen
from training.dataset.json_rows import json_rows, parsed_rows


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("contains half of a surrogate pair, which is not a character") from None
    return value


def _joined_parts(content: Any) -> Any:
    """OpenAI's content parts, `[{"type": "text", "text": ...}]`, as one text."""
    if not isinstance(content, list):
        return content
    parts = [part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None for part in content]
    if not all(isinstance(part, str) for part in parts):
        raise ValueError("must be text, or a list of parts of type text")
    return "".join(map(str, parts))


Text = Annotated[str, AfterValidator(_text)]
Content = Annotated[Text, BeforeValidator(_joined_parts)]
SPEAKERS = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "system": "system"}
"""ShareGPT's `from` -> role."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Turn(_Row):
    role: Annotated[
        Literal["system", "user", "assistant"],
        BeforeValidator(lambda role: "system" if role == "developer" else role),
    ]
    content: Content


class ExternalRow(Frozen):
    """A conversation and its answer; `rejected` if the row is a preference pair. `line` counts from 1."""

    turns: tuple[tuple[str, str], ...]
    chosen: str
    rejected: str | None = None
    line: int = 0


class MessagesRow(_Row):
    messages: Annotated[list[Turn], Field(min_length=1)]


class SharedTurn(_Row):
    """A turn in ShareGPT's format."""

    from_: Literal["human", "user", "gpt", "assistant", "system"] = Field(alias="from")
    value: Text

    def turn(self) -> Turn:
        return Turn.model_validate({"role": SPEAKERS[self.from_], "content": self.value})


class ShareGptRow(_Row):
    conversations: Annotated[list[SharedTurn], Field(min_length=1)]
    chosen: SharedTurn | None = None
    rejected: SharedTurn | None = None
    system: str = ""


class InstructionRow(_Row):
    """`history` are earlier pairs of an instruction and its output."""

    instruction: Text
    input: str = ""
    output: Text
    system: str = ""
    history: list[Annotated[list[Text], Field(min_length=2, max_length=2)]] = []


class PreferenceRow(_Row):
    prompt: Text | list[Turn]
    chosen: Text | list[Turn]
    rejected: Text | list[Turn]
    system: str = ""


class CompletionRow(_Row):
    prompt: Text | list[Turn]
    completion: Text | list[Turn]
    system: str = ""


RowName = Literal["pairs", "messages", "sharegpt", "instruction", "preference", "completion"]
FIELDS: dict[RowName, frozenset[str]] = {
    "pairs": frozenset({"shared_chars"}),
    "messages": frozenset({"messages"}),
    "sharegpt": frozenset({"conversations"}),
    "instruction": frozenset({"instruction", "output"}),
    "preference": frozenset({"prompt", "chosen", "rejected"}),
    "completion": frozenset({"prompt", "completion"}),
}


def detect_format(path: Path) -> RowName:
    """The format of a file, from the fields of its first row. Raises InputError."""
    if not path.is_file():
        raise InputError([error_issue("missing-dataset", path, expected="a file of training rows")])
    line, first = next(json_rows(path), (1, ""))
    if not first:
        raise InputError([error_issue("no-rows", path)])
    try:
        values = json.loads(first)
    except (ValueError, RecursionError):
        values = None
    name = _name(values) if isinstance(values, dict) else None
    if name is None:
        found = f"fields {', '.join(map(repr, values))}"[:200] if isinstance(values, dict) else "not a JSON object"
        raise InputError([error_issue("unknown-rows", path, found=found, line=line)])
    return name


def read_external(path: Path, name: RowName) -> tuple[ExternalRow, ...]:
    """All rows of a file in the format `name`. Raises InputError with the invalid lines."""
    expected = f"a row with {', '.join(sorted(FIELDS[name]))}, as in the first row"
    hint = "Fix the line; all rows of a file have one format."
    rows = parsed_rows(path, lambda text: _row(json.loads(text), name), "bad-row", expected=expected, hint=hint)
    if not (found := tuple(row.model_copy(update={"line": line}) for line, row in rows)):
        raise InputError([error_issue("no-rows", path)])
    return found


def _name(values: Mapping[str, Any]) -> RowName | None:
    return next((name for name, fields in FIELDS.items() if fields <= values.keys()), None)


def _row(values: Any, name: RowName) -> ExternalRow:
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    if (found := _name(values)) not in (name, None):
        raise ValueError(f"a row of another format, {found}")
    return ROWS[name](values)


def _messages(values: Any) -> ExternalRow:
    return _conversed("", MessagesRow.model_validate(values).messages)


def _conversed(system: str, messages: list[Turn]) -> ExternalRow:
    *turns, answer = messages
    if answer.role != "assistant":
        raise ValueError("messages: the last turn is not the assistant's")
    return ExternalRow(turns=_conversation(system, turns), chosen=answer.content)


def _sharegpt(values: Any) -> ExternalRow:
    row = ShareGptRow.model_validate(values)
    turns = [each.turn() for each in row.conversations]
    if row.chosen or row.rejected:
        answers = {"chosen": row.chosen and [row.chosen.turn()], "rejected": row.rejected and [row.rejected.turn()]}
        return _preference({"prompt": turns, "system": row.system, **answers})
    return _conversed(row.system, turns)


def _instruction(values: Any) -> ExternalRow:
    row = InstructionRow.model_validate(values)
    prompt = "\n\n".join(text for text in (row.instruction, row.input) if text.strip())
    turns = [Turn(role="user", content=prompt)]
    for question, answer in reversed(row.history):
        turns = [Turn(role="user", content=question), Turn(role="assistant", content=answer), *turns]
    return ExternalRow(turns=_conversation(row.system, turns), chosen=row.output)


def _preference(values: Any) -> ExternalRow:
    row = PreferenceRow.model_validate(values)
    chosen, rejected = _answer(row.chosen), _answer(row.rejected)
    if chosen == rejected:
        raise ValueError("chosen and rejected are the same")
    return ExternalRow(turns=_conversation(row.system, row.prompt), chosen=chosen, rejected=rejected)


def _completion(values: Any) -> ExternalRow:
    row = CompletionRow.model_validate(values)
    return ExternalRow(turns=_conversation(row.system, row.prompt), chosen=_answer(row.completion))


ROWS: dict[RowName, Callable[[Any], ExternalRow]] = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "instruction": _instruction,
    "preference": _preference,
    "completion": _completion,
}


def _conversation(system: str, prompt: str | list[Turn]) -> tuple[tuple[str, str], ...]:
    """An optional system turn, then user and assistant alternating, the user first and last."""
    turns = [("user", prompt)] if isinstance(prompt, str) else [(turn.role, turn.content) for turn in prompt]
    if system.strip():
        turns = [("system", _text(system)), *turns]
    roles = [role for role, _ in turns]
    dialogue = roles[1:] if roles[:1] == ["system"] else roles
    if len(dialogue) % 2 == 0 or dialogue != (["user", "assistant"] * len(dialogue))[: len(dialogue)]:
        raise ValueError(f"turns: {', '.join(roles) or 'none'}; expected user and assistant alternating, user first")
    return tuple(turns)


def _answer(given: str | list[Turn]) -> str:
    if isinstance(given, str):
        return given
    if [turn.role for turn in given] != ["assistant"]:
        raise ValueError("an answer must be a string or one assistant turn")
    return given[0].content
