"""The lab that the job of a clarification grades, by the rubric with the new text, and putting its grades in use."""

from collections.abc import Sequence

from sqlalchemy import Connection

from labs_schema.hashes import observations_hash, rubric_hash, submission_hash
from labs_schema.models import Criterion, Lab, Submission
from serving.jobs.errors import LabChangedError
from serving.jobs.fingerprint import fingerprint_of
from serving.jobs.job import Job, work_hash
from serving.jobs.repository import insert_job
from serving.store.database import Database
from serving.store.errors import UnknownError
from serving.store.grades.grades import StoredGrade, read_request_grades, read_submission, record_grades
from serving.store.ledger import Ledger, audited_transaction
from serving.store.review.clarifications import (
    MARK,
    Clarification,
    Clarifications,
    Event,
    is_proposal,
    read_clarification,
    record_event,
    replaceable,
)
from serving.store.students import read_student


def graded_name(lab: str) -> str:
    """The name of the lab that a model grades: models may have parts of their own for each lab."""
    return lab.partition(MARK)[0]


def for_clarification(database: Database, job: Job, lab: Lab) -> Lab:
    """`lab` itself unless the job is that of a clarification. Raises LabChangedError if the criterion no longer
    exists."""
    if not is_proposal(job.lab):
        return lab
    found = Clarifications(database)
    clarification = found.read(job.lab.partition(MARK)[2])
    try:
        return clarified_lab(lab, clarification, found.students(clarification)).model_copy(update={"name": job.lab})
    except UnknownError as error:
        raise LabChangedError(str(error)) from None


def clarified_lab(lab: Lab, clarification: Clarification, concerned: set[str]) -> Lab:
    """The submissions of the `concerned` students only, without TAs' grades. Raises UnknownError."""
    submissions = tuple(each for each in lab.submissions if not concerned.isdisjoint(each.students))
    fields = {"unreadable": (), "human_grades": (), "rater_grades": (), "submissions": submissions}
    return lab.model_copy(update={**fields, "criteria": clarified(lab.criteria, clarification)})


def clarified(criteria: tuple[Criterion, ...], clarification: Clarification) -> tuple[Criterion, ...]:
    """The rubric with the text, once. Raises UnknownError if it has no such criterion."""
    if all(each.title != clarification.criterion for each in criteria):
        raise UnknownError(f"The rubric no longer has the criterion {clarification.criterion!r}.")
    return tuple(_with_text(each, clarification) for each in criteria)


def _with_text(criterion: Criterion, clarification: Clarification) -> Criterion:
    if criterion.title != clarification.criterion or clarification.text in criterion.clarifications:
        return criterion
    return criterion.model_copy(update={"clarifications": (*criterion.clarifications, clarification.text)})


def complete(database: Database, found: Clarification, lab: Lab, *, actor: str) -> bool:
    """Makes the proposed grades current, as those of a job, and records that the answer was applied: all of it in one
    transaction, or nothing. False if it was discarded.

    `lab`: as in its folder, with the text. Where it changed since the proposal was graded, or a student has a newer
    grade, the student keeps the current grade.
    """
    usable = usable_grades(database, found, lab)
    with audited_transaction(database) as ledger:
        connection = ledger.connection
        if read_clarification(connection, found.id).last is Event.APPLIED:
            return True
        if not record_event(ledger, found.id, Event.APPLIED, actor):
            return False
        chosen = _replacing(connection, found, usable)
        submissions = [read_submission(connection, each.id) for each in chosen]
        pairs = [(one, each) for one, each in zip(submissions, chosen, strict=True) if one]  # None: just forgotten
        if pairs:
            _use(ledger, found, lab, pairs, actor)
        return True


def left_to_use(database: Database, found: Clarification, lab: Lab) -> list[StoredGrade]:
    """The proposed grades that `complete` would make current."""
    usable = usable_grades(database, found, lab)
    with database.reading() as connection:
        return _replacing(connection, found, usable)


def _replacing(connection: Connection, found: Clarification, usable: Sequence[StoredGrade]) -> list[StoredGrade]:
    current = replaceable(connection, found, [each.student for each in usable])
    return [each for each in usable if each.student in current]


def usable_grades(database: Database, found: Clarification, lab: Lab) -> list[StoredGrade]:
    """The proposed grades by the rubric of `lab` and of the programs in it."""
    rubric, programs = rubric_hash(lab), {student: each for each in lab.submissions for student in each.students}
    with database.reading() as connection:
        proposed = [each for each in read_request_grades(connection, found.job) if each.grade and each.by_model]
        named = [(each, read_student(connection, each.student).student or "") for each in proposed]
    return [each for each, name in named if name in programs and _is_of(each, rubric, programs[name])]


def _is_of(proposed: StoredGrade, rubric: str, submission: Submission) -> bool:
    if proposed.grade is None:
        return False
    source, observed = proposed.grade.origin, observations_hash(submission)
    same = (source.rubric_hash, source.submission_hash) == (rubric, submission_hash(submission))
    return same and observed in (None, source.observations_hash)  # the checks may have been run for the proposal only


def _use(
    ledger: Ledger, found: Clarification, lab: Lab, chosen: Sequence[tuple[Submission, StoredGrade]], actor: str
) -> None:
    given = [each.grade.model_copy(update={"lab": found.lab}) for _, each in chosen if each.grade]
    graded = _only(lab, {read_student(ledger.connection, each.student).student for _, each in chosen})
    job = Job(
        id=found.id,
        at=ledger.at,
        actor=actor,
        course=found.course,
        lab=found.lab,
        work=work_hash(graded),
        finished_at=ledger.at,
        cli=True,
        fingerprint=fingerprint_of(given[0].origin),
        warnings=lab.warnings,
    )
    insert_job(ledger, job, graded)
    record_grades(ledger, graded, [each for each, _ in chosen], given, request=found.id, actor=f"job {found.id}")


def _only(lab: Lab, students: set[str | None]) -> Lab:
    """The submissions of these students, without other members of their groups."""
    submissions = []
    for each in lab.submissions:
        if members := [student for student in each.students if student in students]:
            known = tuple(members) if each.members else ()
            submissions.append(each.model_copy(update={"student": members[0], "members": known}))
    return lab.model_copy(update={"submissions": tuple(submissions), "unreadable": ()})
