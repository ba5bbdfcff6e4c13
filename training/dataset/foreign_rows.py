"""Training rows that other programs wrote: JSON Lines in the formats that trainers share. Knows no tokenizer.

A file's format is told by the fields of its first row; all other rows must have it too. Fields beyond those named here
(ids, scores) are not looked at.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from labs_schema.errors import InputError, Issue
from labs_schema.frozen import Frozen
from training.dataset.files import MOST_FAULTS, error


def _text(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair, which is no character") from None
    return value


Text = Annotated[str, AfterValidator(_text)]


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Turn(_Row):
    role: Literal["system", "user", "assistant"]
    content: Text


class ForeignRow(Frozen):
    """A conversation and its answer; `rejected` where the row is a preference. `line` counts from 1."""

    turns: tuple[tuple[str, str], ...]
    chosen: str
    rejected: str | None = None
    line: int


class MessagesRow(_Row):
    messages: Annotated[list[Turn], Field(min_length=1)]


class InstructionRow(_Row):
    instruction: Text
    input: str = ""
    output: Text
    system: str = ""


class PreferenceRow(_Row):
    prompt: Text | list[Turn]
    chosen: Text | list[Turn]
    rejected: Text | list[Turn]
    system: str = ""


class CompletionRow(_Row):
    prompt: Text | list[Turn]
    completion: Text | list[Turn]
    system: str = ""


RowName = Literal["pairs", "messages", "instruction", "preference", "completion"]
FIELDS: dict[RowName, frozenset[str]] = {
    "pairs": frozenset({"shared_chars"}),
    "messages": frozenset({"messages"}),
    "instruction": frozenset({"instruction", "output"}),
    "preference": frozenset({"prompt", "chosen", "rejected"}),
    "completion": frozenset({"prompt", "completion"}),
}
EXPECTED = "messages; instruction, input, output; prompt, chosen, rejected; or prompt, completion"


def format_of(path: Path) -> RowName:
    """The format of a file, by the fields of its first row. Raises InputError."""
    if not path.is_file():
        raise InputError(
            [error("missing-dataset", path, "no file", "a file of training rows", "Run grader build-dataset.")]
        )
    with path.open("rb") as lines:
        first = next(lines, b"")
    try:
        values = json.loads(first)
    except (ValueError, RecursionError):
        values = None
    name = _name(values) if isinstance(values, dict) else None
    if name is None:
        found = f"fields {', '.join(map(repr, values))}"[:200] if isinstance(values, dict) else "no JSON object"
        raise InputError([error("unknown-rows", path, found, EXPECTED, "One JSON object a line.", 1)])
    return name


def read_foreign(path: Path, name: RowName) -> tuple[ForeignRow, ...]:
    """All rows of a file in the format `name`. Raises InputError that names up to `MOST_FAULTS` bad lines."""
    rows: list[ForeignRow] = []
    issues: list[Issue] = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                rows.append(_row(json.loads(line), name, number))
            except ValidationError as invalid:
                first = invalid.errors(include_input=False, include_url=False)[0]
                issues.append(_issue(path, number, f"{'.'.join(map(str, first['loc']))}: {first['msg']}", name))
            except (ValueError, RecursionError) as invalid:
                issues.append(_issue(path, number, str(invalid)[:200], name))
            if len(issues) == MOST_FAULTS:
                break
    if issues:
        raise InputError(issues)
    return tuple(rows)


def _name(values: Mapping[str, Any]) -> RowName | None:
    return next((name for name, fields in FIELDS.items() if fields <= values.keys()), None)


def _row(values: Any, name: RowName, line: int) -> ForeignRow:
    if not isinstance(values, dict):
        raise ValueError("no JSON object")
    if (found := _name(values)) not in (name, None):
        raise ValueError(f"a row of another format, {found}")
    return ROWS[name](values, line)


def _messages(values: Any, line: int) -> ForeignRow:
    *turns, answer = MessagesRow.model_validate(values).messages
    if answer.role != "assistant":
        raise ValueError("messages: the last turn is not the assistant's")
    return ForeignRow(turns=_conversation("", turns), chosen=answer.content, line=line)


def _instruction(values: Any, line: int) -> ForeignRow:
    row = InstructionRow.model_validate(values)
    asked = "\n\n".join(text for text in (row.instruction, row.input) if text.strip())
    return ForeignRow(turns=_conversation(row.system, asked), chosen=row.output, line=line)


def _preference(values: Any, line: int) -> ForeignRow:
    row = PreferenceRow.model_validate(values)
    chosen, rejected = _answer(row.chosen), _answer(row.rejected)
    if chosen == rejected:
        raise ValueError("chosen and rejected are the same")
    return ForeignRow(turns=_conversation(row.system, row.prompt), chosen=chosen, rejected=rejected, line=line)


def _completion(values: Any, line: int) -> ForeignRow:
    row = CompletionRow.model_validate(values)
    return ForeignRow(turns=_conversation(row.system, row.prompt), chosen=_answer(row.completion), line=line)


ROWS: dict[RowName, Callable[[Any, int], ForeignRow]] = {
    "messages": _messages,
    "instruction": _instruction,
    "preference": _preference,
    "completion": _completion,
}


def _conversation(system: str, asked: str | list[Turn]) -> tuple[tuple[str, str], ...]:
    """Perhaps a system turn, then user and assistant by turns, the user first and last."""
    turns = [("user", asked)] if isinstance(asked, str) else [(turn.role, turn.content) for turn in asked]
    if system.strip():
        turns = [("system", _text(system)), *turns]
    roles = [role for role, _ in turns]
    talk = roles[1:] if roles[:1] == ["system"] else roles
    if len(talk) % 2 == 0 or talk != (["user", "assistant"] * len(talk))[: len(talk)]:
        raise ValueError(f"turns of {', '.join(roles) or 'nobody'}: expected user and assistant by turns, user first")
    return tuple(turns)


def _answer(given: str | list[Turn]) -> str:
    if isinstance(given, str):
        return given
    if [turn.role for turn in given] != ["assistant"]:
        raise ValueError("an answer is a text or one turn of the assistant")
    return given[0].content


def _issue(path: Path, line: int, found: str, name: RowName) -> Issue:
    wanted = f"a row of {', '.join(sorted(FIELDS[name]))}, as in line 1"
    return error("bad-row", path, found, wanted, "Mend the line; a file holds rows of one format.", line)
