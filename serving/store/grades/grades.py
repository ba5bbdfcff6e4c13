"""Machine grades: appended once per request and submission, with the rubric version they were given by."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.hashes import (
    canonical_hash,
    canonical_json,
    observations_hash,
    rubric_hash,
    submission_hash,
)
from labs_schema.models import Lab, SourceFile, Submission
from labs_schema.observations import SubmissionObservations
from serving.store.contents import Content, make_content, store_contents
from serving.store.database import select_in_batches
from serving.store.errors import UnknownError
from serving.store.ledger import Detail, Ledger, printable_name
from serving.store.students import read_secrets
from serving.store.tables import contents, grades, rubrics

NO_MODEL = canonical_hash(None)
"""The `provenance` of students whom no model graded: recorded so that a person can rate them."""
OF_STUDENTS = {"submission_hash", "observations_hash"}
"""Fields of the provenance that would identify a program after its student was forgotten."""
by_model = grades.c.provenance != NO_MODEL
"""An SQL condition on `grades`."""
ABOUT = "submission"
"""The key in a stored grade for what is known of the submission besides its files."""
RUBRIC_FIELDS = ("name", "problem", "short_problem", "language", "criteria")
"""The fields of a lab that a grade depends on; the others name students."""


class StoredGrade(Frozen):
    """`student` is a pseudonym; `grade` is None once the student was forgotten.

    `seq` is the number of its audit entry, `rubric` the version of the rubric, `submission` the keyed hash of the
    program, `provenance` a hash.
    """

    id: str
    seq: int
    at: str
    actor: str
    request: str
    lab: str
    rubric: str
    student: str
    submission: str
    provenance: str
    grade: Grade | None

    @property
    def by_model(self) -> bool:
        return self.provenance != NO_MODEL


def record_grades(
    ledger: Ledger, lab: Lab, submissions: Sequence[Submission], given: Sequence[Grade], *, request: str, actor: str
) -> list[str | None]:
    """See `Store.record_grades`."""
    rubric = rubric_hash(lab)
    for submission, grade in zip(submissions, given, strict=True):
        _check(lab, rubric, submission, grade)
    version = _store_rubric(ledger, lab, rubric, actor)
    connection, pseudonyms = ledger.connection, [submission.student for submission in submissions]
    student_secrets = read_secrets(connection, pseudonyms)
    known = _known_ids(connection, lab.name, printable_name(request), pseudonyms)
    ids: list[str | None] = []
    documents: list[Content] = []
    rows: list[Detail] = []
    for submission, grade in zip(submissions, given, strict=True):
        if (secret := student_secrets[submission.student]) is None:
            ids.append(None)
            continue
        program = make_content(submission.student, secret, _stored_files(submission))
        if (submission.student, program.hash) not in known:
            document = make_content(submission.student, secret, _stored_grade(submission, grade))
            source = canonical_hash(grade.provenance and grade.provenance.model_dump(exclude=OF_STUDENTS))
            hashes = {"submission": program.hash, "rubric": version, "content": document.hash, "provenance": source}
            row = ledger.new_row(actor, request=request, student=grade.student, lab=grade.lab, **hashes)
            ledger.append("grade", actor, row)
            rows.append(row)
            documents += [program, document]
            known[submission.student, program.hash] = str(row["id"])
        ids.append(known[submission.student, program.hash])
    store_contents(connection, documents)
    if rows:
        connection.execute(insert(grades), rows)
    return ids


def read_grade(connection: Connection, grade_id: str) -> StoredGrade:
    """Raises UnknownError if there is none with this id."""
    found = connection.execute(_with_documents().where(grades.c.id == grade_id)).one_or_none()
    if found is None:
        raise UnknownError(f"The store has no grade {grade_id!r}.")
    return _stored(found)


def read_request_grades(connection: Connection, request: str) -> list[StoredGrade]:
    """The grades of a request or job, in the order they were recorded."""
    rows = connection.execute(_with_documents().where(grades.c.request == request).order_by(grades.c.seq))
    return [_stored(row) for row in rows]


def read_student_grades(connection: Connection, pseudonym: str, lab: str) -> list[StoredGrade]:
    """A student's grades in a lab, in the order they were recorded."""
    query = _with_documents().where(grades.c.student == pseudonym, grades.c.lab == lab)
    return [_stored(row) for row in connection.execute(query.order_by(grades.c.seq))]


