"""The documentation is complete: generated pages are up to date, named files exist, every page is in the navigation."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest
import yaml

from serving.scoring.triage import ReviewCode

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PACKAGES = ("grader", "labs_schema", "prompts", "serving", "training")

specification = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
assert specification and specification.loader
generate = importlib.util.module_from_spec(specification)
specification.loader.exec_module(generate)


@pytest.mark.parametrize("page", generate.PAGES)
def test_a_generated_page_is_up_to_date(page: str) -> None:
    assert (DOCS / "reference" / page).read_text(encoding="utf-8") == generate.content(page), "python docs/generate.py"


def test_the_generated_client_is_up_to_date() -> None:
    outdated = [path.name for path, source in generate.client_modules().items() if path.read_text("utf-8") != source]
    assert outdated == [], "python docs/generate.py"


def test_every_setting_is_documented() -> None:
    source = "\n".join(path.read_text() for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    page = (DOCS / "reference/settings.md").read_text(encoding="utf-8")
    assert {name for name in re.findall(r"\bGRADER_[A-Z]+\b", source) if name not in page} == set()


def test_every_issue_code_of_a_lab_is_documented() -> None:
    page = "".join(
        (DOCS / "reference" / name).read_text(encoding="utf-8")
        for name in ("lab-format.md", "platforms.md", "checks.md")
    )
    documented = set(re.findall(r"^\| `([a-z0-9-]+)` \| (?:error|warning)", page, re.M))
    raised = {
        node.args[0].value
        for path in (ROOT / "labs_schema").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("error", "warning")
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    assert raised
    assert raised - documented == set()


def test_every_review_code_is_documented() -> None:
    page = (DOCS / "guide/grading-requests.md").read_text(encoding="utf-8")
    assert [code for code in ReviewCode if f"| `{code}` |" not in page] == []


def test_every_file_named_in_the_architecture_exists() -> None:
    named = re.findall(r"\| `([^`]+/[^`]+)` \|", (DOCS / "guide/architecture.md").read_text(encoding="utf-8"))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_source_file_named_in_the_docs_exists() -> None:
    folders = "|".join((*PACKAGES, "benchmarks", "deploy", "docs", "tests"))
    path = re.compile(rf"(?<![\w/.-])(?:{folders})/[\w./-]+\.(?:conf|html|json|md|py|service|sql|svg|yaml)\b")
    pages = [ROOT / "README.md", *DOCS.rglob("*.md")]
    named = [(page.name, name) for page in pages for name in path.findall(page.read_text(encoding="utf-8"))]
    assert len(named) > 50
    assert [(page, name) for page, name in named if not (ROOT / name).is_file()] == []


def test_every_page_is_in_the_navigation() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = {page for section in yaml.safe_load(text)["nav"] for page in _pages(section)}
    assert {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} == listed


def _pages(entry: object) -> set[str]:
    if isinstance(entry, str):
        return {entry}
    children = entry.values() if isinstance(entry, dict) else entry
    return {page for child in children for page in _pages(child)}  # type: ignore[attr-defined]
