"""Comparisons, diagnostics and reports of unit tests."""

import pytest

from labs_schema.checks.models import Compare, ProgramTest
from serving.observing import comparison
from serving.observing.comparison import ComparisonError, output_fits
from serving.observing.diagnostics import parse_diagnostics
from serving.observing.unit_reports import ReportError, junit_cases, tap_cases

COMPARISONS = [
    ("exact", "1 2\n", "1 2\n", True),
    ("exact", "1 2\n", "1 2", False),
    ("whitespace", "1 2\n", "1\n2", True),
    ("whitespace", "1 2", "12", False),
    ("whitespace", "yes", "Yes", False),
    ("float", "0.5 x", "0.5000001 x", True),
    ("float", "0.5", ".5", True),
    ("float", "1000000", "1000000.5", True),
    ("float", "0.5", "0.6", False),
    ("float", "1 2", "1", False),
    ("float", "1", "nan", False),
    ("float", "1", "inf", False),
    ("float", "1", "1_0", False),
    ("float", "nan", "nan", True),
    ("regex", r"\b2\s*\Z", "The answer is 2\n", True),
    ("regex", "^b$", "a\nb\nc", True),
    ("regex", "2", "1", False),
]


@pytest.mark.parametrize(("compare", "expected", "output", "fits"), COMPARISONS)
def test_comparison(compare: str, expected: str, output: str, fits: bool) -> None:
    assert output_fits(ProgramTest(name="a", stdout=expected, compare=Compare(compare)), output) is fits


def test_case_is_ignored_on_request() -> None:
    for compare in Compare:
        test = ProgramTest(name="a", stdout="yes", compare=compare, ignore_case=True)
        assert output_fits(test, "YES"), compare


def test_output_that_blocks_a_pattern_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "PATTERN_SECONDS", 0.05)
    test = ProgramTest(name="a", stdout="^(a|aa)+$", compare=Compare.REGEX)
    with pytest.raises(ComparisonError):
        output_fits(test, "a" * 60 + "c")


DIAGNOSTICS = [
    ("main.c:3:5: error: expected ';'", ("main.c", 3, "error", "expected ';'")),
    ("/work/a/b.c:3: warning: unused", ("a/b.c", 3, "warning", "unused")),
    ("x.c:1:10: fatal error: a.h: No such file", ("x.c", 1, "error", "a.h: No such file")),
    ("Main.java:7: warning: [rawtypes] raw", ("Main.java", 7, "warning", "[rawtypes] raw")),
    ("main.rs:3:5: error[E0308]: mismatched", ("main.rs", 3, "error", "mismatched")),
    ("./main.go:3:2: undefined: x", ("main.go", 3, "error", "undefined: x")),
    ("a.py:2: SyntaxWarning: \"is\" with a literal", ("a.py", 2, "warning", "\"is\" with a literal")),
    ("  File \"a.py\", line 2\n    x = (\n        ^\nSyntaxError: open", ("a.py", 2, "error", "SyntaxError: open")),
    ("/work/m.js:3\nlet = ;\n    ^\n\nSyntaxError: Unexpected", ("m.js", 3, "error", "SyntaxError: Unexpected")),
    ("/usr/bin/ld: /tmp/x.o: undefined reference to `f'", ("", None, "error", "undefined reference to `f'")),
]  # fmt: skip


@pytest.mark.parametrize(("output", "expected"), DIAGNOSTICS)
def test_diagnostics_of_compilers(output: str, expected: tuple[str, int | None, str, str]) -> None:
    [found] = parse_diagnostics(output)
    assert (found.filename, found.line, found.severity, found.text) == expected


def test_notes_and_other_lines_are_no_diagnostics() -> None:
    assert parse_diagnostics("main.c: In function 'main':\nmain.c:3:5: note: here\n    3 | int x\n") == ()


def test_huge_output_of_a_compiler_is_read_in_part() -> None:
    assert 0 < len(parse_diagnostics("a.c:1:1: error: x\n" * 1_000_000)) < 50_000


def test_junit_report() -> None:
    report = b"<testsuites><testsuite><testcase name='a'/><testcase name='b'><failure message='1 != 2'/></testcase>"
    report += b"<testcase name='c'><skipped/></testcase></testsuite></testsuites>"
    assert [tuple(case) for case in junit_cases(report)] == [("a", True, ""), ("b", False, "1 != 2")]


DOCTYPE = "<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite><testcase name='&a;'/></testsuite>"


@pytest.mark.parametrize("report", [b"", b"<a", b"<testsuite/>", DOCTYPE.encode(), DOCTYPE.encode("utf-16")])
def test_reports_that_are_not_junit_are_rejected(report: bytes) -> None:
    with pytest.raises(ReportError):
        junit_cases(report)


def test_tap_report() -> None:
    cases = tap_cases("1..4\nok 1 - adds\nnot ok 2 - subtracts\nok 3 # skip no reason\nnot ok 4 - later # TODO\n")
    assert [(case.name, case.passed) for case in cases] == [("adds", True), ("subtracts", False), ("later", True)]
    assert [case.passed for case in tap_cases("1..3\nok 1")] == [True, False, False]
    with pytest.raises(ReportError):
        tap_cases("hello")
