import time

import numpy as np
import pytest

from labs_schema.near_copies.source_tokens import SHINGLE, behaviour_tokens, shingles, tokens

PROGRAM = """#include <stdio.h>
int main(void) {
    int total = 0;  /* the sum */
    for (int i = 0; i < 10; i++) total += i;  // add
    printf("%d\\n", total);
    return 0;
}
"""


def same(one: str, other: str, language: str = "C") -> bool:
    return np.array_equal(shingles([one], language), shingles([other], language))


def test_layout_comments_names_and_strings_are_ignored() -> None:
    assert same(PROGRAM, PROGRAM.replace("    ", "\t\n  ").replace("++)", " ++ )\n"))
    assert same(PROGRAM, PROGRAM.replace("/* the sum */", "").replace("// add", "// not at all the same"))
    assert same(PROGRAM, PROGRAM.replace("total", "my_sum"))
    assert same(PROGRAM, PROGRAM.replace('"%d\\n"', '"the \\"answer\\" is %d // really"'))


def test_operators_numbers_and_keywords_matter() -> None:
    assert not same(PROGRAM, PROGRAM.replace("i < 10", "i > 10"))
    assert not same(PROGRAM, PROGRAM.replace("10", "11"))
    assert not same(PROGRAM, PROGRAM.replace("return 0;", "break;"))


def test_python_comments_start_with_a_hash() -> None:
    assert list(tokens('x = y // 2  # half\n"""a\n"text\n"""', "Python")) == ["i", "=", "i", "/", "/", "2", '"']


@pytest.mark.parametrize("text", ['"', "/* never ended", "'\\", "`", "int x = '", "é ∑ \x0b"])
def test_invalid_programs_are_read(text: str) -> None:
    assert len(shingles([text, text], "Java")) <= 1


def test_short_programs_have_one_shingle_and_empty_ones_none() -> None:
    assert len(shingles(["return 0;"], "C")) == 1
    assert not same("return 0;", "return 1;")
    assert len(shingles(["  // nothing"], "C")) == 0
    assert len(shingles([" ".join(map(str, range(20)))], "C")) == 20 - SHINGLE + 1


@pytest.mark.parametrize("piece", ["/*", '"', "'\\", "`\\", '"""', "/", "\\", "# "])
def test_time_is_linear_in_the_length_of_hostile_text(piece: str) -> None:
    start = time.process_time()
    for language in ("C", "Python"):
        shingles([piece * (200_000 // len(piece))], language)
    assert time.process_time() - start < 5


def test_behaviour_ignores_layout_comments_and_names_of_variables() -> None:
    other = PROGRAM.replace("total", "my_sum").replace("/* the sum */", "").replace("    ", "\t").replace("i++", "i ++")
    assert list(behaviour_tokens(PROGRAM, "C")) == list(behaviour_tokens(other, "C"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"%d\\n"', '"%d"'), ("printf", "print"), ("total += i", "i += total"), ("i < 10", "i > 10"), ("10", "11"),
        ("int total", "long total"), ("stdio.h", "math.h"),
    ],
)  # fmt: skip
def test_what_changes_behaviour_is_a_difference(old: str, new: str) -> None:
    assert old in PROGRAM
    assert list(behaviour_tokens(PROGRAM, "C")) != list(behaviour_tokens(PROGRAM.replace(old, new), "C"))


def test_members_and_functions_stay_and_compared_variables_are_numbered() -> None:
    assert list(behaviour_tokens("if a > b.size: f(p->n, a)", "Python"))[:6] == ["if", "i0", ">", "i1", ".", "size"]
    assert list(behaviour_tokens("f(p->n, a)", "C")) == ["f", "(", "i0", "-", ">", "n", ",", "i1", ")"]
