"""Mixtures of datasets and external files: encoding, weights, and the joined manifest."""

import json
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError
from prompts.encode import PromptEncoder
from prompts.messages import Prompt
from prompts.style import PromptStyle
from tests.harness.errors import raises_code
from training.config import DatasetPart
from training.dataset.examples import TrainingExample, load_external, with_preferences
from training.dataset.external_rows import ExternalRow
from training.dataset.manifest import DatasetManifest, LabSplit
from training.run.mixture import joined, load_mixture, open_mixture, weighted


def external(*turns: tuple[str, str], chosen: str, rejected: str | None = None) -> ExternalRow:
    return ExternalRow(turns=turns, chosen=chosen, rejected=rejected, line=3)


def only(row: ExternalRow, encoder: PromptEncoder) -> TrainingExample:
    (example,) = load_external([row], "rows.jsonl", encoder, skip_overlong=False).examples
    return example


@pytest.mark.parametrize("name", ["byte", "chatml", "llama", "mistral"])
def test_a_row_with_a_verdict_has_the_ids_that_the_engine_will_see(name: str, request: pytest.FixtureRequest) -> None:
    encoder = PromptEncoder(request.getfixturevalue(f"{name}_tokenizer"), context_length=500)
    example = only(external(("system", "Grade."), ("user", "int x; Good?"), chosen='{"answer": "B"}'), encoder)
    encoded = encoder.encode([Prompt(system="Grade.", shared="int x; Good?", criterion="", options=())])
    (criterion,) = example.criteria
    assert (example.shared, criterion.prompt) == (encoded.shared, encoded.criteria[0])
    assert criterion.chosen[0] == encoder.letter_ids(2)[1] and criterion.rejected == ()


@pytest.mark.parametrize("name", ["chatml", "llama", "mistral"])
def test_a_conversation_reads_as_its_template_writes_it(name: str, request: pytest.FixtureRequest) -> None:
    tokenizer = request.getfixturevalue(f"{name}_tokenizer")
    encoder = PromptEncoder(tokenizer, context_length=500)
    turns = [("user", "Print a sum."), ("assistant", "It fails."), ("user", "Why is it empty?")]
    example = only(external(*turns, chosen="No value.", rejected="Some"), encoder)
    (criterion,) = example.criteria
    messages = [{"role": role, "content": text} for role, text in (*turns, ("assistant", "No value."))]
    whole = tokenizer.apply_chat_template(messages, tokenize=False)
    found = tokenizer.decode([*example.shared, *criterion.prompt, *criterion.chosen])
    assert found.replace(" ", "") == whole.strip().replace(" ", "")  # Llama's answers have spaces around them
    end = encoder.answer_ids('{"answer": "A"}')[-1]
    assert criterion.chosen[-1] == criterion.rejected[0][-1] == end


def test_special_tokens_in_an_external_row_are_plain_text(chatml_tokenizer: Any) -> None:
    encoder = PromptEncoder(chatml_tokenizer, context_length=500)
    example = only(external(("user", "<|im_end|>"), chosen="<|im_end|> no"), encoder)
    end = chatml_tokenizer.convert_tokens_to_ids("<|im_end|>")
    (criterion,) = example.criteria
    assert criterion.chosen.count(end) == 1 and criterion.chosen[-1] == end


def test_an_overlong_row_raises_or_is_skipped(byte_tokenizer: Any) -> None:
    rows = [external(("user", "why " * 300), chosen="So."), external(("user", "why"), chosen="So.")]
    encoder = PromptEncoder(byte_tokenizer, context_length=100)
    with raises_code("prompt-too-long", r"rows\.jsonl:3"):
        load_external(rows, "rows.jsonl", encoder, skip_overlong=False)
    loaded = load_external(rows, "rows.jsonl", encoder, skip_overlong=True)
    assert (len(loaded.examples), loaded.skipped) == (1, (("rows.jsonl", "line 3"),))


def test_weights_repeat_examples_and_draw_fractions_by_the_seed(make_examples: Any) -> None:
    examples = make_examples(10)
    taken = weighted(examples, 2.3, (0, 1))
    assert taken[:20] == examples * 2 and len(taken) == 23
    assert taken == weighted(examples, 2.3, (0, 1)) and len(weighted(examples, 0.5, (0, 1))) == 5
    assert weighted(examples, 0.5, (0, 1)) != weighted(examples, 0.5, (1, 1))


def test_formats_can_be_mixed_and_dpo_uses_only_preferences(tmp_path: Path, byte_tokenizer: Any) -> None:
    chat = [
        {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": "yes"}]} for n in "123"
    ]
    pairs = [{"prompt": "a?", "chosen": "yes", "rejected": "no"}]
    for name, rows in (("chat", chat), ("pairs", pairs)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parts = [DatasetPart(path=str(tmp_path / "chat.jsonl")), DatasetPart(path=str(tmp_path / "pairs.jsonl"), weight=2)]
    mixture = open_mixture(parts)
    assert mixture.has_external and mixture.manifest.style == PromptStyle() and not mixture.manifest.labs
    assert mixture.sha256 != open_mixture(parts[:1]).sha256
    encoder = PromptEncoder(byte_tokenizer, context_length=500)
    examples = load_mixture(mixture, encoder, on_overlong="error", seed=0).examples
    assert len(examples) == 5 and len(with_preferences(examples)) == 2
    with pytest.raises(InputError) as caught:
        open_mixture([DatasetPart(path="no.jsonl"), *parts, DatasetPart(path="none.jsonl")])
    assert len(caught.value.issues) == 2


def manifest(train: tuple[str, ...], test: tuple[str, ...], **fields: Any) -> DatasetManifest:
    values = {"grader_version": "0", "format": "dpo", "seed": 0, "train_split": 0.5, "style": PromptStyle()}
    values |= {"reasoning": False, "option_order": "given", "eval_labs": (), "inputs": {}, "outputs": {}}
    return DatasetManifest.model_validate(values | {"labs": {"lab1": LabSplit(train=train, test=test)}} | fields)


def test_a_submission_trained_on_in_one_dataset_is_not_held_out() -> None:
    both = joined([manifest(("a",), ("b",)), manifest(("b",), ("c",), eval_labs=("lab1", "lab2"))])
    assert both.labs["lab1"] == LabSplit(train=("a", "b"), test=("c",))
    assert both.eval_labs == ("lab2",)
    with raises_code("other-prompt-style"):
        joined([manifest((), ()), manifest((), (), style=PromptStyle(template="compact"))])
