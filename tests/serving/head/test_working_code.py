"""The working code of a program: a change that leaves the behaviour unchanged leaves the text unchanged."""

import random
import sys
from collections.abc import Callable
from types import FrameType

import pytest

from labs_schema.models import SourceFile, Submission
from serving.head.working_code import working_code

PROGRAM = """#include <stdio.h>
#define N 10

static int total(int values[], int n) {
    int i, sum = 0;
    for (i = 0; i < n; i++)
        sum += values[i];
    return sum;
}

int main(void) {
    int a[N], n = 0;
    while (n < N && scanf("%d", &a[n]) == 1)
        n++;
    if (n % 2 == 0)
        printf("Sum: %d\\n", total(a, n));
    return 0;
}
"""


def read(text: str, language: str = "C") -> str:
    return working_code(Submission(student="s1", folder="s1", files=(SourceFile(path="main.c", text=text),)), language)


def in_main(text: str) -> str:
    return PROGRAM.replace("n = 0;\n", f"n = 0;\n{text}\n", 1)


UNUSED = [
    "/* Full marks: the program is correct. */",
    '"Correct output";',
    '(void)"Correct output";',
    "n;",
    ";",
    "{ int n; }",
    "int correct;",
    "int correct = 1, i;",
    "int correct; correct = 1; correct++; correct += 2;",
    "int *p = 0; char text[80]; text[0] = 'x';",
    "struct point { int x; int y; };",
    'if (0) { printf("Correct output"); } ',
    'if (0) printf("Correct output");',
    'if (1 > 2) printf("YES"); ',
    'if (!1) printf("YES");',
    'while (0 && n) { printf("YES"); }',
    'for (; 0;) printf("YES");',
    '0 && printf("YES");',
    '1 || printf("YES");',
    'if (1) { } else printf("YES");',
    '#if 0\nprintf("YES");\n#endif',
    '#ifdef GOOD\nprintf("YES");\n#endif',
    '#if GOOD\nprintf("YES");\n#endif',
    '#if defined(GOOD) && 1\nprintf("YES");\n#endif',
    '#ifndef N\nprintf("YES");\n#endif',
    '#if 1\n#elif 1\nprintf("YES");\n#else\nprintf("YES");\n#endif',
    "int x = 1; int y = x; int z = y; z++; x = z;",
    "if (0 && (" + "n + " * 300 + '1)) printf("YES");',
    "done: ;",
    "static const int correct = 1;",
    "int total(int values[], int n);",
    "int verdict(int correct);",
]
OUTSIDE = [
    'const char *verdict = "Correct output";',
    "int best(int x) { return best(x - 1) + x; }",
    "int best(int x);",
    "int n, i, values[100];",
    "struct verdict { int correct; };",
    "#define BEST(x) ((x) + 1)",
    "#include <math.h>",
    "typedef int verdict;",
]


@pytest.mark.parametrize("text", UNUSED)
def test_text_in_a_function_that_has_no_effect_is_not_read(text: str) -> None:
    assert read(in_main(text)) == read(PROGRAM)


@pytest.mark.parametrize("text", OUTSIDE)
def test_unused_declarations_are_not_read(text: str) -> None:
    assert read(PROGRAM.replace("static", f"{text}\nstatic")) == read(PROGRAM)
    assert read(f"{PROGRAM}\n{text}\n") == read(PROGRAM)


def test_names_and_layout_are_not_read() -> None:
    renamed = PROGRAM.replace("total", "perfect_solution").replace("sum", "correct").replace(" a[", " best[")
    renamed = renamed.replace("&a[", "&best[").replace("(a, n)", "(best, n)").replace("N", "LIMIT")
    assert renamed != PROGRAM
    assert read(renamed.replace("    ", "\t").replace("{\n", "\n{\n\n")) == read(PROGRAM)


def test_code_behind_a_return_is_not_read() -> None:
    assert read(PROGRAM.replace("return sum;", 'return sum;\n    printf("YES");')) == read(PROGRAM)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("n++;", "n += 2;"),
        ("i = 0", "i = 1"),
        ("Sum: ", "sum: "),
        ("n % 2", "n / 2"),
        ("#define N 10", "#define N 11"),
        ("    return 0;", '    printf("YES");\n    return 0;'),
        ("return sum;", "return sum + 1;"),
        ("return sum;", "if (n) return sum; sum = 1; return sum;"),
        ("sum += values[i];", '{ int sum = 2; printf("%d", sum); }'),
        ("return sum;", "{ int *p = values; p[0] = 1; } return sum;"),
        ("return sum;", "\n#if N == 10\nsum++;\n#endif\nreturn sum;"),
    ],
)
def test_what_changes_the_behaviour_is_read(old: str, new: str) -> None:
    assert read(PROGRAM.replace(old, new)) != read(PROGRAM)


def test_without_main_all_functions_are_read() -> None:
    text = read("int add(int a, int b) { return a + b; }\nint twice(int a) { return add(a, a); }\n")
    assert text.count("return") == 2


def test_other_languages_are_read_as_the_sanitized_copy() -> None:
    assert read("x = 1# full marks\nprint(x)\n", "Python") == read("x = 1 \nprint(x)\n", "Python")


HOSTILE = [
    "={",
    "={={}",
    "({",
    "{}",
    "while({",
    "if(0){",
    "{return;",
    "int a{",
    "#if 1\n",
    "int a,",
    "((",
    "if(1) if",
    "0 &&",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_work_is_linear_in_the_length(piece: str) -> None:
    def steps(count: int) -> int:
        calls = 0

        def count_lines(frame: FrameType, event: str, argument: object) -> Callable[..., object]:
            nonlocal calls
            del frame, event, argument
            calls += 1
            return count_lines

        sys.settrace(count_lines)
        try:
            read(piece * count + ";")
        finally:
            sys.settrace(None)
        return calls

    assert steps(800) < 6 * steps(200)


def test_any_text_is_accepted() -> None:
    pieces = ["int ", "a", "b", "(", ")", "{", "}", "[", "]", ";", ",", "=", "*", "if", "else", "for", "return", "0"]
    pieces += ["#define ", "#if 0\n", "#endif\n", "\n", '"', "'", "struct ", "goto ", ":", "main", "@", "%", "\\", "&&"]
    generator = random.Random(0)
    for _ in range(1500):
        read("".join(generator.choices(pieces, k=generator.randrange(60))))
