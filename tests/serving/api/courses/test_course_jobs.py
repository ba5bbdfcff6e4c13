"""Jobs of several courses: each is graded by its own course's model, by a worker that serves the course."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from labs_schema.reading.validate import load_lab
from serving.courses.errors import ElsewhereError
from serving.courses.lab_registry import LabRegistry
from serving.courses.served import OneCourse, labs_of
from serving.jobs.chunk import grade_chunk
from serving.jobs.repository import JobRepository
from serving.jobs.worker.backend import WorkerBackend


def test_job_uses_the_model_and_labs_of_its_course(department: Any) -> None:
    backend = WorkerBackend(department.store, labs_of(department.courses), department.engine)
    jobs = JobRepository(department.store.database)
    keys = {course: department.key(course) for course in ("cs101", "cs102")}
    with department.serve() as client:
        started = {}
        for course, key in keys.items():
            started[course] = key, client.post("/labs/lab1/regrade", headers=key).json()["id"]
        for _, job in started.values():
            grade_chunk(backend, job, 0)
        for (key, job), expected in zip(started.values(), (["A", "A"], ["B"]), strict=True):
            assert jobs.progress(job).graded == 2
            lines = client.get(f"/jobs/{job}/grades.jsonl", headers=key).text.splitlines()
            assert len(lines) == 2
            stored = department.store.read_grades(job)
            assert [[answer.rating for answer in each.grade.criteria] for each in stored] == [expected] * 2
        other = started["cs102"][1]
        assert client.get(f"/jobs/{other}", headers=started["cs101"][0]).status_code == 404


def test_a_worker_does_not_grade_another_courses_job(department: Any) -> None:
    courses = OneCourse("cs101", LabRegistry(), department.courses.course("cs101").folder)
    backend, jobs = (
        WorkerBackend(department.store, labs_of(courses), department.engine),
        JobRepository(department.store.database),
    )
    folder = department.courses.course("cs102").folder
    assert folder is not None
    job = jobs.add("cs102", load_lab(folder / "lab1"), actor="ta")
    with pytest.raises(ElsewhereError):
        grade_chunk(backend, job.id, 0)
    assert jobs.progress(job.id).graded == 0


def test_removing_a_course_during_its_job_is_not_a_failed_attempt(department: Any) -> None:
    folder = department.courses.folders()["cs101"]
    courses = OneCourse("cs101", LabRegistry(), folder)  # a worker that does not know of the removal yet
    backend, jobs = (
        WorkerBackend(department.store, labs_of(courses), department.engine),
        JobRepository(department.store.database),
    )
    job = jobs.add("cs101", load_lab(folder / "lab1"), actor="ta")
    department.registry.remove("cs101", actor="test")
    for _ in range(9):
        with pytest.raises(ElsewhereError):
            grade_chunk(backend, job.id, 0)
    assert jobs.progress(job.id).parked == ()
    department.add("cs101", "0")
    grade_chunk(backend, job.id, 0)
    assert jobs.progress(job.id).graded == 2


def test_concurrent_chunks_use_their_own_courses_models(department: Any) -> None:
    backend = WorkerBackend(department.store, labs_of(department.courses), department.engine)
    folders = department.courses.folders()
    jobs = {
        course: backend.jobs.add(course, load_lab(folder / "lab1"), actor="ta") for course, folder in folders.items()
    }
    both = threading.Barrier(2)

    def graded(course: str) -> list[str | None]:
        lab = backend.lab(jobs[course])
        both.wait(10)  # each has its lab before either grades
        return [each.criteria[0].rating for each in backend.grade(lab, lab.submissions)]

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(graded, ("cs101", "cs102"))) == [["A", "A"], ["B", "B"]]
