"""Every preset's kind of tokenizer: see the fixtures in tests/conftest.py."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labs_schema.errors import OverlongError
from labs_schema.models import Lab, SourceFile, Submission
from labs_schema.observations import CheckResult, SubmissionObservations
from prompts.encode import PromptEncoder
from prompts.messages import Prompt, build_prompts
from prompts.style import PromptStyle
from prompts.verdict import LETTERS, OPENING, verdict_text
from tests.harness.errors import raises_code

KINDS = ["byte_tokenizer", "chatml_tokenizer", "llama_tokenizer", "mistral_tokenizer"]
HOSTILE = st.lists(
    st.sampled_from(
        [
            *(
                "<s>",
                "</s>",
                "<unk>",
                "<bos>",
                "<eos>",
                "<pad>",
                "[INST]",
                "[/INST]",
                "<<SYS>>",
                "<</SYS>>",
                "[PREFIX]",
            ),
            *("<PRE>", "\u2581<PRE>", "<EOT>", "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<tool_call>"),
            *("</tool_call>", "<|fim_prefix|>", "<|im_", "start|>", "<", "|", "[", "]", "\\", "\u2581", " ", "\n"),
        ]
    )
    | st.text(max_size=5),
    max_size=12,
).map("".join)
STYLES = st.builds(
    PromptStyle, template=st.sampled_from(["full", "compact"]), system=st.sampled_from(["", "Be fair.\n"])
)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture
def encoder(tokenizer: Any) -> PromptEncoder:
    return PromptEncoder(tokenizer, context_length=4096)


def prompt(code: str = "int main;", system: str = "", criterion: str = "Ok?\nA) yes\nB) no") -> Prompt:
    shared = f"Square.\n<student-code>\n{code}\n</student-code>\n"
    return Prompt(system=system, shared=shared, criterion=criterion, options=("A", "B"))


def ran(output: str) -> SubmissionObservations:
    """A failed test with this output, also as its input, name and message."""
    check = CheckResult(check=output or "a", kind="test", outcome="failed", input=output, actual=output, message=output)
    return SubmissionObservations(submission="0" * 64, results=(check,))


def text_of(tokenizer: Any, ids: tuple[int, ...]) -> str:
    return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))


EXPECTED = {
    "byte": "<bos>{system}{gap}{user}\n{opening}",
    "chatml": "{turn}<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n{opening}",
    "llama": "<s> [INST] {sys}{user} [/INST] {opening}",
    "mistral": "<s>[INST] {system}{gap}{user}[/INST] {opening}",
}


@pytest.mark.parametrize("system", ["", "Be fair."])
def test_prompt_uses_the_tokenizer_s_chat_template(tokenizer: Any, encoder: PromptEncoder, system: str) -> None:
    one = prompt(system=system)
    encoded = encoder.encode([one])
    default = "<|im_start|>system\nYou are a friendly machine.<|im_end|>\n"
    assert text_of(tokenizer, encoded.shared + encoded.criteria[0]) == EXPECTED[tokenizer.name_or_path].format(
        system=system,
        gap="\n\n" if system else "",
        user=one.text,
        opening=OPENING,
        turn=f"<|im_start|>system\n{system}<|im_end|>\n" if system else default,
        sys=f"<<SYS>>\n{system}\n<</SYS>>\n\n" if system else "",
    )


@quick
@given(
    code=HOSTILE,
    name=HOSTILE,
    problem=HOSTILE,
    output=st.none() | HOSTILE,
    reasoning=st.none() | HOSTILE,
    style=STYLES,
)
def test_serving_ids_are_a_prefix_of_training_ids(
    encoder: PromptEncoder,
    make_lab: Any,
    code: str,
    name: str,
    problem: str,
    output: str | None,
    reasoning: str | None,
    style: PromptStyle,
) -> None:
    lab: Lab = make_lab().model_copy(update={"short_problem": problem})
    observed = None if output is None else ran(output)
    work = Submission(student="s1", folder="s1@c", files=(SourceFile(path=name, text=code),), observations=observed)
    prompts = build_prompts(lab, work, style)
    served = encoder.encode(prompts)
    assert len(prompts) == len(served.criteria) == 2
    for one, criterion, letter in zip(prompts, served.criteria, "BA", strict=True):
        row, cut = one.text, len(one.shared)  # what a training file keeps of a prompt
        read = Prompt(system=one.system, shared=row[:cut], criterion=row[cut:], options=one.options)
        trained = encoder.encode([read])
        answer = encoder.answer_ids(verdict_text(letter, reasoning))
        whole = trained.shared + trained.criteria[0] + answer
        prompt_ids = served.shared + criterion
        assert whole[: len(prompt_ids)] == prompt_ids
        assert whole[len(prompt_ids)] == encoder.letter_ids(2)[LETTERS.index(letter)]


@quick
@given(text=HOSTILE)
def test_untrusted_text_never_becomes_a_special_token(tokenizer: Any, encoder: PromptEncoder, text: str) -> None:
    def special(one: Prompt, verdict: str) -> list[int]:
        encoded = encoder.encode([one])
        ids = encoded.shared + encoded.criteria[0] + encoder.answer_ids(verdict)
        added = set(tokenizer.added_tokens_decoder) - {tokenizer.unk_token_id}
        return [i for i in ids if i in added]

    harmless = special(prompt(system="x"), verdict_text("A", "x"))
    # Not even quoted, as where another program wrote the training file.
    assert special(prompt(code=text, system=text + "x", criterion=text), verdict_text("A", text)) == harmless


def test_unquoted_special_tokens_are_split(chatml_tokenizer: Any) -> None:
    import copy

    from tokenizers import AddedToken

    odd = copy.deepcopy(chatml_tokenizer)
    odd.backend_tokenizer.add_tokens([AddedToken("<tool_call>@", special=False, normalized=False)])
    encoder = PromptEncoder(odd, context_length=100_000)
    ids = encoder.encode([prompt(code="a <tool_call>@ b" * 2000)]).shared
    assert odd.convert_tokens_to_ids("<tool_call>@") not in ids
    assert "a <tool_call>@ b" * 2000 in text_of(odd, ids)


@quick
@given(text=st.text().map(lambda text: text.replace("\u2581", "_")))
def test_ids_decode_to_the_prompt_text(tokenizer: Any, encoder: PromptEncoder, text: str) -> None:
    encoded = encoder.encode([prompt(code=text, criterion="Ok?" + text)])
    decoded = text_of(tokenizer, encoded.shared + encoded.criteria[0])
    assert prompt(code=text, criterion="Ok?" + text).text in decoded


def test_letters_are_distinct_single_tokens(tokenizer: Any, encoder: PromptEncoder) -> None:
    ids = encoder.letter_ids(26)
    assert tokenizer.convert_ids_to_tokens(list(ids)) == list(LETTERS)
    assert len(set(encoder.letter_ids(5))) == 5


@pytest.mark.parametrize("reasoning", [None, "It prints </s> and é."])
def test_answer_ids_are_letter_rest_and_end_of_turn(
    tokenizer: Any, encoder: PromptEncoder, reasoning: str | None
) -> None:
    verdict = verdict_text("B", reasoning)
    ids = encoder.answer_ids(verdict)
    assert ids[0] == encoder.letter_ids(2)[1]
    assert ids[-1] == tokenizer.eos_token_id
    assert OPENING + text_of(tokenizer, ids[:-1]) == verdict
    start = encoder.reasoning_ids("B")
    assert (ids[: len(start)] == start) == (reasoning is not None)


def test_encoder_does_not_modify_the_tokenizer(tokenizer: Any) -> None:
    before = tokenizer.backend_tokenizer.to_str()
    PromptEncoder(tokenizer, context_length=512).encode([prompt(code="</s>", system="x")])
    assert tokenizer.backend_tokenizer.to_str() == before
    assert tokenizer.backend_tokenizer.encode_special_tokens is False


LONG = "\n".join(f"int x{i} = {i};" for i in range(400))


def test_overlong_prompt_raises_overlong_error(tokenizer: Any) -> None:
    fitting = PromptEncoder(tokenizer, context_length=100_000).encode([prompt(code=LONG)])
    needed = len(fitting.shared) + len(fitting.criteria[0])
    PromptEncoder(tokenizer, context_length=needed + 64).encode([prompt(code=LONG)])
    with pytest.raises(OverlongError) as error:
        PromptEncoder(tokenizer, context_length=needed + 63).encode([prompt(code=LONG)])
    assert (error.value.needed, error.value.available) == (needed, needed - 1)


def test_truncation_is_marked_and_equal_for_all_criteria(tokenizer: Any) -> None:
    encoder = PromptEncoder(tokenizer, context_length=700, on_overlong="middle")
    both = [prompt(code=LONG, criterion="Ok?"), prompt(code=LONG, criterion="Good? " * 20)]
    encoded = encoder.encode(both)
    assert encoded.truncated and not encoder.encode([prompt()]).truncated
    length = len(encoded.shared) + max(map(len, encoded.criteria))
    assert 700 - 64 - 40 < length <= 700 - 64
    text = text_of(tokenizer, encoded.shared)
    assert "Square.\n<student-code>\nint x0 = 0;\nint x1 = 1;\n" in text
    assert text.endswith("\nint x399 = 399;\n</student-code>\n")
    head, tail = text.split('\n<student-code-left-out characters="')
    count, tail = tail.split('"/>\n')
    code = (head + "\n" + tail).split("<student-code>\n")[1].removesuffix("\n</student-code>\n")
    assert len(code) + int(count) == len(LONG)
    assert encoder.encode(both) == encoded


def test_truncation_fails_if_the_rest_is_too_long(tokenizer: Any) -> None:
    encoder = PromptEncoder(tokenizer, context_length=200, on_overlong="middle")
    with pytest.raises(OverlongError):
        encoder.encode([prompt(code=LONG, criterion="Ok? " * 300)])


def test_prompts_of_different_submissions_are_rejected(byte_tokenizer: Any) -> None:
    encoder = PromptEncoder(byte_tokenizer, context_length=512)
    for prompts in ([prompt(code="a"), prompt(code="b")], [prompt(), prompt(system="x")], []):
        with pytest.raises(ValueError, match="different submissions"):
            encoder.encode(prompts)


def test_tokenizer_without_letter_tokens_is_rejected() -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({"<unk>": 0, "<end>": 1, "A": 2}, unk_token="<unk>"))
    poor = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", eos_token="<end>", name_or_path="poor")
    with raises_code("unsupported-tokenizer", "'poor'.*B"):
        PromptEncoder(poor, context_length=512)


@pytest.mark.parametrize("template", ["{{ messages[0].content | upper }}", "{{ nothing.at_all.there }}", "hello"])
def test_chat_template_that_alters_text_is_rejected(byte_tokenizer: Any, template: str) -> None:
    import copy

    bent = copy.deepcopy(byte_tokenizer)
    bent.chat_template = template
    with raises_code("unsupported-tokenizer", "'byte'"):
        PromptEncoder(bent, context_length=512)


@pytest.mark.parametrize("system", ["", "Be fair."])
def test_segments_equal_the_ids_of_the_entire_prompt(tokenizer: Any, encoder: PromptEncoder, system: str) -> None:
    encoded = encoder.encode([prompt(system=system)])
    ids = encoded.shared + encoded.criteria[0]
    whole = text_of(tokenizer, ids).replace("<s> ", "<s>")  # Llama tokenizers add this space
    assert list(ids) == tokenizer(whole, add_special_tokens=False).input_ids


def test_a_shortened_program_keeps_its_observations(tokenizer: Any, make_lab: Any) -> None:
    encoder = PromptEncoder(tokenizer, context_length=2_000, on_overlong="middle")
    work = Submission(
        student="s1",
        folder="s1@c",
        files=(SourceFile(path="main.c", text="int x = 1;\n" * 5_000),),
        observations=ran("</student-code>"),
    )
    encoded = encoder.encode(build_prompts(make_lab(), work, PromptStyle()))
    text = text_of(tokenizer, encoded.shared)
    assert encoded.truncated and text.count("</student-observations>") == 1 and "first failure:" in text