def read_lab(connection: Connection, version: str) -> Lab:
    """The lab as it was when rubric `version` was stored, without submissions."""
    document = connection.execute(select(rubrics.c.document).where(rubrics.c.version == version)).scalar_one()
    return Lab.model_validate({**json.loads(document), "submissions": ()})


def read_submission(connection: Connection, grade_id: str) -> Submission | None:
    """The graded program under its pseudonym; None once the student was forgotten."""
    row = connection.execute(
        select(grades.c.student, grades.c.submission, grades.c.content).where(grades.c.id == grade_id)
    ).one_or_none()
    if row is None:
        return None
    both = select(contents.c.hash, contents.c.document).where(contents.c.hash.in_([row.submission, row.content]))
    documents = {each.hash: json.loads(each.document) for each in connection.execute(both)}
    if row.submission not in documents or row.content not in documents:
        return None
    about = documents[row.content].get(ABOUT, {})
    observed = about.get("observations")
    return Submission(
        student=row.student,
        folder=row.student,
        files=tuple(SourceFile(path=path, text=text) for path, text in documents[row.submission]),
        redactions=tuple(about.get("redactions", ())),
        unread=tuple(about.get("unread", ())),
        observations=None if observed is None else SubmissionObservations.model_validate(observed),
        unobserved=about.get("unobserved", ""),
    )


def _stored_files(submission: Submission) -> object:
    """Only the files: people's decisions hold for them, whatever was observed or redacted at another time."""
    return [[file.path, file.text] for file in submission.files]


def _stored_grade(submission: Submission, grade: Grade) -> object:
    """The grade, and what the model was shown with the files."""
    about: dict[str, object] = {
        "redactions": list(submission.redactions),
        "unread": list(submission.unread),
        "unobserved": submission.unobserved,
    }
    if submission.observations is not None:
        about["observations"] = submission.observations.model_dump(mode="json", exclude_defaults=True)
    about = {name: value for name, value in about.items() if value}
    document = grade.model_dump(mode="json")
    return {**document, ABOUT: about} if about else document


def _check(lab: Lab, rubric: str, submission: Submission, grade: Grade) -> None:
    source = grade.provenance
    if (grade.lab, grade.student) != (lab.name, submission.student):
        raise ValueError("a grade of another lab or student")
    hashes = rubric, submission_hash(submission), observations_hash(submission)
    if source and (source.rubric_hash, source.submission_hash, source.observations_hash) != hashes:
        raise ValueError("a grade by another rubric, or of another program or other observations")


def _store_rubric(ledger: Ledger, lab: Lab, rubric: str, actor: str) -> str:
    document = canonical_json(lab.model_dump(mode="json", include=set(RUBRIC_FIELDS)))
    version = canonical_hash(json.loads(document))
    if ledger.connection.execute(select(rubrics.c.version).where(rubrics.c.version == version)).first() is None:
        row: Detail = {"version": version, "seq": ledger.seq, "lab": lab.name, "rubric_hash": rubric}
        ledger.connection.execute(insert(rubrics).values(**row, document=document))
        ledger.append("rubric", actor, row)
    return version


def _known_ids(connection: Connection, lab: str, request: str, pseudonyms: Sequence[str]) -> dict[tuple[str, str], str]:
    """(pseudonym, hash of the submission) -> id of the grade that this request has already."""
    query = select(grades.c.id, grades.c.student, grades.c.submission).where(
        grades.c.request == request, grades.c.lab == lab
    )
    rows = select_in_batches(connection, query, grades.c.student, pseudonyms)
    return {(row.student, row.submission): str(row.id) for row in rows}


def _with_documents() -> Select[Any]:
    return select(grades, contents.c.document).outerjoin(contents, contents.c.hash == grades.c.content)


def _stored(row: Row[Any]) -> StoredGrade:
    values = {name: getattr(row, name) for name in StoredGrade.model_fields if name != "grade"}
    document = None if row.document is None else json.loads(row.document)
    if document is not None:
        document.pop(ABOUT, None)
    return StoredGrade(**values, grade=None if document is None else Grade.model_validate(document))
