"""Every issue code is explained in `error_codes`, documented, and triggered by a test."""

import ast
import re
from pathlib import Path

import pytest

from labs_schema.error_codes import DATASET_CODES, ERROR_CODES, LAB_CODES, OPTION_CODES
from labs_schema.errors import IssueCollector
from labs_schema.reading.rubric_json import parse_rubric

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/lab-format.md"
KEBAB = re.compile(r"[a-z]+(-[a-z0-9]+)+")
NOT_CODES = {"utf-8", "utf-16", "utf-8-sig"}
TESTED_ELSEWHERE = {"no-labs", "no-source", "cannot-write"}
"""Codes of arguments, of `grader grade FILE` and of the lab writer: no damage to a lab's file triggers them."""


def strings(package: str) -> set[str]:
    return {
        node.value
        for path in (ROOT / package).rglob("*.py")
        if path.name != "error_codes.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def issue_codes(package: str) -> set[str]:
    """First arguments of `error(...)`, and `code=` arguments of `Issue(...)`."""
    return {
        str(node.value)
        for path in (ROOT / package).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("error", "Issue")
        for node in (*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "code"))
        if isinstance(node, ast.Constant)
    }


def test_every_code_in_labs_schema_has_a_meaning() -> None:
    found = strings("labs_schema")
    assert {text for text in found if KEBAB.fullmatch(text)} - NOT_CODES <= set(LAB_CODES) <= found


@pytest.mark.parametrize("package", ["training", "grader", "prompts"])
def test_every_code_in_other_packages_has_a_meaning(package: str) -> None:
    assert issue_codes(package) <= set(ERROR_CODES)


def test_codes_are_unique_kebab_case_with_a_one_sentence_meaning() -> None:
    assert len(ERROR_CODES) == len(LAB_CODES) + len(DATASET_CODES) + len(OPTION_CODES)
    for code, meaning in ERROR_CODES.items():
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", code), code
        assert meaning.endswith(".") and "\n" not in meaning, code


def test_every_lab_code_is_triggered_by_a_test() -> None:
    tests = "".join(
        (ROOT / "tests/labs_schema" / f"test_damaged_{what}.py").read_text() for what in ("tables", "submissions")
    )
    triggered = set(re.findall(r'"([a-z0-9-]+)",\s+(?:ERROR|WARNING)\b', tests))
    assert triggered == set(LAB_CODES) - TESTED_ELSEWHERE


def test_every_lab_code_is_documented() -> None:
    documented = re.findall(r"^\| `([a-z0-9-]+)` \| (?:error|warning)", PAGE.read_text(), re.M)
    assert sorted(documented) == sorted(LAB_CODES)


def test_documented_rubric_example_is_valid() -> None:
    example = PAGE.read_text().split("```json")[1].split("```")[0]
    issues = IssueCollector("lab")
    criteria = parse_rubric(example, issues)
    assert criteria and criteria[0].max_marks == 2 and issues.issues() == ()
