import json

import pytest

from prompts.messages import Prompt
from training.dataset.pairs import RatedPrompt
from training.dataset.row_formats import RowFormat, json_lines

PROMPT = Prompt(system="Grade.", shared="code é\u2028\n", criterion="Which?", options=("B", "A", "C"))
RATED = RatedPrompt("lab1", "0f", "Is it right?", PROMPT, '{"answer": "B"}', ('{"answer": "A"}', '{"answer": "C"}'))


def rows(row_format: RowFormat, rated: RatedPrompt = RATED) -> list[dict[str, object]]:
    return [json.loads(line) for line in json_lines([rated], row_format)]


def test_dpo_has_a_pair_for_each_wrong_rating() -> None:
    one, two = rows("dpo")
    assert (one["chosen"], one["rejected"], two["rejected"]) == (RATED.chosen, *RATED.rejected)
    assert str(one["prompt"])[: int(str(one["shared_chars"]))] == PROMPT.shared
    assert one["options"] == ["B", "A", "C"]


def test_other_formats_have_the_right_verdict_only() -> None:
    (sft,), (messages,), (instruction,) = rows("sft"), rows("messages"), rows("instruction")
    assert (sft["prompt"], sft["completion"], sft["criterion"]) == (PROMPT.text, RATED.chosen, "Is it right?")
    assert messages == {
        "messages": [
            {"role": "system", "content": "Grade."},
            {"role": "user", "content": PROMPT.text},
            {"role": "assistant", "content": RATED.chosen},
        ]
    }
    assert instruction == {"instruction": "Grade.\n\nWhich?", "input": PROMPT.shared, "output": RATED.chosen}


def test_an_empty_system_prompt_gives_no_system_message() -> None:
    (row,) = rows("messages", RATED._replace(prompt=PROMPT.model_copy(update={"system": ""})))
    assert json.dumps(row).count('"role"') == 2


@pytest.mark.parametrize("row_format", ["dpo", "sft", "messages", "instruction"])
def test_a_row_is_one_ascii_line(row_format: RowFormat) -> None:
    for line in json_lines([RATED], row_format):
        assert len(line.decode().splitlines()) == 1
        assert line.isascii()
