import time

import numpy as np
import pytest

from training.dataset.source_tokens import SHINGLE, shingles, tokens

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


def test_layout_comments_names_and_quoted_text_do_not_count() -> None:
    assert same(PROGRAM, PROGRAM.replace("    ", "\t\n  ").replace("++)", " ++ )\n"))
    assert same(PROGRAM, PROGRAM.replace("/* the sum */", "").replace("// add", "// not at all the same"))
    assert same(PROGRAM, PROGRAM.replace("total", "my_sum"))
    assert same(PROGRAM, PROGRAM.replace('"%d\\n"', '"the \\"answer\\" is %d // really"'))


def test_signs_numbers_and_keywords_count() -> None:
    assert not same(PROGRAM, PROGRAM.replace("i < 10", "i > 10"))
    assert not same(PROGRAM, PROGRAM.replace("10", "11"))
    assert not same(PROGRAM, PROGRAM.replace("return 0;", "break;"))


def test_python_has_its_own_comments() -> None:
    assert list(tokens('x = y // 2  # half\n"""a\n"text\n"""', "Python")) == ["i", "=", "i", "/", "/", "2", '"']


@pytest.mark.parametrize("text", ['"', "/* never ended", "'\\", "`", "int x = '", "é ∑ \x0b"])
def test_broken_programs_are_read(text: str) -> None:
    assert len(shingles([text, text], "Java")) <= 1


def test_a_short_program_is_one_shingle_and_an_empty_one_has_none() -> None:
    assert len(shingles(["return 0;"], "C")) == 1
    assert not same("return 0;", "return 1;")
    assert len(shingles(["  // nothing"], "C")) == 0
    assert len(shingles([" ".join(map(str, range(20)))], "C")) == 20 - SHINGLE + 1


@pytest.mark.parametrize("piece", ["/*", '"', "'\\", "`\\", '"""', "/", "\\", "# "])
def test_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    start = time.process_time()
    for language in ("C", "Python"):
        shingles([piece * (200_000 // len(piece))], language)
    assert time.process_time() - start < 5
