"""Free prompts through a model: the chat template is applied, and the answer is text."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from labs_schema.errors import InputError, Issue, ModelError, error_issue
from labs_schema.frozen import Frozen
from labs_schema.limits import DatasetLimits
from prompts.chat_template import Turn
from prompts.encode import PromptEncoder
from serving.engines.engine import EngineFailure, Sampling, TextEngine, WrittenText
from serving.engines.engine_choice import open_engine
from serving.model.folder import find_model
from serving.model.loading import GraderOptions, engine_options, uses_adapters

BATCH = 32
"""Prompts of one engine call."""


class Message(Frozen):
    role: Literal["system", "user", "assistant"]
    content: str


class PromptRow(Frozen, extra="ignore"):
    """A row of JSON Lines: one of `prompt`, a user turn, and `messages`, whose last turn is not the assistant's."""

    prompt: Annotated[str, Field(min_length=1)] | None = None
    messages: tuple[Message, ...] = ()

    @model_validator(mode="after")
    def one_of_both(self) -> "PromptRow":
        if (self.prompt is None) == (not self.messages) or (self.messages and self.messages[-1].role == "assistant"):
            raise ValueError("one of prompt and messages, and the last turn is not the assistant's")
        return self

    @property
    def turns(self) -> list[Turn]:
        return [(each.role, each.content) for each in self.messages] or [("user", self.prompt or "")]


class Generated(Frozen):
    """An answer to the prompt of this `number`, from 0. `finish` is `stop` at the end of the answer's turn, `length` at
    the limit of tokens, and `error` without a text."""

    number: int
    text: str | None
    finish: Literal["stop", "length", "error"]
    error: str | None = None


def read_prompts(path: Path) -> list[PromptRow]:
    """A prompt for each row of a `.jsonl` file; any other file is one prompt. Raises InputError with all invalid
    rows."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([error_issue("unreadable", path, found=str(error), hint="Pass a UTF-8 text file.")]) from None
    if path.suffix != ".jsonl":
        return [PromptRow(prompt=text)]
    rows: list[PromptRow] = []
    issues: list[Issue] = []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            rows += [PromptRow.model_validate_json(line)] if line.strip() else []
        except ValidationError as invalid:
            first = invalid.errors(include_input=False, include_url=False)[0]
            field = ".".join(map(str, first["loc"]))
            found = f"in {field}, a value of another kind" if field else "neither or both of them, or no JSON object"
            issues.append(error_issue("bad-prompt-row", path, found=found, line=number))
    if issues or not rows:
        raise InputError(issues[: DatasetLimits().reported_rows] or [error_issue("no-rows", path)])
    return rows


class Generator:
    """A model that answers free prompts. Raises ModelError if it cannot be loaded, or has no free text."""

    def __init__(self, path: str, engine: str) -> None:
        found = find_model(path, adapters=uses_adapters(engine))
        if found.model.head:
            raise ModelError(
                f"{path}: a head gives ratings and writes no text. Pass its base model.", code="unsupported-model"
            )
        options = engine_options(found, GraderOptions(engine=engine), needs_hashes=False)
        opened: Any = open_engine(engine, options)
        self.engine: TextEngine = opened
        self.encoder = PromptEncoder(found.tokenizer, context_length=opened.context_length)

    def answers(
        self, rows: Sequence[PromptRow], sampling: Sampling, progress: Callable[[int, int], None]
    ) -> Iterator[Generated]:
        """One answer for each row, in order. `progress` is called with rows done and in total."""
        for start in range(0, len(rows), BATCH):
            prompts = [self._prompt(row) for row in rows[start : start + BATCH]]
            found = self.engine.generate(prompts, sampling, self.encoder.end_ids, first=start)
            for number, answer in enumerate(found, start):
                yield _generated(number, answer)
            progress(min(start + BATCH, len(rows)), len(rows))

    def close(self) -> None:
        self.engine.close()

    def _prompt(self, row: PromptRow) -> tuple[int, ...]:
        turns, answering, _ = self.encoder.encode_turns(row.turns, [])
        return tuple(chain(turns, answering))


def _generated(number: int, answer: WrittenText | EngineFailure) -> Generated:
    if isinstance(answer, EngineFailure):
        return Generated(number=number, text=None, finish="error", error=answer.reason)
    return Generated(number=number, text=answer.text, finish="stop" if answer.finished else "length")
