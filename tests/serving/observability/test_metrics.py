"""Metrics of grading, with a fixed set of labels that never contain a student's text."""

import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from labs_schema.models import Lab, SourceFile, Submission
from serving.engines.engine import EngineFailure
from serving.observability.metrics import INLINE_RUBRIC, Metrics
from serving.scheduler.engine_thread import EngineThread

COURSE, MARK = "cs101", "zoe-marker-7731"


def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """(name, label values ordered by label name...) -> value, parsed as Prometheus does."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def graded(metrics: Metrics, grader: Any, lab: Lab, *programs: str) -> dict[tuple[str, ...], float]:
    thread = EngineThread(lambda: metrics.watched(grader), observers=[metrics])
    metrics.watch_queue(thread)
    work = [Submission(student=MARK, folder=MARK, files=(SourceFile(path="a.c", text=text),)) for text in programs]
    for future in [thread.submit(lab, submission, course=COURSE) for submission in work]:
        future.result(5)
    thread.close()
    return read(metrics)


def test_grades_are_counted_by_lab_outcome_and_review_kind(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab]
) -> None:
    fake_engine.script = [EngineFailure(f"no answer to {MARK}")]
    metrics = Metrics()
    found = graded(metrics, fake_grader, make_lab("one"), f"int x; // {MARK}\n", "")
    assert found["grader_criteria_total", COURSE, "one", "ungraded"] == 3
    assert found["grader_criteria_total", COURSE, "one", "accepted"] == 1
    assert found["grader_reviews_total", COURSE, "ungraded"] == 3
    assert found["grader_label_mass_count", COURSE] == 1
    assert MARK not in metrics.text().decode()


def test_stages_of_a_submission_are_timed(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    found = graded(Metrics(), fake_grader, make_lab(), "int x;\n", "int y;\n")
    for stage in ("waiting", "preparing", "engine", "total"):
        assert found["grader_stage_seconds_count", COURSE, stage] == 2
    parts = sum(found["grader_stage_seconds_sum", COURSE, stage] for stage in ("waiting", "preparing", "engine"))
    assert parts == pytest.approx(found["grader_stage_seconds_sum", COURSE, "total"], abs=0.01)


def test_inline_rubrics_share_one_label(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    metrics = Metrics()
    graded(metrics, fake_grader, make_lab("one"), "int x;\n")
    found = graded(metrics, fake_grader, make_lab(""), "int x;\n")
    assert {key[2] for key in found if key[0] == "grader_criteria_total"} == {"one", INLINE_RUBRIC}


def test_queue_and_cache_are_read_at_each_scrape(
    fake_grader: Any, fake_engine: Any, make_lab: Callable[..., Lab]
) -> None:
    fake_engine.cache_counts = lambda: (100, 75)
    metrics = Metrics()
    found = graded(metrics, fake_grader, make_lab(), "int x;\n")
    assert (
        found["grader_queue_length", COURSE, "interactive"] == found["grader_queue_length", COURSE, "background"] == 0
    )
    assert found["grader_prefix_cache_tokens_total", "looked_up"] == 100
    assert found["grader_prefix_cache_tokens_total", "found"] == 75


def test_counts_of_closed_engines_remain_but_not_the_engines(fake_grader: Any) -> None:
    class Cached:
        name, version, context_length, closed = "cached", "1", 10, False

        def cache_counts(self) -> tuple[int, int]:
            assert not self.closed
            return 100, 75

        def close(self) -> None:
            self.closed = True

    metrics, left = Metrics(), []
    for _ in range(3):
        fake_grader.engine = Cached()
        left.append(weakref.ref(fake_grader.engine))
        metrics.watched(fake_grader).close()
    fake_grader.engine = Cached()
    assert [engine() for engine in left] == [None] * 3
    metrics.watched(fake_grader)
    found = read(metrics)
    assert found["grader_prefix_cache_tokens_total", "looked_up"] == 400
    assert found["grader_prefix_cache_tokens_total", "found"] == 300


def test_queue_length_is_by_course(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    metrics, lab, going = Metrics(), make_lab(students=1), threading.Event()
    thread = EngineThread(lambda: (going.wait(5), fake_grader)[1], observers=[metrics])
    metrics.watch_queue(thread)
    queued = [thread.submit(lab, lab.submissions[0], course=course) for course in ("cs101", "cs102", "cs102")]
    queued.append(thread.submit(lab, lab.submissions[0], course="cs103", background=True))
    found = {key[1:]: value for key, value in read(metrics).items() if key[0] == "grader_queue_length"}
    assert found == {("cs101", "interactive"): 1, ("cs102", "interactive"): 2, ("cs103", "background"): 1}
    going.set()
    assert all(future.result(5) for future in queued)
    thread.close()
    found = {key[1:]: value for key, value in read(metrics).items() if key[0] == "grader_queue_length"}
    assert set(found.values()) == {0} and {course for course, _ in found} == {"cs101", "cs102", "cs103"}


def test_failing_observer_costs_no_grade(fake_grader: Any, make_lab: Callable[..., Lab]) -> None:
    class Broken:
        def graded(self, *_: object) -> None:
            raise RuntimeError(MARK)

    thread = EngineThread(lambda: fake_grader, observers=[Broken()])
    lab = make_lab(students=1)
    assert thread.submit(lab, lab.submissions[0]).result(5).lab == lab.name
    thread.close()
