from typing import Any

import pytest

from labs_schema.errors import OverlongError
from prompts.encode import PromptEncoder
from tests.harness.errors import raises_code
from training.dataset.examples import load_examples
from training.dataset.row_formats import PairRow


def row(submission: str, criterion: str, chosen: str, rejected: str, code: str = "int main(void) {}\n") -> PairRow:
    return PairRow(
        lab="lab1",
        submission=submission,
        criterion=criterion,
        options=("A", "B", "C"),
        system="",
        prompt=code + criterion,
        shared_chars=len(code),
        chosen=f'{{"answer": "{chosen}"}}',
        rejected=f'{{"answer": "{rejected}"}}',
    )


ROWS = [
    row("one", "Correct?", "A", "B"),
    row("two", "Correct?", "C", "A"),
    row("one", "Correct?", "A", "C"),
    row("one", "Readable?", "B", "A"),
]


def test_rows_of_a_submission_become_one_example(byte_tokenizer: Any) -> None:
    encoder = PromptEncoder(byte_tokenizer, context_length=500)
    loaded = load_examples(ROWS, encoder)
    assert loaded.skipped == ()
    one, two = loaded.examples
    assert [(c.chosen[0], [r[0] for r in c.rejected]) for c in one.criteria] == [
        (letter(encoder, "A"), [letter(encoder, "B"), letter(encoder, "C")]),
        (letter(encoder, "B"), [letter(encoder, "A")]),
    ]
    assert len(two.criteria) == 1
    assert byte_tokenizer.decode(one.shared).endswith("int main(void) {}\n")
    assert byte_tokenizer.decode(one.criteria[1].prompt).startswith("Readable?")
    assert byte_tokenizer.decode(one.criteria[0].chosen) == 'A"}<eos>'


def letter(encoder: PromptEncoder, name: str) -> int:
    return encoder.letter_ids(26)[ord(name) - ord("A")]


def test_an_overlong_submission_raises_or_is_skipped(byte_tokenizer: Any) -> None:
    rows = [*ROWS, row("long", "Correct?", "A", "B", code="x = 1;\n" * 300)]
    encoder = PromptEncoder(byte_tokenizer, context_length=500)
    with pytest.raises(OverlongError):
        load_examples(rows, encoder)
    loaded = load_examples(rows, encoder, "skip")
    assert loaded.skipped == (("lab1", "long"),)
    assert len(loaded.examples) == 2


def test_a_long_answer_counts_as_overlong(byte_tokenizer: Any) -> None:
    long_answer = row("one", "Correct?", "A", "B").model_copy(
        update={"rejected": '{"answer": "B", "reasoning": "' + "It fails. " * 80 + '"}'}
    )
    encoder = PromptEncoder(byte_tokenizer, context_length=200, answer_tokens=8)
    with raises_code("prompt-too-long", "submission one of lab1"):
        load_examples([long_answer], encoder)


def test_truncated_submissions_are_counted(byte_tokenizer: Any) -> None:
    long = "Problem.\n<student-code>\n" + "x = 1;\n" * 300 + "\n</student-code>\n"
    encoder = PromptEncoder(byte_tokenizer, context_length=500, on_overlong="middle")
    loaded = load_examples([*ROWS, row("long", "Correct?", "A", "B", code=long)], encoder)
    assert (loaded.cut, [example.cut for example in loaded.examples]) == (1, [False, False, True])
    assert load_examples(ROWS, encoder).cut == 0
