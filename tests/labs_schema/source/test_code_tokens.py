"""Code tokens and the hashes of their n-grams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labs_schema.source.code_tokens import BUCKETS, code_tokens, ngrams
from labs_schema.source.languages import LANGUAGES


def test_names_comments_and_layout_do_not_change_the_tokens() -> None:
    first = 'int sum(int a) {\n    /* mine */ int total = 0; printf("%d", total);\n}'
    second = 'int sum(int x){ int s = 0;\nprintf("%d", s); // yours\n}'
    assert code_tokens(first, "C") == code_tokens(second, "C")


@pytest.mark.parametrize(
    ("first", "second"),
    [("x = 1;", "x = 2;"), ("x = a;", "x == a;"), ('puts("a");', 'puts("b");'), ("gets(s);", "puts(s);")],
)
def test_literals_operators_and_called_names_change_the_tokens(first: str, second: str) -> None:
    assert code_tokens(first, "C") != code_tokens(second, "C")


@given(st.text(), st.sampled_from(LANGUAGES))
def test_any_text_has_hashes_in_range(text: str, language: str) -> None:
    assert all(0 <= ngram < BUCKETS for ngram in ngrams(code_tokens(text, language), 3))


def test_ngrams_depend_on_order_and_length() -> None:
    assert ngrams(["a", "b"], 1) == ngrams(["b", "a"], 1)
    assert ngrams(["a", "b"], 2) != ngrams(["b", "a"], 2)
    assert len(ngrams(["a", "b", "c"], 3)) == 6
    assert ngrams([], 3) == set()
