"""Other programs' rows are recognised, checked line by line, and refused with every issue named."""

import json
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError
from training.dataset.foreign_rows import ForeignRow, format_of, read_foreign

USER, ASSISTANT = {"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": "4"}


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("row", "name", "expected"),
    [
        ({"messages": [USER, ASSISTANT]}, "messages", ((("user", "2 + 2?"),), "4", None)),
        (
            {"instruction": "Add.", "input": "2, 2", "output": "4", "id": 7},
            "instruction",
            ((("user", "Add.\n\n2, 2"),), "4", None),
        ),
        (
            {"system": "Be short.", "prompt": "2 + 2?", "completion": "4"},
            "completion",
            ((("system", "Be short."), ("user", "2 + 2?")), "4", None),
        ),
        (
            {"prompt": [USER], "chosen": [ASSISTANT], "rejected": "5"},
            "preference",
            ((("user", "2 + 2?"),), "4", "5"),
        ),
    ],
)
def test_a_format_is_told_by_its_fields(tmp_path: Path, row: Any, name: Any, expected: Any) -> None:
    path = write(tmp_path / "rows.jsonl", row, row)
    assert format_of(path) == name
    turns, chosen, rejected = expected
    one = ForeignRow(turns=turns, chosen=chosen, rejected=rejected, line=1)
    assert read_foreign(path, name) == (one, one.model_copy(update={"line": 2}))


def test_every_bad_line_is_named_with_what_is_wrong(tmp_path: Path) -> None:
    good = {"messages": [USER, ASSISTANT]}
    path = write(
        tmp_path / "rows.jsonl",
        good,
        "not json",
        {"messages": [USER]},
        {"prompt": "a", "completion": "b"},
        {"messages": [USER, USER, ASSISTANT]},
        {"messages": [USER, {"role": "assistant", "content": " "}]},
        {"messages": [{"role": "tool", "content": "x"}, ASSISTANT]},
        '{"messages": [{"role": "user", "content": "\\ud800"}, {"role": "assistant", "content": "x"}]}',
        {"messages": []},
        [],
        good,
    )
    with pytest.raises(InputError) as caught:
        read_foreign(path, "messages")
    assert [issue.line for issue in caught.value.issues] == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    told = str(caught.value)
    assert "another format, completion" in told and "the last turn is not" in told and "surrogate" in told


def test_a_long_list_of_faults_ends_and_an_unknown_format_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", *["{}"] * 50)
    with pytest.raises(InputError) as caught:
        read_foreign(path, "messages")
    assert len(caught.value.issues) == 20
    with pytest.raises(InputError, match="unknown-rows"):
        format_of(path)
    with pytest.raises(InputError, match="unknown-rows"):
        format_of(write(tmp_path / "text.jsonl", "[" * 10_000))
    with pytest.raises(InputError, match="same"):
        read_foreign(write(tmp_path / "p.jsonl", {"prompt": "a", "chosen": "b", "rejected": "b"}), "preference")
