"""Metrics are labelled by course, and every query of the dashboard finds its metrics."""

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import promql_parser as promql
import pytest
from prometheus_client.parser import text_string_to_metric_families

from serving.jobs.repository import JobRepository
from serving.store.errors import StoreError

DASHBOARD = Path(__file__).parents[4] / "serving" / "observability" / "grafana.json"
FILES = {"files": [{"filename": "main.c", "content": "int main(void) { return 4; }\n"}]}
GRADE = {"lab": "lab1", "submission": FILES}
EMPTY = {"lab": "lab1", "submission": {"files": [{"filename": "main.c", "content": ""}]}}
MARK = "zoe-marker-7731"
RUBRIC = {
    "problem": MARK,
    "language": MARK,
    "criteria": [{"id": MARK, "title": MARK, "ratings": [{"id": "A"}, {"id": "B"}]}],
}

Scraped = dict[str, list[dict[str, str]]]
"""Sample name -> the labels of each."""


@pytest.fixture
def scraped(department: Any) -> str:
    """`/metrics` after three courses were graded and clients requested unknown courses and labs."""
    metrics = department.telemetry.metrics
    metrics.watch_queue(department.engine)
    metrics.watch_jobs(JobRepository(department.store.database))
    every = department.key(None, "admin")
    with department.serve() as client:
        department.add("cs103", "0", department.courses.course("cs101").labs["lab1"])
        for course, body in product(("cs101", "cs102", "cs103"), (GRADE, EMPTY)):
            assert client.post("/grade", json=body, headers=department.key(course)).status_code == 200
        for course, body in ((MARK, GRADE), ("cs101", {**GRADE, "lab": MARK})):
            assert client.post("/grade", params={"course": course}, json=body, headers=every).status_code in (404, 422)
        department.damaged.add("5")
        department.add("cs104", "5", department.courses.course("cs101").labs["lab1"])
        assert client.post("/grade", json=GRADE, headers=department.key("cs104")).status_code == 503
        inline = {**RUBRIC, "submission": FILES, "student": MARK}
        assert client.post("/grade", params={"course": "cs101"}, json=inline, headers=every).status_code == 200
        return str(client.get("/metrics", headers=every).text)


def test_removed_and_unknown_courses_are_not_labels(department: Any) -> None:
    metrics, every = department.telemetry.metrics, department.key(None, "admin")
    metrics.watch_queue(department.engine)
    metrics.watch_courses(department.courses.names)
    with department.serve() as client:

        def counted() -> set[tuple[str, ...]]:
            text = client.get("/metrics", headers=every).text
            return {(name, *labels.values()) for name, all_of in samples(text).items() for labels in all_of}

        for course in ("cs101", "cs102"):
            assert client.post("/grade", json=EMPTY, headers=department.key(course)).status_code == 200
        before = counted()
        assert any("cs101" in each for each in before)
        for number in range(50):
            response = client.post("/grade", params={"course": f"made-up-{number}"}, json=GRADE, headers=every)
            assert response.status_code == 422
        assert len({each for each in counted() - before if each[0] == "grader_requests_total"}) == 2  # one GET /metrics
        assert not any("made-up" in label for each in counted() for label in each)
        department.registry.remove("cs101", actor="test")
        after = counted()
        assert not any("cs101" in each for each in after)
        assert {each for each in before if "cs102" in each} <= after
        department.add("cs101", "0", department.courses.course("cs102").labs["lab1"])
        assert client.post("/grade", json=EMPTY, headers=department.key("cs101")).status_code == 200
        assert {each for each in before if "cs101" in each} <= counted()


def test_counts_survive_an_unavailable_store(department: Any) -> None:
    def away() -> tuple[str, ...]:
        raise StoreError("away")

    metrics, key = department.telemetry.metrics, department.key("cs101")
    metrics.watch_courses(away)
    with department.serve() as client:
        assert client.post("/grade", json=GRADE, headers=key).status_code == 200
    assert b'grader_stage_seconds_count{course="cs101"' in metrics.text()


def samples(scraped: str) -> Scraped:
    found: Scraped = {}
    for family in text_string_to_metric_families(scraped):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def test_served_courses_are_labels_and_client_text_is_not(scraped: str) -> None:
    found = samples(scraped)
    for name in (
        "grader_stage_seconds_count",
        "grader_criteria_total",
        "grader_reviews_total",
        "grader_label_mass_count",
        "grader_queue_length",
    ):
        assert {labels["course"] for labels in found[name]} == {"cs101", "cs102", "cs103"}, name
    labs = {(labels["course"], labels["lab"]) for labels in found["grader_criteria_total"]}
    assert labs == {("cs101", "lab1"), ("cs101", "(inline rubric)"), ("cs102", "lab1"), ("cs103", "lab1")}
    assert MARK not in scraped


def test_every_dashboard_query_selects_existing_series(scraped: str) -> None:
    found, board = samples(scraped), json.loads(DASHBOARD.read_text(encoding="utf-8"))
    variables = {each["name"]: each for each in board["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    [name, label] = re.findall(r"label_values\((\w+), (\w+)\)", variables["course"]["query"])[0]
    assert {labels[label] for labels in found[name]} == {"cs101", "cs102", "cs103"}
    queries = 0
    for panel in board["panels"]:
        for shown in (variables["course"], panel):
            assert shown["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        for target in panel["targets"]:
            queries += 1
            check(target["expr"].replace("$course", "cs101|cs103"), target["legendFormat"], found)
    assert queries >= 8


def test_a_query_without_matching_series_is_detected() -> None:
    found: Scraped = {"up": [{"course": "cs101", "kind": "a"}]}
    check('sum by (kind) (rate(up{course=~"cs101|cs103"}[5m]))', "{{kind}}", found)
    for expr, legend in (
        ("sum by (kind) (rate(up[5m]) / ", ""),
        ("down", ""),
        ('up{room="a"}', ""),
        ('up{kind="b"}', ""),
        ("sum by (room) (up)", ""),
        ("sum by (course) (up)", "{{kind}}"),
        ("up", "{{room}}"),
    ):
        with pytest.raises((AssertionError, ValueError)):
            check(expr, legend, found)


def check(expr: str, legend: str, found: Scraped) -> None:
    """Raises ValueError for what is not PromQL, AssertionError where a selector finds no sample, or where a sample that
    it finds lacks a label by which it is summed or named."""
    summed: list[set[str]] = []

    def visit(node: promql.Expr) -> bool:
        if isinstance(node, promql.AggregateExpr) and node.modifier:
            summed.append(set(node.modifier.labels))
        if isinstance(node, promql.VectorSelector):
            chosen = [
                labels
                for labels in found.get(node.name or "", [])
                if all(fits(labels, wanted) for wanted in node.matchers.matchers)
            ]
            assert chosen, f"{expr}: {node} finds nothing"
            for labels in chosen:
                assert set().union(*summed, by_legend) <= set(labels), f"{expr}: no such label"
        return True

    by_legend = set(re.findall(r"{{(\w+)}}", legend))
    promql.walk(promql.parse(expr), visit)
    assert all(by_legend <= each for each in summed), f"{expr}: {legend} is summed away"


def fits(labels: dict[str, str], wanted: promql.Matcher) -> bool:
    if wanted.name not in labels:
        return False
    if wanted.op in (promql.MatchOp.Re, promql.MatchOp.NotRe):
        same = re.fullmatch(wanted.value, labels[wanted.name]) is not None
    else:
        same = wanted.value == labels[wanted.name]
    return same == (wanted.op in (promql.MatchOp.Equal, promql.MatchOp.Re))
