"""Reads and writes `observations.jsonl`, the observed outcomes of a lab's submissions: one JSON object a line."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from labs_schema.errors import IssueCollector, quoted, raise_errors
from labs_schema.files.atomic import write_atomically
from labs_schema.files.file_reader import read_whole
from labs_schema.hashes import files_hash
from labs_schema.limits import ObservationLimits
from labs_schema.models import Submission
from labs_schema.observations import SubmissionObservations
from labs_schema.reading.lab_folders import OBSERVATIONS
from labs_schema.student_ids import StudentIds

LIMITS = ObservationLimits()


class _Line(SubmissionObservations):
    student: str

    @property
    def observations(self) -> SubmissionObservations:
        return SubmissionObservations.model_construct(
            **{name: getattr(self, name) for name in SubmissionObservations.model_fields}
        )


class ObservationLine(NamedTuple):
    """A line of the file: the student as written, and the line's number from 1."""

    student: str
    observations: SubmissionObservations
    line: int


def load_observations(lab_folder: Path) -> dict[str, SubmissionObservations]:
    """Student as written -> observations; empty without a file. Raises InputError with every invalid line."""
    path = lab_folder / OBSERVATIONS
    if not path.exists():
        return {}
    issues = IssueCollector(lab_folder.name)
    lines = read_observations(path, issues)
    raise_errors(issues.issues())
    return {each.student: each.observations for each in lines}


def read_observations(path: Path, issues: IssueCollector) -> list[ObservationLine]:
    """The valid lines. An invalid one, and a second one of a student, is an error."""
    data = read_whole(path, OBSERVATIONS, LIMITS.file_bytes, issues) or b""
    found: dict[str, ObservationLine] = {}
    for number, text in enumerate(data.split(b"\n"), start=1):
        line = _parse(text, number, issues) if text.strip() else None
        if line and (first := found.setdefault(line.student, line)) is not line:
            written = f"a second line for student {quoted(line.student)}, after line {first.line}"
            issues.error("bad-observations", OBSERVATIONS, line=number, found=written)
    return list(found.values())


def _parse(text: bytes, number: int, issues: IssueCollector) -> ObservationLine | None:
    try:
        line = _Line.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(map(str, first["loc"]))
        found = f"{quoted(field)}: {first['msg'][:100]}" if field else f"invalid JSON: {first['msg'][:100]}"
        issues.error("bad-observations", OBSERVATIONS, line=number, found=found)
        return None
    return ObservationLine(line.student, line.observations, number)


def with_observations(
    submissions: Iterable[Submission], lines: Iterable[ObservationLine], ids: StudentIds, issues: IssueCollector
) -> tuple[Submission, ...]:
    """The submissions with what was observed of their current files.

    A line of other files, or of a student without a submission, is ignored with a warning.
    """
    submissions = tuple(submissions)
    by_student = {student: each for each in submissions for student in each.students}
    observed: dict[str, SubmissionObservations] = {}
    stale = []
    for line in lines:
        submission = by_student.get(ids.resolve(line.student) or line.student)
        if submission is None:
            found = f"observations of student {quoted(line.student)}, who has no submission"
            issues.warning("observations-without-submission", OBSERVATIONS, line=line.line, found=found)
        elif line.observations.submission == files_hash(submission):
            observed[submission.student] = line.observations
        else:
            stale.append(line)
    if stale:
        found = f"{len(stale)} submissions that changed since, such as that of student {quoted(stale[0].student)}"
        issues.warning("stale-observations", OBSERVATIONS, line=stale[0].line, found=found)
    return tuple(each.model_copy(update={"observations": observed.get(each.student)}) for each in submissions)


def write_observations(observations: Mapping[str, SubmissionObservations], lab_folder: Path) -> None:
    """Replaces the lab's `observations.jsonl` by a line for each student, sorted; the file is never incomplete."""
    lines = (
        _Line(student=student, **dict(each)).model_dump_json(exclude_defaults=True) + "\n"
        for student, each in sorted(observations.items())
    )
    write_atomically(lab_folder / OBSERVATIONS, "".join(lines))
