"""External files: format detection, and an issue for every invalid line."""

import json
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError
from tests.harness.errors import raises_code
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


def test_blank_lines_and_a_byte_order_mark_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = json.dumps({"messages": [USER, ASSISTANT]})
    path.write_bytes(f"\ufeff\r\n{row}\r\n\r\n  \n{row}\n\n".encode())
    assert detect_format(path) == "messages"
    assert [row.line for row in read_external(path, "messages")] == [2, 5]


@pytest.mark.parametrize("indent", [None, 1])
def test_rows_may_be_a_json_array(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "alpaca.json"
    rows = [{"instruction": "Add.", "input": "2, 2", "output": "4"}, {"instruction": "Halve ], [ {", "output": "2"}]
    path.write_text(json.dumps(rows, indent=indent))
    assert detect_format(path) == "instruction"
    first, second = read_external(path, "instruction")
    assert (first.chosen, second.chosen) == ("4", "2") and second.line == (1 if indent is None else 7)


def test_damaged_array_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "alpaca.json"
    path.write_text('[\n {"instruction": "a", "output": "b"},\n {"instruction": \n')
    with pytest.raises(InputError) as caught:
        read_external(path, "instruction")
    assert [issue.line for issue in caught.value.issues] == [3]


def test_content_parts_are_joined(tmp_path: Path) -> None:
    parts = [{"type": "text", "text": "2 "}, {"type": "text", "text": "+ 2?"}]
    path = write(tmp_path / "rows.jsonl", {"messages": [{"role": "user", "content": parts}, ASSISTANT]})
    assert read_external(path, "messages")[0].turns == (("user", "2 + 2?"),)
    image = [{"type": "image_url", "image_url": {"url": "x"}}]
    with raises_code("bad-row"):
        read_external(write(path, {"messages": [{"role": "user", "content": image}, ASSISTANT]}), "messages")


def test_sharegpt_conversations_and_pairs(tmp_path: Path) -> None:
    human, gpt = {"from": "human", "value": "2 + 2?"}, {"from": "gpt", "value": "4"}
    path = write(
        tmp_path / "rows.jsonl",
        {"conversations": [human, gpt], "system": "Be short."},
        {"conversations": [human], "chosen": gpt, "rejected": {"from": "gpt", "value": "5"}},
    )
    assert detect_format(path) == "sharegpt"
    one, two = read_external(path, "sharegpt")
    assert (one.turns, one.chosen) == ((("system", "Be short."), ("user", "2 + 2?")), "4")
    assert (two.turns, two.chosen, two.rejected) == ((("user", "2 + 2?"),), "4", "5")


def test_alpaca_history_is_part_of_the_conversation(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", {"instruction": "c", "output": "d", "history": [["a", "b"]]})
    assert read_external(path, "instruction")[0].turns == (("user", "a"), ("assistant", "b"), ("user", "c"))


@pytest.mark.parametrize("text", ["", "\n \n", "\ufeff", "[]", "[\n]\n"])
def test_file_without_rows_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "rows.jsonl").write_text(text)
    for read in (detect_format, lambda path: read_external(path, "messages")):
        with raises_code("no-rows"):
            read(tmp_path / "rows.jsonl")


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
    with raises_code("unknown-rows"):
        detect_format(path)
    with raises_code("unknown-rows"):
        detect_format(write(tmp_path / "text.jsonl", "[" * 10_000))
    with raises_code("bad-row"):
        read_external(write(tmp_path / "p.jsonl", {"prompt": "a", "chosen": "b", "rejected": "b"}), "preference")
