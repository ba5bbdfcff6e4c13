"""A worker's backend retries failed answers before it stores a grade, as CLI regrades do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.engines.engine import EngineFailure, LabelScores
from serving.jobs.chunk import grade_chunk
from serving.jobs.worker.backend import WorkerBackend
from serving.scheduler.engine_thread import EngineThread
from serving.store.store import Store
from tests.harness.courses.lab_folders import write_lab


def test_failed_answer_in_a_worker_is_retried(
    make_lab: Callable[..., Lab], store: Store, fake_engine: Any, fake_grader: Any, tmp_path: Path
) -> None:
    write_lab(make_lab(students=2), tmp_path / "labs" / "lab1")
    lab, engine = load_lab(tmp_path / "labs" / "lab1"), EngineThread(lambda: fake_grader)
    backend = WorkerBackend(store, tmp_path / "labs", engine)
    fake_engine.script = [LabelScores((-0.1, -3.0, -3.0)), EngineFailure("the engine gave no answer")]
    job = backend.jobs.add("cs101", lab, actor="ta")
    grade_chunk(backend, job.id, 0)
    engine.close()
    answers = [answer.ungraded for each in store.read_grades(job.id) if each.grade for answer in each.grade.criteria]
    assert answers == [None] * 4
    assert sum(len(call) for call in fake_engine.calls) == 6
