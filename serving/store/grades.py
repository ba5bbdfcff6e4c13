"""Grades as they are kept: appended once for a request and a submission, under the rubric as it was then."""

import json
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.hashes import canonical_hash, canonical_json, rubric_hash, submission_hash
from labs_schema.models import Lab, SourceFile, Submission
from serving.store.errors import UnknownError
from serving.store.ledger import Detail, Ledger, plain
from serving.store.lookup import rows_of
from serving.store.students import Content, content, keep, secrets_of
from serving.store.tables import contents, grades, rubrics

ASKED = ("name", "problem", "short_problem", "language", "criteria")
"""The fields of a lab that a grade depends on; the others name students."""


class StoredGrade(Frozen):
    """A machine's grade. `student` is a pseudonym; `grade` is None once the student was forgotten.

    `seq` is its entry in the audit log, `rubric` the version of the rubric it was given by, `provenance` a hash.
    """

    id: str
    seq: int
    at: str
    actor: str
    request: str
    lab: str
    rubric: str
    student: str
    provenance: str
    grade: Grade | None


def record(
    ledger: Ledger, lab: Lab, submissions: Sequence[Submission], given: Sequence[Grade], *, request: str, actor: str
) -> list[str | None]:
    """Appends `given`, the grades of `submissions`; their ids in that order, None for a student forgotten since.

    A submission that has a grade of this request keeps it, whatever is given now: a retry changes nothing. Students go
    by their pseudonyms. Raises UnknownError for one that the store never gave, ValueError where the parts do not belong
    together.
    """
    rubric = rubric_hash(lab)
    for submission, grade in zip(submissions, given, strict=True):
        _check(lab, rubric, submission, grade)
    version = _pin(ledger, lab, rubric, actor)
    connection, pseudonyms = ledger.connection, [submission.student for submission in submissions]
    secret, known = secrets_of(connection, pseudonyms), _known(connection, lab.name, plain(request), pseudonyms)
    ids: list[str | None] = []
    kept: list[Content] = []
    rows: list[Detail] = []
    for submission, grade in zip(submissions, given, strict=True):
        if (key := secret[submission.student]) is None:
            ids.append(None)
            continue
        work = content(submission.student, key, _document(submission))
        if (submission.student, work.hash) not in known:
            said = content(submission.student, key, grade.model_dump(mode="json"))
            rows.append(_entered(ledger, version, grade, request, actor, work.hash, said.hash))
            kept += [work, said]
            known[submission.student, work.hash] = str(rows[-1]["id"])
        ids.append(known[submission.student, work.hash])
    keep(connection, kept)
    if rows:
        connection.execute(insert(grades), rows)
    return ids


def read_grade(connection: Connection, grade_id: str) -> StoredGrade:
    """Raises UnknownError where there is none of this id."""
    found = connection.execute(_graded().where(grades.c.id == grade_id)).one_or_none()
    if found is None:
        raise UnknownError(f"There is no grade {grade_id!r} in the store.")
    return _stored(found)


def read_request(connection: Connection, request: str) -> list[StoredGrade]:
    """The grades of a request or job, in the order they were recorded."""
    rows = connection.execute(_graded().where(grades.c.request == request).order_by(grades.c.seq))
    return [_stored(row) for row in rows]


def read_student(connection: Connection, pseudonym: str, lab: str) -> list[StoredGrade]:
    """A student's grades in a lab, in the order they were recorded."""
    mine = _graded().where(grades.c.student == pseudonym, grades.c.lab == lab)
    return [_stored(row) for row in connection.execute(mine.order_by(grades.c.seq))]


def read_lab(connection: Connection, version: str) -> Lab:
    """The lab as it was when `version` was pinned: what it asked, without submissions."""
    document = connection.execute(select(rubrics.c.document).where(rubrics.c.version == version)).scalar_one()
    return Lab.model_validate({**json.loads(document), "submissions": ()})


def read_submission(connection: Connection, grade_id: str) -> Submission | None:
    """The program that a grade is of, under its pseudonym; None once the student was forgotten."""
    found = connection.execute(
        select(contents.c.document, grades.c.student)
        .join(grades, grades.c.submission == contents.c.hash)
        .where(grades.c.id == grade_id)
    ).one_or_none()
    if found is None:
        return None
    kept = json.loads(found.document)
    files, hidden = (kept["files"], kept["hidden"]) if isinstance(kept, dict) else (kept, ())
    return Submission(
        student=found.student,
        folder=found.student,
        files=tuple(SourceFile(path=path, text=text) for path, text in files),
        hidden=tuple(hidden),
    )


def _document(submission: Submission) -> object:
    """The program as it was handed in, and what of it a model was not shown."""
    files = [[file.path, file.text] for file in submission.files]
    return {"files": files, "hidden": list(submission.hidden)} if submission.hidden else files


def _check(lab: Lab, rubric: str, submission: Submission, grade: Grade) -> None:
    source = grade.provenance
    if (grade.lab, grade.student) != (lab.name, submission.student):
        raise ValueError("a grade of another lab or student")
    if (source.rubric_hash, source.submission_hash) != (rubric, submission_hash(submission)):
        raise ValueError("a grade by another rubric or of another program")


def _pin(ledger: Ledger, lab: Lab, rubric: str, actor: str) -> str:
    document = canonical_json(lab.model_dump(mode="json", include=set(ASKED)))
    version = canonical_hash(json.loads(document))
    if ledger.connection.execute(select(rubrics.c.version).where(rubrics.c.version == version)).first() is None:
        entered: Detail = {"version": version, "seq": ledger.seq, "lab": lab.name, "rubric_hash": rubric}
        ledger.connection.execute(insert(rubrics).values(**entered, document=document))
        ledger.append("rubric", actor, entered)
    return version


def _known(connection: Connection, lab: str, request: str, pseudonyms: Sequence[str]) -> dict[tuple[str, str], str]:
    same = select(grades.c.id, grades.c.student, grades.c.submission).where(
        grades.c.request == request, grades.c.lab == lab
    )
    rows = rows_of(connection, same, grades.c.student, pseudonyms)
    return {(row.student, row.submission): str(row.id) for row in rows}


def _entered(
    ledger: Ledger, version: str, grade: Grade, request: str, actor: str, submission: str, content: str
) -> Detail:
    entered: Detail = {
        "request": request,
        "student": grade.student,
        "lab": grade.lab,
        "submission": submission,
        "id": secrets.token_hex(16),
        "seq": ledger.seq,
        "at": ledger.at,
        "actor": actor,
        "rubric": version,
        "content": content,
        "provenance": canonical_hash(grade.provenance.model_dump(exclude={"submission_hash"})),
    }
    ledger.append("grade", actor, entered)
    return entered


def _graded() -> Select[Any]:
    return select(grades, contents.c.document).outerjoin(contents, contents.c.hash == grades.c.content)


def _stored(row: Row[Any]) -> StoredGrade:
    kept = {name: getattr(row, name) for name in StoredGrade.model_fields if name != "grade"}
    return StoredGrade(**kept, grade=None if row.document is None else Grade.model_validate(json.loads(row.document)))
