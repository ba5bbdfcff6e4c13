"""External files: format detection, and an issue for every invalid line."""

import json
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError
from training.dataset.external_rows import ExternalRow, detect_format, read_external

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
def test_the_fields_determine_the_format(tmp_path: Path, row: Any, name: Any, expected: Any) -> None:
    path = write(tmp_path / "rows.jsonl", row, row)
    assert detect_format(path) == name
    turns, chosen, rejected = expected
    one = ExternalRow(turns=turns, chosen=chosen, rejected=rejected, line=1)
    assert read_external(path, name) == (one, one.model_copy(update={"line": 2}))


def test_every_invalid_line_is_reported(tmp_path: Path) -> None:
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
        read_external(path, "messages")
    assert [issue.line for issue in caught.value.issues] == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    message = str(caught.value)
    assert "another format, completion" in message and "the last turn is not" in message and "surrogate" in message


def test_reported_lines_are_limited_and_unknown_formats_rejected(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", *["{}"] * 50)
    with pytest.raises(InputError) as caught:
        read_external(path, "messages")
    assert len(caught.value.issues) == 20
    with pytest.raises(InputError, match="unknown-rows"):
        detect_format(path)
    with pytest.raises(InputError, match="unknown-rows"):
        detect_format(write(tmp_path / "text.jsonl", "[" * 10_000))
    with pytest.raises(InputError, match="same"):
        read_external(write(tmp_path / "p.jsonl", {"prompt": "a", "chosen": "b", "rejected": "b"}), "preference")
