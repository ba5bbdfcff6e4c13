"""Grading lexes a program once: redaction, detector, prompts and verification pass share the result."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from cachetools import LRUCache, cached

from labs_schema.limits import LexerLimits
from labs_schema.models import Person, SourceFile, Submission
from labs_schema.privacy.name_matching import NameMatcher
from labs_schema.privacy.redaction import with_redactions
from labs_schema.source import lexer
from serving.engines.engine import LabelScores

PROGRAM = """#include <stdio.h>
/* {author} */
int main(void) {{
    printf("The longest word is %s\\n", "{mark}");
    return 0;
}}
"""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Text -> how often the lexer ran on it, with an empty cache."""
    counts: Counter[str] = Counter()
    scan = lexer.scan

    def counted(text: str, language: str) -> Iterator[lexer.Span]:
        counts[text] += 1
        return scan(text, language)

    monkeypatch.setattr(lexer, "scan", counted)
    return counts


def submission(mark: str, author: str = "nothing to see") -> Submission:
    """`mark` makes the text unique to a test, so that it is not in the cache."""
    files = tuple(
        SourceFile(path=path, text=PROGRAM.format(author=author, mark=f"{mark} {path}")) for path in ("a.c", "b.c")
    )
    return Submission(student="s1", folder="s1@course", files=files)


def accepted(orders: int) -> list[LabelScores]:
    """Confident answers to a criterion of three ratings and one of two, again and again."""
    three = LabelScores((math.log(0.97), math.log(0.02), math.log(0.01)))
    two = LabelScores((math.log(0.97), math.log(0.03)))
    return [three] * orders + [two] * orders + [three] * orders + [two] * orders


@pytest.mark.parametrize("orders", [1, 2])
def test_each_file_is_lexed_once_in_grade_each(
    make_lab: Any, fake_engine: Any, fake_grader: Any, runs: Counter[str], orders: int
) -> None:
    lab = make_lab(students=1)
    fake_grader.verification_pass, fake_grader.orders = True, orders
    fake_engine.script = accepted(orders)
    work = submission(f"once {orders}")
    fake_grader.grade_each([(lab, work)])
    assert runs == {file.text: 1 for file in work.files}


def test_intake_and_grading_lex_a_redacted_file_once_and_its_sanitized_copy_once(
    make_lab: Any, fake_engine: Any, fake_grader: Any, runs: Counter[str]
) -> None:
    lab = make_lab(students=1)
    fake_grader.verification_pass = True
    fake_engine.script = accepted(1)
    names = NameMatcher([Person(first="Mario", last="Rossi")])
    work = with_redactions(submission("redacted", author="Mario Rossi"), lab.language, names)
    assert work.redactions == ("Mario Rossi",)
    fake_grader.grade_each([(lab, work)])
    assert max(runs.values()) == 1 and {file.text for file in work.files} <= set(runs)
    assert len(runs) <= 2 * len(work.files)


def test_least_recently_used_results_are_dropped_at_the_size_limit(runs: Counter[str]) -> None:
    assert lexer._lexed.cache.maxsize == LexerLimits().cache_bytes
    small = cached(LRUCache(1_000, getsizeof=lexer._size))(lexer._lexed.__wrapped__)
    first, second, third, long = "1" * 100, "2" * 100, "3" * 100, "4" * 1000  # no spans: the text alone counts
    for text in (first, second, first, third, first, second, long, long):
        small(text, "C")
    assert runs == {first: 1, second: 2, third: 1, long: 2}
