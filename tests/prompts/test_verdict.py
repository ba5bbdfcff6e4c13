import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.verdict import LETTERS, OPENING, Verdict, parse_verdict, verdict_text

ANY_LETTER = st.sampled_from(LETTERS)


@given(ANY_LETTER, st.none() | st.text())
def test_verdict_equals_json_dumps(letter: str, reasoning: str | None) -> None:
    text = verdict_text(letter, reasoning)
    whole = {"answer": letter} if reasoning is None else {"answer": letter, "reasoning": reasoning}
    assert text == json.dumps(whole, ensure_ascii=False)
    assert text[: len(OPENING) + 1] == OPENING + letter


@given(ANY_LETTER, st.none() | st.text())
def test_verdict_round_trip(letter: str, reasoning: str | None) -> None:
    assert parse_verdict(verdict_text(letter, reasoning)) == Verdict(letter=letter, reasoning=reasoning)


@pytest.mark.parametrize(
    "text",
    [
        *("", "A", '{"answer": "A"', '{"answer": "A"} ', ' {"answer": "A"}', '{"answer":"A"}', '{"answer": "a"}'),
        *(
            '{"answer": ""}',
            '{"answer": "AB"}',
            '{"answer": "A", "reasoning": null}',
            '{"answer": "A", "reasoning": "x}',
        ),
        *('{"answer": "A", "reasoning": "x", "reasoning": "y"}', '{"answer": "A", "reasoning": "\\u00e9"}'),
        *('{"answer": "A", "reasoning": "x"}{"answer": "B"}', '{"answer": "A", "reasoning": "a\nb"}'),
        *('{"answer": "A", "answer": "B"}', '{"answer": "A", "reasoning": ' + "[" * 100_000 + '"}', OPENING),
    ],
)
def test_other_text_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"verdict|letter|reasoning|Invalid|Extra|Unterminated"):
        parse_verdict(text)


@given(st.text() | st.text('{}"answer: ABreasoning,\\', max_size=30).map(OPENING.__add__))
def test_parsed_verdicts_are_canonical(text: str) -> None:
    try:
        verdict = parse_verdict(text)
    except ValueError:
        return
    assert verdict_text(verdict.letter, verdict.reasoning) == text


@pytest.mark.parametrize("letter", ["", "a", "AB", "É", "1"])
def test_only_a_letter_can_be_written(letter: str) -> None:
    with pytest.raises(ValueError, match="letter"):
        verdict_text(letter)
