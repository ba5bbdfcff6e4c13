"""Rows of a training file become token ids, one example a submission. Knows no tree and no trainer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from labs_schema.errors import OverlongError
from prompts.encode import PromptEncoder
from prompts.messages import Prompt
from training.rows import PairRow

Ids = tuple[int, ...]


@dataclass(frozen=True)
class CriterionExample:
    """`prompt` follows the shared part and ends right after the verdict's opening; answers begin with the letter."""

    prompt: Ids
    chosen: Ids
    rejected: tuple[Ids, ...] = ()


@dataclass(frozen=True)
class TrainingExample:
    """A submission: criterion i's sequences are `shared` + `criteria[i].prompt` + an answer, as token ids."""

    shared: Ids
    criteria: tuple[CriterionExample, ...]


@dataclass(frozen=True)
class Loaded:
    """`skipped`: (lab, submission) of those whose tokens did not fit."""

    examples: tuple[TrainingExample, ...]
    skipped: tuple[tuple[str, str], ...]


def load_examples(
    rows: Iterable[PairRow], encoder: PromptEncoder, on_overlong: Literal["error", "skip"] = "error"
) -> Loaded:
    """Groups `rows` by submission, in the order in which they first appear, and encodes them.

    Raises OverlongError where a submission with its longest answer does not fit and `on_overlong` is `error`.
    """
    submissions: dict[tuple[str, str], list[PairRow]] = {}
    for row in rows:
        submissions.setdefault((row.lab, row.submission), []).append(row)
    examples, skipped = [], []
    for name, its_rows in submissions.items():
        try:
            examples.append(_encode(its_rows, encoder))
        except OverlongError:
            if on_overlong == "error":
                raise
            skipped.append(name)
    return Loaded(tuple(examples), tuple(skipped))


def _encode(rows: Sequence[PairRow], encoder: PromptEncoder) -> TrainingExample:
    criteria: dict[tuple[str, str], list[PairRow]] = {}
    for row in rows:
        criteria.setdefault((row.prompt, row.chosen), []).append(row)
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
    )
    needed = max(len(example.shared) + len(c.prompt) + max(map(len, (c.chosen, *c.rejected))) for c in example.criteria)
    if needed > encoder.context_length:
        raise OverlongError(f"submission {rows[0].submission} of {rows[0].lab}", needed, encoder.context_length)
    return example


def _prompt(row: PairRow) -> Prompt:
    return Prompt(
        system=row.system,
        shared=row.prompt[: row.shared_chars],
        criterion=row.prompt[row.shared_chars :],
        options=row.options,
    )
