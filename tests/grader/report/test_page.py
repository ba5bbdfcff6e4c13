"""The report is one self-contained file without student ids, and no text in it becomes markup."""

import base64
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest

from grader.evaluation import MAJORITY, TUNED, Evaluation, RunComparison, RunDifference
from grader.report.page import ReportSource, write_report
from grader.token_cost import Cost
from labs_schema.hashes import submission_key
from labs_schema.models import Lab
from serving.measures.decisions import Decision
from serving.measures.inter_annotator import InterAnnotatorAgreement
from serving.measures.resampling import Estimate

Evaluate = Callable[[Mapping[str, Lab]], tuple[Evaluation, dict[str, list[Decision]]]]


class Page(HTMLParser):
    """The parsed tags of a page, with their attributes, and the text of each `script`."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[str] = []
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self.lasttag == "script":
            self.scripts.append(data)

    def values(self, *names: str) -> list[str]:
        return [value for _, attributes in self.tags for name, value in attributes.items() if name in names]


def report(evaluated: Evaluate, lab: Lab, folder: Path, cost: Cost | None = None) -> str:
    evaluation, decided = evaluated({lab.name: lab})
    evaluation = evaluation.model_copy(update={"cost": cost})
    write_report(ReportSource(evaluation, decided, {lab.name: lab}), folder / "report.html")
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def source(evaluated: Evaluate, hostile_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of the hostile lab."""
    return report(evaluated, hostile_lab, tmp_path_factory.mktemp("report"))


def test_hostile_text_becomes_no_tag_and_no_attribute(source: str) -> None:
    page = Page(source)
    tags = Counter(tag for tag, _ in page.tags)
    assert tags["script"] == 1 and not tags.keys() & {"i", "u", "iframe", "object", "link", "svg"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "owned" not in "".join(page.scripts[:1])


def test_content_security_policy_allows_only_the_own_script(source: str) -> None:
    page = Page(source)
    policy = next(
        attributes["content"] for tag, attributes in page.tags if "Policy" in attributes.get("http-equiv", "")
    )
    allowed = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    assert policy == f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"


def test_file_loads_nothing_else_and_its_links_have_targets(source: str) -> None:
    page = Page(source)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {f"#{name}" for name in ids} >= set(page.values("href"))
    assert all(url.startswith("data:image/svg+xml;base64,") for url in page.values("src", "srcset"))
    assert "@import" not in source and "url(" not in source


def test_misgraded_submissions_are_listed_by_pseudonym(source: str, evaluated: Evaluate, hostile_lab: Lab) -> None:
    _, decided = evaluated({hostile_lab.name: hostile_lab})
    wrong = {d.student for each in decided.values() for d in each if d.grader not in (None, d.human)}
    keys = {f"w-{submission_key(hostile_lab.name, student)}" for student in wrong}
    page = Page(source)
    assert wrong and {each["id"] for tag, each in page.tags if tag == "details" and "id" in each} == keys
    assert "secretid" not in source


def test_figures_have_alternative_text_and_tables_a_caption(source: str) -> None:
    page = Page(source)
    figures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert len(figures) == 5
    assert all(len(attributes["alt"]) > 20 for attributes in figures)
    tags = [tag for tag, _ in page.tags]
    assert all(tags[i + 1] == "caption" for i, tag in enumerate(tags) if tag == "table")


def test_unknown_facts_are_left_out(evaluated: Evaluate, make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    plain = report(evaluated, make_lab(students=8), tmp_path)
    assert 'id="cost"' not in plain and 'id="learning"' not in plain and 'id="compared"' not in plain
    cost = Cost(submissions=8, questions=16, prompt_tokens=900, uncached_tokens=500, seconds=36, price_per_hour=2)
    assert "0.0200 at 2 per hour" in report(evaluated, make_lab(students=8), tmp_path, cost)


def test_optional_sections_are_shown(evaluated: Evaluate, make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    lab = make_lab(students=8)
    evaluation, decided = evaluated({lab.name: lab})
    ((name, group),) = evaluation.groups.items()
    known = Estimate(value=0.875, low=0.8, high=0.9)
    tas = InterAnnotatorAgreement(units=7, students=5, pairwise=known, alpha=known, grader=known, raters={})
    figures, differences = group.graders[TUNED], group.differences[MAJORITY]
    compared = RunDifference(
        first=figures,
        second=figures,
        differences=differences,
        p_values={"agreement": 0.042},
        both=11,
        only_first=2,
        only_second=1,
        neither=2,
    )
    updates = {"inter_annotator": tas, "differences_over_labs": group.differences}
    full = evaluation.model_copy(
        update={
            "groups": {name: group.model_copy(update=updates)},
            "compared": RunComparison(first="run-a", second="run-b", groups={name: compared}),
        }
    )
    write_report(ReportSource(full, decided, {lab.name: lab}), tmp_path / "full.html")
    source = (tmp_path / "full.html").read_text(encoding="utf-8")
    for text in (
        "Inter-annotator agreement",
        "run-a compared with run-b",
        "p = 0.0420",
        "never below 0.0002",
        "with intervals over labs",
        "ECE, calibrated",
    ):
        assert text in source
    assert "gave another rating in 0.0%" in source.replace("\n", " ")
