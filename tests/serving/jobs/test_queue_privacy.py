"""What the queue's own file holds of students, after a job that failed on one of them: nothing."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, SourceFile, Submission
from serving.jobs.book import JobBook
from serving.jobs.job import Job, State
from serving.jobs.worker import Worker
from serving.store.store import Store, open_store


class QuotingDesk:
    """Its failure quotes the program and its author."""

    def __init__(self, store: Store, lab: Lab) -> None:
        self.store, self.book, self._lab = store, JobBook(store.database), lab

    def lab(self, _: Job | None = None) -> Lab:
        return self._lab

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        if any("ZEBRA" in each.files[0].text for each in submissions):
            raise ValueError("ZEBRA-ID wrote ZEBRA_CODE")
        return [_grade(lab, each) for each in submissions]


def _grade(lab: Lab, submission: Submission) -> Grade:
    source = dict.fromkeys(Provenance.model_fields, "0")
    source |= {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)}
    criteria = tuple(CriterionGrade(criterion=c.title, rating=c.ratings[0].title) for c in lab.criteria)
    return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=Provenance(**source))


@pytest.mark.slow
def test_neither_the_queue_s_file_nor_a_worker_s_log_names_a_student(
    tmp_path: Path, make_lab: Callable[..., Lab], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    lab = make_lab(students=3)
    files = (SourceFile(path="ZEBRA-FILE.c", text="int ZEBRA_CODE;"),)
    first = lab.submissions[0].model_copy(update={"student": "ZEBRA-ID", "folder": "ZEBRA-ID@c", "files": files})
    lab = lab.model_copy(update={"submissions": (first, *lab.submissions[1:])})
    url = f"sqlite:///{tmp_path}/store.db"
    store = open_store(url)
    desk = QuotingDesk(store, lab)
    worker = Worker(desk, url, dead_seconds=1)
    worker.start()
    try:
        job = desk.book.add("cs101", lab, actor="ta")
        worker.begin(job)
        ends = time.monotonic() + 20
        while desk.book.progress(job.id).state is not State.DONE and time.monotonic() < ends:
            time.sleep(0.02)
        found = desk.book.progress(job.id)
        assert found.state is State.DONE and len(found.parked) == 1 and "ZEBRA" not in found.parked[0].reason
    finally:
        worker.stop()
        store.forget("ZEBRA-ID", actor="admin")
        store.close()
    assert list(tmp_path.glob("store.db.jobs*"))
    for path in tmp_path.iterdir():
        assert b"ZEBRA" not in path.read_bytes(), path.name
    seen = capfd.readouterr()
    assert "ZEBRA" not in caplog.text + seen.out + seen.err
