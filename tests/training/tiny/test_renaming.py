"""Renaming changes only a program's variables."""

import random
import re

from hypothesis import given
from hypothesis import strategies as st

from training.tiny.renaming import rename_identifiers, rename_in_prompt

PROGRAM = """#include <stdio.h>
/* total of it */
int main(void) {
    int total = 0, number; // total
    while (scanf("%d total", &number) == 1) total += number;
    printf("%d\\n", total);
    if (total > number) point.total = MAX_SIZE;
    return total;
}
"""


def test_a_variable_is_renamed_consistently() -> None:
    renamed = rename_identifiers(PROGRAM, random.Random(1))
    (total,) = re.findall(r"return (\w+);", renamed)
    assert total != "total" and f"int {total} = 0" in renamed and f"if ({total} > " in renamed
    assert len(set(re.findall(r"&(\w+)\)|> (\w+)\)", renamed)[0])) == 2


def test_calls_members_constants_strings_and_comments_stay() -> None:
    renamed = rename_identifiers(PROGRAM, random.Random(1))
    for unchanged in (
        "<stdio.h>",
        "/* total of it */",
        "// total",
        '"%d total"',
        "printf(",
        "scanf(",
        ".total",
        "MAX_SIZE",
    ):
        assert unchanged in renamed
    assert "int main(void)" in renamed and "while (" in renamed


def test_two_variables_get_different_names() -> None:
    names = [f"name{i}" for i in range(300)]
    renamed = rename_identifiers("; ".join(names), random.Random(0)).split("; ")
    assert len(set(renamed)) == 300


@given(st.text(max_size=200))
def test_any_text_keeps_its_punctuation(text: str) -> None:
    renamed = rename_identifiers(text, random.Random(0))
    assert re.sub(r"\w", "", renamed) == re.sub(r"\w", "", text)


def test_in_a_prompt_only_the_code_changes() -> None:
    shared = f"Print the total of a number.\n<student-code>\n{PROGRAM}</student-code>\n"
    renamed = rename_in_prompt(shared, random.Random(1))
    assert renamed.startswith("Print the total of a number.\n<student-code>\n") and renamed != shared
    assert renamed.endswith("</student-code>\n")
