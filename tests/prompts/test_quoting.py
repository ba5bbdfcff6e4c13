import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.quoting import ANGLE, BRACKET, quote, quote_name
from prompts.style import CODE_BEGIN, CODE_END

STRUCTURAL = [
    *("<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<PRE>", "<SUF>", "<MID>", "<EOT>", "<unk>", "<bos>"),
    *("<|begin_of_text|>", "<|start_header_id|>", "<|eot_id|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    *(
        "<|fim_prefix|>",
        "<|repo_name|>",
        "<|system|>",
        "<|user|>",
        "<|assistant|>",
        "<|end|>",
        "<tool_call>",
        "</think>",
    ),
    *("[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_CALLS]", "[IMG]", "[PREFIX]", "[SUFFIX]", "[control_8]"),
    *("<start_of_turn>", "<end_of_turn>", "<unused12>", "<fim_middle>", "<file_sep>"),
    *("<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cUser\uff5c>", CODE_BEGIN.strip(), CODE_END.strip()),
    *(
        "</student-observations>",
        "</student-file>",
        '<student-file name="x">',
        "<STUDENT-CODE>",
        '<student-code-left-out characters="9"/>',
    ),
]
CODE = [
    "#include <stdio.h>\nint a[N], b[MAX] = {0}; if (a<b || c>d) x <<= 2;\n",
    "std::vector<std::string> s; cout << s[0] << endl; cout<<x;\n",
    "Map<String, List<T>> map = new HashMap<>(); // <p>html</p> <filename>\n",
    "fn f<'a>(x: &'a [u8]) -> Option<S> { x.iter().map(|b| b).fold(0, |a, b| a | b) }\n",
    "let f = x |> g <|> h; r'\\s<\\w+>' '[^<]' <script> \r\n\x00\ufeff é 😀\n",
]
PIECES = st.lists(st.sampled_from([*STRUCTURAL, *"<[>]|/\\s\uff5c"]) | st.text(max_size=3), max_size=10).map("".join)


@pytest.mark.parametrize("text", STRUCTURAL)
def test_structural_strings_are_escaped_everywhere(text: str) -> None:
    assert text not in quote(f"a{text}{text}b")
    assert quote(text).replace("\\", "") == text


@pytest.mark.parametrize("text", CODE)
def test_code_without_structural_strings_is_unchanged(text: str) -> None:
    assert quote(text) == text


@given(PIECES)
def test_quoting_is_reversible(text: str) -> None:
    quoted = re.compile(rf"(<)\\(?={ANGLE})|(\[)\\(?={BRACKET})")
    assert quoted.sub(lambda match: match[1] or match[2], quote(text)) == text


@given(PIECES)
def test_quoting_only_adds_backslashes(text: str) -> None:
    quoted = quote(text)
    assert not [token for token in STRUCTURAL if token in quoted]
    assert quoted.replace("\\", "") == text.replace("\\", "")
    assert len(quoted) > len(text) or quoted == text


def test_text_quoted_by_a_student_stays_distinguishable() -> None:
    assert quote("<\\s>") == "<\\\\s>" != quote("<s>")


def test_quoted_file_name_is_one_printable_line() -> None:
    name = quote_name('a"\n\r\x00\u2028\u202eé</student-file>\\.c')
    assert name == '\\"'.join(["a", "\\n\\r\\x00\\u2028\\u202eé<\\/student-file>\\\\.c"])


@given(st.text(), st.text())
def test_quoted_file_names_are_unique(one: str, other: str) -> None:
    assert quote_name(one).isprintable()
    assert (quote_name(one) == quote_name(other)) == (one == other)
