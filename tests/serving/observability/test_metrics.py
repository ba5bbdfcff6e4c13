"""What can be counted is counted, under labels that are few and hold no word of a student's."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from labs_schema.models import Lab, SourceFile, Submission
from serving import triage
from serving.api.engine_thread import EngineThread
from serving.engines.engine import EngineFailure
from serving.observability.metrics import INLINE, OTHER, Metrics
from serving.observability.review_kinds import KINDS, review_kind

DASHBOARD = Path(__file__).parents[3] / "serving" / "observability" / "grafana.json"
MARK = "zoe-marker-7731"


def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of their names...) -> value, as Prometheus would read it."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def graded(metrics: Metrics, grader: Any, lab: Lab, *programs: str) -> dict[tuple[str, ...], float]:
    thread = EngineThread(lambda: metrics.watched(grader), watches=[metrics])
    metrics.watch_queue(thread)
    work = [Submission(student=MARK, folder=MARK, files=(SourceFile(path="a.c", text=text),)) for text in programs]
    for future in [thread.submit(lab, submission) for submission in work]:
        future.result(5)
    thread.close()
    return read(metrics)


def test_grades_are_counted_by_lab_outcome_and_kind_of_review(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab]
) -> None:
    fake_engine.script = [EngineFailure(f"no answer to {MARK}")]
    metrics = Metrics(["one"])
    found = graded(metrics, fake_grader, make_lab("one"), f"int x; // {MARK}\n", "")
    assert found["grader_criteria_total", "one", "ungraded"] == 3
    assert found["grader_criteria_total", "one", "accepted"] == 1
    assert found["grader_reviews_total", "ungraded"] == 3
    assert found["grader_label_mass_count",] == 1
    assert MARK not in metrics.text().decode()


def test_every_stage_of_a_submission_is_timed(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    found = graded(Metrics(), fake_grader, make_lab(), "int x;\n", "int y;\n")
    for stage in ("waiting", "preparing", "engine", "total"):
        assert found["grader_stage_seconds_count", stage] == 2
    parts = sum(found["grader_stage_seconds_sum", stage] for stage in ("waiting", "preparing", "engine"))
    assert parts == pytest.approx(found["grader_stage_seconds_sum", "total"], abs=0.01)


def test_a_labs_name_is_a_label_only_where_it_is_registered(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    metrics = Metrics(["one"])
    graded(metrics, fake_grader, make_lab("one"), "int x;\n")
    graded(metrics, fake_grader, make_lab(f"made up {MARK}"), "int x;\n")
    found = graded(metrics, fake_grader, make_lab(""), "int x;\n")
    assert {key[1] for key in found if key[0] == "grader_criteria_total"} == {"one", OTHER, INLINE}


def test_queue_cache_and_jobs_are_asked_when_the_metrics_are_read(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab]
) -> None:
    fake_engine.cache_counts = lambda: (100, 75)
    metrics = Metrics()
    states = {"running": 1}
    metrics.watch_jobs(lambda: states)
    found = graded(metrics, fake_grader, make_lab(), "int x;\n")
    assert found["grader_queue_length", "interactive"] == found["grader_queue_length", "background"] == 0
    assert found["grader_prefix_cache_tokens_total", "looked_up"] == 100
    assert found["grader_prefix_cache_tokens_total", "found"] == 75
    states["running"] = 2
    assert read(metrics)["grader_jobs", "running"] == 2


def test_an_engine_that_fails_wholly_costs_no_count_and_what_is_counted_costs_no_grade(
    fake_grader: Any, make_lab: Callable[..., Lab]
) -> None:
    class Broken:
        def graded(self, *_: object) -> None:
            raise RuntimeError(MARK)

    thread = EngineThread(lambda: fake_grader, watches=[Broken()])
    lab = make_lab(students=1)
    assert thread.submit(lab, lab.submissions[0]).result(5).lab == lab.name
    thread.close()


def test_every_reason_of_triage_has_a_kind_of_its_own_and_what_is_unknown_is_other() -> None:
    reasons = [value for name, value in vars(triage).items() if name.isupper() and isinstance(value, str)]
    assert {review_kind(f"{reason} (0.31 < 0.50)") for reason in reasons} <= set(KINDS.values())
    assert review_kind("suspicious text: comment at zoe.c:3") == "suspicious text"
    assert review_kind(MARK) == "other"


def test_every_query_of_the_dashboard_names_a_metric_that_there_is(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab]
) -> None:
    fake_engine.cache_counts = lambda: (1, 1)
    metrics = Metrics()
    metrics.watch_jobs(lambda: {"running": 1})
    metrics.request("/grade", "POST", 200, 0.1)
    names = {key[0] for key in graded(metrics, fake_grader, make_lab(), "int x;\n", "")}
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(queries) >= 8
    for query in queries:
        asked = re.findall(r"grader_\w+", query)
        assert asked and set(asked) <= names, query
