"""`grader generate`: prompts in, answers out, with the chat template and reproducible sampling."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader.cli import app
from labs_schema.errors import InputError
from serving.model.generation import read_prompts

ROWS = [
    {"prompt": "int main"},
    {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "x"}]},
]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["generate", *map(str, arguments), "--engine", "transformers", "--max-tokens", "12"])


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    (tmp_path / "prompts.jsonl").write_text("\n".join(map(json.dumps, ROWS * 20)) + "\n\n")
    return tmp_path / "prompts.jsonl"


def answers(*arguments: object) -> list[dict[str, object]]:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_every_row_gets_an_answer_in_order_and_sampling_repeats_by_seed(prompts: Path, tiny_model_folder: Path) -> None:
    sample = ["--model", tiny_model_folder, "--prompts", prompts, "--temperature", "1"]
    first, again, other = answers(*sample), answers(*sample), answers(*sample, "--seed", "100")
    assert [each["number"] for each in first] == list(range(40))
    assert first == again != other
    assert len({str(each["text"]) for each in first[::2]}) > 1  # equal prompts of a file get draws of their own
    greedy = answers("--model", tiny_model_folder, "--prompts", prompts)
    assert len({str(each["text"]) for each in greedy[::2]}) == 1


def test_the_answer_follows_the_chat_template(tiny_model_folder: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model_folder)
    model = AutoModelForCausalLM.from_pretrained(tiny_model_folder, dtype="bfloat16")
    ids = tokenizer("<bos>Hello\n", return_tensors="pt", add_special_tokens=False)
    written = model.generate(**ids, max_new_tokens=12, do_sample=False)[0, ids["input_ids"].shape[1] :]
    result = run("--model", tiny_model_folder, "Hello")
    assert result.stdout.rstrip("\n") == tokenizer.decode(written, skip_special_tokens=True).rstrip("\n")


def test_a_prompt_that_does_not_fit_is_an_error_of_its_row(tmp_path: Path, tiny_model_folder: Path) -> None:
    rows = [{"prompt": "x " * 5000}, {"prompt": "x"}]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    result = run("--model", tiny_model_folder, "--prompts", tmp_path / "p.jsonl", "--out", tmp_path / "a.jsonl")
    long, short = map(json.loads, (tmp_path / "a.jsonl").read_text().splitlines())
    assert result.exit_code == 1
    assert (long["finish"], "overlong" in long["error"], "text" in short) == ("error", True, True)


@pytest.mark.parametrize(
    "row", ["{}", "[]", "x", '{"prompt": ""}', '{"prompt": 3}', '{"prompt": "a", "messages": []}x',
            '{"messages": [{"role": "tool", "content": "a"}]}',
            '{"messages": [{"role": "assistant", "content": "a"}]}'],
)  # fmt: skip
def test_wrong_rows_are_listed_by_line(tmp_path: Path, row: str) -> None:
    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": "fine"}\n' + row + "\n")
    with pytest.raises(InputError) as error:
        read_prompts(path)
    assert [(issue.code, issue.line) for issue in error.value.issues] == [("bad-prompt-row", 2)]


def test_a_plain_file_is_one_prompt(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text("two\nlines\n")
    assert [row.turns for row in read_prompts(tmp_path / "p.txt")] == [[("user", "two\nlines\n")]]
