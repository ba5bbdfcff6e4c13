import copy
from pathlib import Path
from typing import Any

import pytest

from prompts import manifest as manifests
from prompts.manifest import (
    check_manifest,
    prompt_hash,
    read_manifest,
    tokenizer_hash,
    write_manifest,
)
from prompts.style import PromptStyle
from tests.harness.errors import raises_code


def test_manifest_round_trip(tmp_path: Path, byte_tokenizer: Any, manifest_of: Any) -> None:
    manifest = manifest_of(byte_tokenizer, PromptStyle(system="Be fair."), stages=("sft", "dpo"))
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("text", [None, "", "{}", '{"base_model": 3}', "[]"])
def test_missing_or_invalid_manifest_raises_model_error(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with raises_code("bad-model-manifest", r"manifest\.json"):
        read_manifest(tmp_path)


def test_tokenizer_hash_survives_saving_and_use(tmp_path: Path, chatml_tokenizer: Any, manifest_of: Any) -> None:
    from transformers import PreTrainedTokenizerFast

    manifest = manifest_of(chatml_tokenizer)
    chatml_tokenizer.save_pretrained(tmp_path)
    again = PreTrainedTokenizerFast.from_pretrained(tmp_path)
    again(["a", "b c d"], padding=True, truncation=True, max_length=8)
    check_manifest(manifest, again)


def test_different_tokenizer_is_rejected(byte_tokenizer: Any, chatml_tokenizer: Any, manifest_of: Any) -> None:
    with raises_code("model-differs", "tokenizer"):
        check_manifest(manifest_of(byte_tokenizer), chatml_tokenizer)


def test_tokenizer_hash_covers_vocabulary_and_special_tokens(byte_tokenizer: Any) -> None:
    more, other_end = copy.deepcopy(byte_tokenizer), copy.deepcopy(byte_tokenizer)
    more.add_tokens(["printf"])
    other_end.eos_token = "<pad>"
    assert len({tokenizer_hash(t) for t in (byte_tokenizer, more, other_end)}) == 3


def test_different_chat_template_is_rejected(chatml_tokenizer: Any, manifest_of: Any) -> None:
    other = copy.deepcopy(chatml_tokenizer)
    other.chat_template += " "
    with raises_code("model-differs", "chat template") as error:
        check_manifest(manifest_of(chatml_tokenizer), other)
    assert "tokenizer differ" not in str(error.value)


DATED = (
    "{%- set today = strftime_now('%d %b %Y') -%}"
    + """{%- for m in messages -%}
<|im_start|>{{ m.role }} on {{ today }}, {{ date_string }}: {{ m.content }}<|im_end|>
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant on {{ today }}, {{ date_string }}: {%- endif -%}"""
)


def at(day: str) -> Any:
    """transformers' clock on `day`."""
    import datetime

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.datetime.fromisoformat(day).replace(tzinfo=tz)

    return Clock


def test_a_template_with_todays_date_renders_the_same_bytes_on_any_day(
    chatml_tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers.utils import chat_template_utils

    from prompts.encode import PromptEncoder
    from prompts.messages import Prompt

    dated = copy.deepcopy(chatml_tokenizer)
    dated.chat_template = DATED
    prompt = Prompt(system="Be fair.", shared="int main;", criterion="Ok?", options=("A", "B"))
    found = []
    for day in ("2026-11-28", "2027-01-01"):
        monkeypatch.setattr(chat_template_utils, "datetime", at(day))
        turns = [{"role": "user", "content": "x"}]
        assert day[:4] in dated.apply_chat_template(turns, tokenize=False, date_string=day)  # the clock is in use
        encoder = PromptEncoder(dated, context_length=1024)
        conversation = encoder.encode_turns([("user", "x")], ["y"])
        found.append((encoder.encode([prompt]), conversation, prompt_hash(PromptStyle(), dated)))
    assert found[0] == found[1]
    assert "26 Jul 2024, 26 Jul 2024" in dated.decode(found[0][0].shared)


def test_a_template_that_renders_differently_is_rejected(
    chatml_tokenizer: Any, manifest_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest, render = manifest_of(chatml_tokenizer), type(chatml_tokenizer).apply_chat_template
    changed = lambda *args, **kwargs: render(*args, **kwargs).replace("friendly", "strict")  # noqa: E731
    monkeypatch.setattr(type(chatml_tokenizer), "apply_chat_template", changed)
    with raises_code("model-differs", "chat template"):
        check_manifest(manifest, chatml_tokenizer)


def test_prompt_hash_covers_every_style_field(byte_tokenizer: Any) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"template": "compact"},
        {"system": "x"},
        {"verbose": True},
        {"problem_chars": 150},
        {"description_chars": 80},
    ]
    assert len({prompt_hash(PromptStyle(**change), byte_tokenizer) for change in changes}) == len(changes)


def test_changed_template_text_is_rejected(
    byte_tokenizer: Any, monkeypatch: pytest.MonkeyPatch, manifest_of: Any
) -> None:
    manifest = manifest_of(byte_tokenizer)
    check_manifest(manifest, byte_tokenizer)
    worded = manifests.template_text("full").replace("Which", "What")
    monkeypatch.setattr(manifests, "template_text", lambda _: worded)
    with raises_code("model-differs", "templates"):
        check_manifest(manifest, byte_tokenizer)
