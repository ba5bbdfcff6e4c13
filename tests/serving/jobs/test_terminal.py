"""A regrade at a terminal: every submission once, whatever was killed when, here or from afar, and never two models."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import GraderError
from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import rubric_hash, submission_hash
from labs_schema.models import Lab, Submission
from serving.jobs.book import JobBook
from serving.jobs.chunk import HARMLESS
from serving.jobs.errors import OtherModelError
from serving.jobs.export import export
from serving.jobs.job import Job, State, Wish
from serving.jobs.origin import origin_of
from serving.jobs.results import Result
from serving.jobs.sources import origin_from, take
from serving.jobs.terminal import job_to_do, settled, work
from serving.jobs.turn import turn
from serving.store.store import Store, open_store


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


class SteadyGrader:
    """Gives every criterion its first rating. Dies when `lives` calls are used up; what `poison` names, raises."""

    def __init__(self, *, model: str = "m", lives: int = 1000, poison: Sequence[str] = ()) -> None:
        self.model, self.lives, self.poison = model, lives, poison
        self.asked: list[str] = []

    def grade(self, lab: Lab, submissions: Sequence[Submission], *, reasoning: bool = False) -> list[Grade]:
        assert not reasoning and not lab.name.startswith("s0")
        if not self.lives:
            raise Killed
        self.lives -= 1
        texts = [submission.files[0].text for submission in submissions]
        if any(word in text for word in self.poison for text in texts):
            raise RuntimeError("somebody's program")
        self.asked += [text for text in texts if text != HARMLESS.files[0].text]
        return [self._grade(lab, submission) for submission in submissions]

    def provenance(self, lab: Lab, submission: Submission, *, reasoning: bool = False) -> Provenance:
        names = {
            **dict.fromkeys(Provenance.model_fields, "0"),
            "base_model": self.model,
            "settings_hash": str(reasoning),
        }
        return Provenance(**names | {"rubric_hash": rubric_hash(lab), "submission_hash": submission_hash(submission)})

    def _grade(self, lab: Lab, submission: Submission) -> Grade:
        criteria = tuple(
            CriterionGrade(criterion=c.title, rating="A", probabilities={"A": 0.9, "B": 0.1}) for c in lab.criteria
        )
        origin = self.provenance(lab, submission)
        return Grade(lab=lab.name, student=submission.student, criteria=criteria, provenance=origin)


class FarSource:
    """Grades from afar, in another order than they were asked for; the last of each part comes twice."""

    def __init__(self, grader: SteadyGrader) -> None:
        self.grader, self.asked = grader, list[Lab]()

    def grades(self, labs: Sequence[Lab]) -> Iterator[list[Grade]]:
        self.asked += labs
        for lab in reversed(labs):
            for submission in reversed(lab.submissions):
                [grade] = self.grader.grade(lab, [submission])
                yield [grade]
                yield [grade]


@pytest.fixture
def store(new_url: Callable[[], str]) -> Iterator[Store]:
    opened = open_store(new_url())
    yield opened
    opened.close()


def typed(
    store: Store,
    lab: Lab,
    out: Path | None,
    grader: SteadyGrader,
    *,
    course: str = "cs101",
    afar: bool = False,
    again: bool = False,
) -> Job:
    """What the command does; without `out`, stopped before it writes."""
    book, source = JobBook(store.database), FarSource(grader)
    known = book.at_terminals(course, lab)
    if afar:
        origin = origin_from(source, lab) if any(job.origin for job in known) else None
    else:
        origin = origin_of(grader.provenance(lab, HARMLESS))
    job = job_to_do(store, course, lab, known, origin, again=again, actor="terminal:ta")
    with turn(store.database, [job.id]):
        job = book.wish(job.id, Wish.RUN, actor="terminal:ta")
        tasks = {} if job.finished_at else {lab.name: (job, lab)}
        if afar:
            take(source, store, tasks, lambda _: None)
        else:
            work(grader, store, tasks, lambda _: None)
        if out:
            export(store, job, lab, out)
            book.finish(job)
    return job


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    add = JobBook.add
    monkeypatch.setattr(JobBook, "add", lambda *given, **how: add(*given, **{**how, "chunk": 2}))


def written(out: Path) -> dict[str, Any]:
    """Name -> what the file says; of grades, all but the names that the store gave them."""
    texts = {path.name: path.read_text() for path in out.iterdir()}
    lines = texts.pop("grades.jsonl").splitlines()
    return {**texts, "grades": [Result.model_validate_json(line).model_copy(update={"grade_id": ""}) for line in lines]}


@pytest.mark.parametrize("afar", [(False, False), (False, True), (True, False), (True, True)])
def test_a_run_killed_at_any_call_ends_as_if_it_never_was_wherever_it_goes_on(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path, afar: tuple[bool, bool]
) -> None:
    lab = make_lab(students=7)
    typed(store, lab, tmp_path / "whole", SteadyGrader())
    for lives in (0, 1, 3):
        first, second, out, course = SteadyGrader(lives=lives), SteadyGrader(), tmp_path / str(lives), f"cs{lives}"
        with pytest.raises(Killed):
            typed(store, lab, out, first, course=course, afar=afar[0])
        assert not out.exists()
        job = typed(store, lab, out, second, course=course, afar=afar[1])
        assert JobBook(store.database).at_terminals(course, lab) == [JobBook(store.database).job(job.id)]
        assert sorted(first.asked + second.asked) == sorted(each.files[0].text for each in lab.submissions)
        progress = JobBook(store.database).progress(job.id)
        assert (progress.state, progress.graded, progress.parked) == (State.DONE, 7, ())
        assert written(out) == written(tmp_path / "whole")
    assert store.verify().faults == ()


def test_what_is_finished_is_written_again_and_graded_once_more_only_when_asked(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path
) -> None:
    lab = make_lab(students=3)
    job = typed(store, lab, tmp_path / "a", SteadyGrader())
    for afar in (False, True):
        grader = SteadyGrader()
        assert typed(store, lab, tmp_path / f"b{afar}", grader, afar=afar).id == job.id
        assert grader.asked == [] and written(tmp_path / "a") == written(tmp_path / f"b{afar}")
    with pytest.raises(Killed):
        typed(store, lab, None, SteadyGrader(lives=1), again=True)
    grader = SteadyGrader()
    other = typed(store, lab, tmp_path / "c", grader, again=True)  # goes on with what it began
    assert (
        other.id != job.id and len(grader.asked) == 1 and len(JobBook(store.database).at_terminals("cs101", lab)) == 2
    )


@pytest.mark.parametrize("changed", ["model", "rubric", "program", "students", "course"])
def test_another_model_or_other_work_begins_a_job_of_its_own_and_leaves_the_first_alone(
    changed: str, make_lab: Callable[..., Lab], store: Store, tmp_path: Path
) -> None:
    lab, grader = make_lab(students=3), SteadyGrader(model="other" if changed == "model" else "m")
    with pytest.raises(Killed):
        typed(store, lab, None, SteadyGrader(lives=1))
    [first] = JobBook(store.database).at_terminals("cs101", lab)
    edited: dict[str, Any] = {
        "rubric": {"criteria": lab.criteria[:1], "human_grades": ()},
        "program": {"submissions": (lab.submissions[0].model_copy(update={"files": lab.submissions[1].files}),)},
        "students": {"submissions": lab.submissions[1:]},
        "course": {"name": "lab2", "rater_grades": ()},
    }.get(changed, {})
    lab = lab.model_copy(update=edited)
    for afar in (True, False):
        typed(store, lab, tmp_path / "out", grader, afar=afar)
    assert len(grader.asked) == len(lab.submissions)
    assert JobBook(store.database).job(first.id) == first
    assert JobBook(store.database).progress(first.id).graded == 2


@pytest.mark.parametrize("afar", [False, True])
def test_progress_begins_with_what_was_done_and_the_whole_job_is_counted_once(
    afar: bool, make_lab: Callable[..., Lab], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    labs, tasks, told, counted = [make_lab("lab1", students=7), make_lab("lab2", students=3)], {}, list[int](), []
    for lab in labs:
        tasks[lab.name] = job_to_do(store, "cs101", lab, [], None, again=False, actor="ta"), lab
    with pytest.raises(Killed):
        work(SteadyGrader(lives=2), store, tasks, lambda _: None)
    progress = JobBook.progress
    monkeypatch.setattr(JobBook, "progress", lambda *given: (counted.append(given), progress(*given))[1])
    if afar:
        take(FarSource(SteadyGrader()), store, tasks, told.append)
    else:
        work(SteadyGrader(), store, tasks, told.append)
    assert list(dict.fromkeys(told)) == ([4, 5, 6, 7, 8, 9, 10] if afar else [4, 6, 7, 9, 10])
    assert len(counted) == 2


def test_grades_from_afar_of_two_models_are_not_mixed(make_lab: Callable[..., Lab], store: Store) -> None:
    lab, grader = make_lab(students=5), SteadyGrader()
    job = job_to_do(store, "cs101", lab, [], None, again=False, actor="ta")

    def upgraded(done: int) -> None:
        grader.model = "m" if done < 2 else "other"

    with pytest.raises(OtherModelError, match="base_model other, not m"):
        take(FarSource(grader), store, {lab.name: (job, lab)}, upgraded)
    assert {stored.grade.provenance.base_model for stored in store.recorded(job.id) if stored.grade} == {"m"}
    assert settled(JobBook(store.database), job) == 2


def test_a_cluster_is_sent_pseudonyms_and_nothing_that_the_tas_gave(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path
) -> None:
    lab, source = make_lab(students=3), FarSource(SteadyGrader())
    job = job_to_do(store, "cs101", lab, [], None, again=False, actor="ta")
    take(source, store, {lab.name: (job, lab)}, lambda _: None)
    [asked] = source.asked
    assert not asked.human_grades and not asked.rater_grades
    assert not any(each.student in asked.model_dump_json() for each in lab.submissions)
    export(store, job, lab, tmp_path)
    assert all(each.student in (tmp_path / "grades.jsonl").read_text() for each in lab.submissions)


def test_a_program_that_breaks_the_grader_is_given_up_told_and_tried_again_by_the_next_command(
    make_lab: Callable[..., Lab], store: Store, tmp_path: Path
) -> None:
    lab = make_lab(students=5)
    job = typed(store, lab, tmp_path, SteadyGrader(poison=["return 4;"]))
    assert JobBook(store.database).progress(job.id).graded == 4
    written = (tmp_path / "grades.jsonl").read_text().splitlines()
    lines = [Result.model_validate_json(line).grade for line in written]
    assert [grade.student for grade in lines] == [each.student for each in lab.submissions]
    assert {answer.ungraded for answer in lines[2].criteria} == {"grading was given up: RuntimeError"}
    assert lines[2].provenance == SteadyGrader().provenance(lab, lab.submissions[2])
    assert "ungraded: grading was given up: RuntimeError" in (tmp_path / "rubric_comments.csv").read_text()
    grader = SteadyGrader()
    assert typed(store, lab, tmp_path, grader).id == job.id
    assert grader.asked == [lab.submissions[2].files[0].text]
    assert "given up" not in (tmp_path / "grades.jsonl").read_text()


@pytest.mark.parametrize("afar", [False, True])
def test_a_pause_that_ends_while_a_part_is_graded_does_not_end_the_job_without_it(
    afar: bool, make_lab: Callable[..., Lab], store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab, book, grader = make_lab(students=6), JobBook(store.database), SteadyGrader(poison=["return 4;"])
    grade = grader.grade

    def interrupted(*given: Any, **how: Any) -> list[Grade]:
        monkeypatch.setattr(grader, "grade", grade)
        [job] = book.at_terminals("cs101", lab)
        for wish in (Wish.PAUSE, Wish.RUN):
            book.wish(job.id, wish, actor="ta")
        return grade(*given, **how)

    monkeypatch.setattr(grader, "grade", interrupted)
    with pytest.raises(GraderError, match="the same command lets it go on"):
        typed(store, lab, tmp_path / "out", grader, afar=afar)
    assert not (tmp_path / "out").exists()
    job = typed(store, lab, tmp_path / "out", SteadyGrader(), afar=afar)
    assert book.progress(job.id).graded == 6


def test_two_terminals_do_not_work_on_one_job_at_once(make_lab: Callable[..., Lab], store: Store) -> None:
    lab = make_lab(students=2)
    with pytest.raises(Killed):
        typed(store, lab, None, SteadyGrader(lives=0))
    [job] = JobBook(store.database).at_terminals("cs101", lab)
    with turn(store.database, [job.id]), pytest.raises(GraderError, match="Another process works on this regrade"):
        typed(store, lab, None, SteadyGrader())
    grader = SteadyGrader()
    typed(store, lab, None, grader)
    assert len(grader.asked) == 2


@pytest.mark.parametrize("again", [False, True])
def test_two_terminals_that_begin_in_the_same_moment_begin_one_job(
    again: bool, make_lab: Callable[..., Lab], store: Store
) -> None:
    lab, book = make_lab(students=2), JobBook(store.database)
    if again:
        book.finish(typed(store, lab, None, SteadyGrader()))
    seen, asked = book.at_terminals("cs101", lab), SteadyGrader()
    mine = origin_of(asked.provenance(lab, HARMLESS))
    other = origin_of(SteadyGrader(model="other").provenance(lab, HARMLESS))
    both = threading.Barrier(4)

    def begun(origin: str | None) -> Job:
        both.wait()
        return job_to_do(store, "cs101", lab, seen, origin, again=again, actor="ta")

    with ThreadPoolExecutor(4) as terminals:
        first, second, third, far = terminals.map(begun, [mine, mine, mine, other])
    assert first.id == second.id == third.id != far.id and (first.origin, far.origin) == (mine, other)
    assert begun_jobs(book, lab) - {each.id for each in seen} == {first.id, far.id}
    [cluster] = {job_to_do(store, "cs101", lab, seen, None, again=again, actor="ta").id}
    assert cluster in {first.id, far.id}


def begun_jobs(book: JobBook, lab: Lab) -> set[str]:
    return {each.id for each in book.at_terminals("cs101", lab)}


def test_a_person_who_stops_the_command_puts_nobody_under_suspicion(make_lab: Callable[..., Lab], store: Store) -> None:
    lab, calls = make_lab(students=2), list[int]()

    class Stopped(SteadyGrader):
        def grade(self, lab: Lab, submissions: Any, **how: Any) -> list[Grade]:
            calls.append(len(submissions))
            if len(calls) == 1:
                raise KeyboardInterrupt
            return super().grade(lab, submissions, **how)

    with pytest.raises(KeyboardInterrupt):
        typed(store, lab, None, Stopped())
    typed(store, lab, None, Stopped())
    assert calls == [2, 2]


def test_an_answer_that_failed_is_asked_again_for_that_submission_alone(
    make_lab: Callable[..., Lab], store: Store, fake_engine: Any, fake_grader: Any
) -> None:
    from serving.engines.engine import EngineFailure, LabelScores

    lab = make_lab(students=2)
    fake_engine.script = [LabelScores((-0.1, -3.0, -3.0)), EngineFailure("the engine gave no answer")]
    job = typed(store, lab, None, fake_grader)
    answers = [answer.ungraded for stored in store.recorded(job.id) if stored.grade for answer in stored.grade.criteria]
    assert answers == [None] * 4 and [len(call) for call in fake_engine.asked] == [4, 2]
