"""Encodes the rows of training files as token ids, one example per submission."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from labs_schema.errors import OverlongError
from labs_schema.grouping import grouped_by
from prompts.encode import PromptEncoder
from prompts.messages import Prompt
from prompts.verdict import parse_verdict
from training.dataset.external_rows import ExternalRow
from training.dataset.row_formats import PairRow

TokenIds = tuple[int, ...]


@dataclass(frozen=True)
class CriterionExample:
    """`prompt` follows the shared part and ends after the verdict's fixed opening; answers start with the letter."""

    prompt: TokenIds
    chosen: TokenIds
    rejected: tuple[TokenIds, ...] = ()


@dataclass(frozen=True)
class TrainingExample:
    """A submission: criterion i's sequences are `shared` + `criteria[i].prompt` + an answer, as token ids.

    `cut`: the middle of its code was removed to fit. `external`: a row of an external file, not a submission.
    """

    shared: TokenIds
    criteria: tuple[CriterionExample, ...]
    cut: bool = False
    external: bool = False


@dataclass(frozen=True)
class LoadedExamples:
    """`skipped`: (lab, submission) of those that did not fit the context."""

    examples: tuple[TrainingExample, ...]
    skipped: tuple[tuple[str, str], ...]

    @property
    def cut(self) -> int:
        """The number of examples without the middle of their code."""
        return sum(example.cut for example in self.examples)


def load_examples(
    rows: Iterable[PairRow], encoder: PromptEncoder, on_overlong: Literal["error", "skip"] = "error"
) -> LoadedExamples:
    """Groups `rows` by submission, in the order of their first row, and encodes them.

    Raises OverlongError if a submission with its longest answer does not fit and `on_overlong` is `error`.
    """
    examples, skipped = [], []
    for name, its_rows in grouped_by(rows, lambda row: (row.lab, row.submission)).items():
        try:
            examples.append(_encode(its_rows, encoder))
        except OverlongError:
            if on_overlong == "error":
                raise
            skipped.append(name)
    return LoadedExamples(tuple(examples), tuple(skipped))


def load_external(
    rows: Sequence[ExternalRow], source: str, encoder: PromptEncoder, *, skip_overlong: bool
) -> LoadedExamples:
    """Each row as one example with one "criterion". A row whose answers are verdicts is encoded like a prompt of a lab,
    any other as a conversation. `source` names the file in errors and in `skipped`.

    Raises OverlongError if a row does not fit and is not skipped (there is no code to cut), and ModelError if the
    tokenizer's chat template cannot render the conversation.
    """
    examples, skipped = [], []
    for row in rows:
        try:
            example = _encode_external(row, encoder)
            _check_length(example, encoder, f"{source}:{row.line}")
            examples.append(example)
        except OverlongError:
            if not skip_overlong:
                raise
            skipped.append((source, f"line {row.line}"))
    return LoadedExamples(tuple(examples), tuple(skipped))


def with_preferences(examples: Sequence[TrainingExample]) -> tuple[TrainingExample, ...]:
    """The examples that DPO can use: only criteria with a rejected answer, and only submissions that have any."""
    paired = (replace(e, criteria=tuple(c for c in e.criteria if c.rejected)) for e in examples)
    return tuple(example for example in paired if example.criteria)


def _encode_external(row: ExternalRow, encoder: PromptEncoder) -> TrainingExample:
    answers = (row.chosen,) if row.rejected is None else (row.chosen, row.rejected)
    roles = [role for role, _ in row.turns]
    if all(map(_is_verdict, answers)) and roles in (["user"], ["system", "user"]):
        system = row.turns[0][1] if len(roles) == 2 else ""
        encoded = encoder.encode([Prompt(system=system, shared=row.turns[-1][1], criterion="", options=())])
        shared, prompt = encoded.shared, encoded.criteria[0]
        ids = tuple(map(encoder.answer_ids, answers))
    else:
        shared, prompt, ids = encoder.encode_turns(row.turns, answers)
    return TrainingExample(shared, (CriterionExample(prompt, ids[0], ids[1:]),), external=True)


def _is_verdict(answer: str) -> bool:
    try:
        parse_verdict(answer)
    except ValueError:
        return False
    return True


def _encode(rows: Sequence[PairRow], encoder: PromptEncoder) -> TrainingExample:
    criteria = grouped_by(rows, lambda row: (row.prompt, row.chosen))
    encoded = encoder.encode([_prompt(same[0]) for same in criteria.values()])
    example = TrainingExample(
        shared=encoded.shared,
        criteria=tuple(
            CriterionExample(
                prompt=ids,
                chosen=encoder.answer_ids(same[0].chosen),
                rejected=tuple(encoder.answer_ids(row.rejected) for row in same),
            )
            for ids, same in zip(encoded.criteria, criteria.values(), strict=True)
        ),
        cut=encoded.truncated,
    )
    _check_length(example, encoder, f"submission {rows[0].submission} of {rows[0].lab}")
    return example


def _check_length(example: TrainingExample, encoder: PromptEncoder, what: str) -> None:
    longest = max(
        len(example.shared) + len(c.prompt) + max(map(len, (c.chosen, *c.rejected))) for c in example.criteria
    )
    if longest > encoder.context_length:
        raise OverlongError(what, longest, encoder.context_length)


def _prompt(row: PairRow) -> Prompt:
    return Prompt(
        system=row.system,
        shared=row.prompt[: row.shared_chars],
        criterion=row.prompt[row.shared_chars :],
        options=row.options,
    )
