"""Every code of an issue or error is explained in `issues.yaml`; codes of labs are documented and tested."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs_schema.errors import IssueCollector, issue_texts
from labs_schema.rubrics.rubric_json import parse_rubric

LAB_CODES = {code for code, texts in issue_texts().items() if texts["group"] == "labs"}
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/lab-format.md"
KEBAB = re.compile(r"[a-z]+(-[a-z0-9]+)+")
NOT_CODES = {"utf-8", "utf-16", "utf-8-sig", "github-classroom", "multi-pass"} | {
    *("table-row", "table-cell", "covered-table-cell", "number-rows-repeated", "number-columns-repeated", "value-type")
}
TESTED_ELSEWHERE = {"no-labs", "no-source", "cannot-write"}
"""Codes of arguments, of `grader grade FILE` and of the lab writer: no damage to a lab's file triggers them."""


PACKAGES = ("labs_schema", "prompts", "training", "serving", "grader")


def nodes(*packages: str) -> Iterator[ast.AST]:
    for package in packages:
        for path in (ROOT / package).rglob("*.py"):
            yield from ast.walk(ast.parse(path.read_text()))


def strings(package: str) -> set[str]:
    return {node.value for node in nodes(package) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def issue_codes(package: str) -> set[str]:
    """The codes of `error_issue(...)`."""
    return {
        str(node.value)
        for call in nodes(package)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "error_issue"
        for node in call.args[:1]
        if isinstance(node, ast.Constant)
    }


def test_every_code_in_labs_schema_has_a_meaning() -> None:
    found = strings("labs_schema")
    assert {text for text in found if KEBAB.fullmatch(text)} - NOT_CODES <= issue_texts().keys()
    assert found >= LAB_CODES


@pytest.mark.parametrize("package", ["training", "grader", "prompts"])
def test_every_code_in_other_packages_has_a_meaning(package: str) -> None:
    assert issue_codes(package) <= issue_texts().keys()


def test_every_error_class_has_a_code_with_a_meaning() -> None:
    classes = {node.name: node for node in nodes(*PACKAGES) if isinstance(node, ast.ClassDef)}
    errors, found = {"GraderError"}, 0
    while len(errors) > found:
        found = len(errors)
        errors |= {name for name, node in classes.items() for base in node.bases if ast.unparse(base) in errors}
    assert len(errors) > 15
    for name in errors:
        texts = [ast.unparse(node) for node in classes[name].body]
        codes = [found[1] for text in texts if (found := re.fullmatch(r"code(?:: str)? = '([a-z-]+)'", text))]
        assert len(codes) == 1 and (name == "GraderError" or codes[0] in issue_texts()), name


def test_every_error_without_its_own_class_states_a_code_with_a_meaning() -> None:
    calls = [
        node
        for node in nodes(*PACKAGES)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("GraderError", "ModelError")
    ]
    codes = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "code"]
    assert len(codes) == len(calls) > 80
    assert {str(code.value) for code in codes if isinstance(code, ast.Constant)} <= issue_texts().keys()


def test_no_code_occurs_twice() -> None:
    """The YAML parser would keep the last one without a word."""
    text = (ROOT / "labs_schema/issues.yaml").read_text()
    codes = re.findall(r"^  ([a-z0-9-]+):$", text, re.M)
    assert len(codes) == len(set(codes)) == len(issue_texts())


def test_codes_are_kebab_case_with_a_one_sentence_meaning() -> None:
    for code, texts in issue_texts().items():
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", code), code
        assert texts["meaning"].endswith(".") and "\n" not in texts["meaning"], code


def test_every_issue_has_all_its_texts() -> None:
    calls = [node for node in nodes(*PACKAGES) if isinstance(node, ast.Call) and node.args]
    made = [call for call in calls if re.search(r"(\.error|\.warning|\berror_issue)$", ast.unparse(call.func))]
    codes = [(call, str(call.args[0].value)) for call in made if isinstance(call.args[0], ast.Constant)]
    codes = [(call, code) for call, code in codes if len(call.args) > 1 and KEBAB.fullmatch(code)]
    assert len(codes) > 200
    for call, code in codes:
        given = {keyword.arg for keyword in call.keywords} | issue_texts()[code].keys()
        assert given >= {"found", "expected", "hint"} or None in given, ast.unparse(call)


def test_every_lab_code_is_triggered_by_a_test() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests/labs_schema").rglob("test_damaged_*.py"))
    triggered = set(re.findall(r'"([a-z0-9-]+)",\s+(?:ERROR|WARNING)\b', tests))
    assert triggered == LAB_CODES - TESTED_ELSEWHERE


def test_every_lab_code_is_documented() -> None:
    documented = re.findall(r"^\| `([a-z0-9-]+)` \| (?:error|warning)", PAGE.read_text(), re.M)
    assert sorted(documented) == sorted(LAB_CODES)


def test_documented_rubric_example_is_valid() -> None:
    example = PAGE.read_text().split("```json")[1].split("```")[0]
    issues = IssueCollector("lab")
    criteria = parse_rubric(example, issues)
    assert criteria and criteria[0].max_marks == 2 and issues.issues() == ()
