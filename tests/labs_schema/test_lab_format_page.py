"""docs/reference/lab-format.md names every issue there is, and every issue of a lab is shown by a damage."""

import ast
import re
from pathlib import Path

from labs_schema.errors import IssueCollector
from labs_schema.reading.rubric_json import parse_rubric

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reference/lab-format.md"
KEBAB = re.compile(r"[a-z]+(-[a-z0-9]+)+")
NO_FAULTS = {"utf-8", "utf-16", "utf-8-sig"}
SHOWN_ELSEWHERE = {"no-labs", "no-source", "cannot-write"}
"""Not issues of a lab's files: of the arguments, of `grade FILE` and of the writer, tested there."""


def documented() -> set[str]:
    return set(re.findall(r"^\| `([a-z0-9-]+)` \| (?:error|warning)", PAGE.read_text(), re.M))


def test_every_fault_code_of_the_source_is_on_the_page() -> None:
    in_source = {
        node.value
        for path in (ROOT / "labs_schema").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEBAB.fullmatch(node.value)
    }
    assert in_source - NO_FAULTS <= documented()


def test_every_fault_on_the_page_is_shown_by_a_damage() -> None:
    tests = "".join(
        (ROOT / "tests/labs_schema" / f"test_damaged_{what}.py").read_text() for what in ("tables", "submissions")
    )
    shown = set(re.findall(r'"([a-z0-9-]+)",\s+(?:ERROR|WARNING)\b', tests))
    assert shown == documented() - SHOWN_ELSEWHERE


def test_the_page_s_rubric_is_a_rubric() -> None:
    example = PAGE.read_text().split("```json")[1].split("```")[0]
    issues = IssueCollector("lab")
    criteria = parse_rubric(example, issues)
    assert criteria and criteria[0].max_marks == 2 and issues.issues() == ()
