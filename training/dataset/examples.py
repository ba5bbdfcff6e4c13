"""Rows of a training file become token ids, one example a submission. Knows no tree and no trainer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from labs_schema.errors import OverlongError
from prompts.encode import PromptEncoder
from prompts.messages import Prompt
from prompts.verdict import parse_verdict
from training.dataset.foreign_rows import ForeignRow
from training.dataset.rows import PairRow

Ids = tuple[int, ...]


@dataclass(frozen=True)
class CriterionExample:
    """`prompt` follows the shared part and ends right after the verdict's opening; answers begin with the letter."""

    prompt: Ids
    chosen: Ids
    rejected: tuple[Ids, ...] = ()


@dataclass(frozen=True)
class TrainingExample:
    """A submission: criterion i's sequences are `shared` + `criteria[i].prompt` + an answer, as token ids.

    `cut`: the middle of its code was left out, to fit. `foreign`: a row of another program's file, not a submission.
    """

    shared: Ids
    criteria: tuple[CriterionExample, ...]
    cut: bool = False
    foreign: bool = False


@dataclass(frozen=True)
class Loaded:
    """`skipped`: (lab, submission) of those whose tokens did not fit."""

    examples: tuple[TrainingExample, ...]
    skipped: tuple[tuple[str, str], ...]

    @property
    def cut(self) -> int:
        """How many examples lost the middle of their code to fit."""
        return sum(example.cut for example in self.examples)


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


def load_foreign(rows: Sequence[ForeignRow], source: str, encoder: PromptEncoder, *, skip_overlong: bool) -> Loaded:
    """Each row as an example of its own: one shared part, one "criterion". A row whose answers are verdicts is encoded
    as a prompt of a lab, any other as its conversation. `source` names the file in errors and in `skipped`.

    Raises OverlongError where a row does not fit and is not to be skipped (there is no code whose middle could go), and
    ModelError where the tokenizer's chat template does not render such a conversation.
    """
    examples, skipped = [], []
    for row in rows:
        try:
            example = _encode_foreign(row, encoder)
            _check_length(example, encoder, f"{source}:{row.line}")
            examples.append(example)
        except OverlongError:
            if not skip_overlong:
                raise
            skipped.append((source, f"line {row.line}"))
    return Loaded(tuple(examples), tuple(skipped))


def with_preferences(examples: Sequence[TrainingExample]) -> tuple[TrainingExample, ...]:
    """What DPO can learn from: the criteria with a rejected answer, of those submissions that have any."""
    kept = (replace(e, criteria=tuple(c for c in e.criteria if c.rejected)) for e in examples)
    return tuple(example for example in kept if example.criteria)


def _encode_foreign(row: ForeignRow, encoder: PromptEncoder) -> TrainingExample:
    answers = (row.chosen,) if row.rejected is None else (row.chosen, row.rejected)
    roles = [role for role, _ in row.turns]
    if all(map(_is_verdict, answers)) and roles in (["user"], ["system", "user"]):
        system = row.turns[0][1] if len(roles) == 2 else ""
        encoded = encoder.encode([Prompt(system=system, shared=row.turns[-1][1], criterion="", options=())])
        shared, prompt = encoded.shared, encoded.criteria[0]
        ids = tuple(map(encoder.answer_ids, answers))
    else:
        shared, prompt, ids = encoder.encode_turns(row.turns, answers)
    return TrainingExample(shared, (CriterionExample(prompt, ids[0], ids[1:]),), foreign=True)


def _is_verdict(answer: str) -> bool:
    try:
        parse_verdict(answer)
    except ValueError:
        return False
    return True


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
        cut=encoded.cut,
    )
    _check_length(example, encoder, f"submission {rows[0].submission} of {rows[0].lab}")
    return example


def _check_length(example: TrainingExample, encoder: PromptEncoder, what: str) -> None:
    needed = max(len(example.shared) + len(c.prompt) + max(map(len, (c.chosen, *c.rejected))) for c in example.criteria)
    if needed > encoder.context_length:
        raise OverlongError(what, needed, encoder.context_length)


def _prompt(row: PairRow) -> Prompt:
    return Prompt(
        system=row.system,
        shared=row.prompt[: row.shared_chars],
        criterion=row.prompt[row.shared_chars :],
        options=row.options,
    )
