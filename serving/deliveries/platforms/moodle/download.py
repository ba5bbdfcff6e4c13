"""An assignment as files, as `grader import` reads them: submissions, participants, rubric and the teachers' levels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from labs_schema.errors import InputError, error_issue
from labs_schema.limits import ImportLimits
from labs_schema.models import Criterion, Rating, is_bonus_title
from labs_schema.rubrics.rubric_json import RUBRIC
from labs_schema.submissions.file_names import safe_member_path
from labs_schema.tables.csv_writer import write_csv
from labs_schema.writing.lab_writer import write_rubric
from serving.deliveries.platforms.moodle.assignment import Address, MoodleAssignment, read_assignment
from serving.deliveries.platforms.moodle.client import MoodleClient
from serving.deliveries.platforms.moodle.rubrics import Definition, read_fillings
from serving.outbound.client import OutboundClient

NO_GROUP = "Default group"
Progress = Callable[[str, int, int], None]


class Downloaded(NamedTuple):
    """`submissions`: a folder as Moodle's zip file; `roster`: a grading worksheet without grades.

    `lab`: a folder with the rubric; `grades`: the levels that teachers chose. Both are None without a rubric.
    """

    submissions: Path
    roster: Path
    lab: Path | None
    grades: Path | None


def download_assignment(
    address: Address, token: str, client: OutboundClient, folder: Path, progress: Progress
) -> Downloaded:
    """Downloads into the empty `folder`. Raises DeliveryError, InputError for too large files, and OSError."""
    moodle = MoodleClient(address.base, token, client)
    assignment = read_assignment(moodle, address.cmid)
    people = moodle.read("mod_assign_list_participants", assignid=assignment.id, groupid=0, filter="")
    answer = moodle.read("mod_assign_get_user_mappings", assignmentids=[assignment.id])
    numbers = {each["userid"]: str(each["id"]) for part in answer["assignments"] for each in part["mappings"]}
    submissions, roster = folder / "submissions", folder / "participants.csv"
    submissions.mkdir()
    _write_roster(people, numbers, assignment, roster)
    answer = moodle.read("mod_assign_get_submissions", assignmentids=[assignment.id])
    found = [each for part in answer["assignments"] for each in part["submissions"]]
    teams = {group["id"]: group["name"] for each in people for group in each.get("groups") or []}
    left = ImportLimits().export_bytes
    for done, each in enumerate(found, start=1):
        name = _owner(each, numbers, teams, assignment)
        if name is not None:
            left = _write_files(moodle, each, submissions / f"{name}_assignsubmission_file", left)
        progress("Downloading", done, len(found))
    if not any(submissions.iterdir()):
        nothing, hint = "an assignment to which no one has submitted", "Import it after the first submission."
        raise InputError([error_issue("no-export", address.base, found=nothing, hint=hint)])
    if assignment.definition is None:
        return Downloaded(submissions, roster, None, None)
    lab, grades = folder / "lab", folder / "levels.csv"
    lab.mkdir()
    write_rubric(_criteria(assignment.definition), lab / RUBRIC)
    rated = _write_levels(moodle, assignment, numbers, grades)
    return Downloaded(submissions, roster, lab, grades if rated else None)


def _write_roster(
    people: Sequence[Mapping[str, Any]], numbers: Mapping[int, str], assignment: MoodleAssignment, path: Path
) -> None:
    """Names are left out. The group is that of the submission only for students with one group."""
    header = ["Identifier", "ID number", "Email address", *(["Group"] if assignment.teams else [])]
    rows = [header]
    for each in people:
        groups = [str(group["name"]) for group in each.get("groups") or []]
        team = NO_GROUP if not groups else groups[0] if len(groups) == 1 else ""
        row = [f"Participant {numbers.get(each['id'], '')}", each.get("idnumber") or "", each.get("email") or ""]
        rows.append([*row, team] if assignment.teams else row)
    write_csv(path, rows)


def _owner(
    submission: Mapping[str, Any], numbers: Mapping[int, str], teams: Mapping[int, str], assignment: MoodleAssignment
) -> str | None:
    """The start of the folder's name; None if its author is not in the assignment, or if it was not submitted."""
    if submission["status"] == "new":
        return None
    if not assignment.teams:
        number = numbers.get(submission["userid"])
        return number and f"Participant_{number}"
    if submission["userid"]:  # a team's submission has one more row for each member
        return None
    group = submission["groupid"]
    name = "".join(char if char.isalnum() else " " for char in teams.get(group, NO_GROUP if not group else "Group"))
    return f"{name}_{group}" if group else NO_GROUP


def _write_files(moodle: MoodleClient, submission: Mapping[str, Any], folder: Path, left: int) -> int:
    """Returns the number of bytes that may still be downloaded. The folder is created also without files."""
    folder.mkdir(exist_ok=True)
    limits = ImportLimits()
    for file in _files(submission):
        path = safe_member_path(f"{str(file.get('filepath') or '/').lstrip('/')}{file['filename']}")
        if path is None or file["filesize"] > limits.file_bytes:
            continue  # `grader import` would not read it either; the student's folder exists
        left -= int(file["filesize"])
        if left < 0:
            found, expected = "more than the limit for an export", f"at most {limits.export_bytes:,} bytes"
            raise InputError([error_issue("export-too-big", "submissions", found=found, expected=expected)])
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(moodle.download(str(file["fileurl"]), limits.file_bytes))
    return left


def _files(submission: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for plugin in submission.get("plugins") or []:
        for area in plugin.get("fileareas") or []:
            if area.get("area") == "submission_files":
                yield from area.get("files") or []


def _criteria(definition: Definition) -> tuple[Criterion, ...]:
    """The best rating first."""
    return tuple(
        Criterion(
            title=each.title,
            ratings=tuple(
                Rating(title=level.title, marks=level.points)
                for level in sorted(each.levels, key=lambda level: -(level.points or 0))
            ),
            bonus=is_bonus_title(each.title),
        )
        for each in definition.rubric.criteria
    )


def _write_levels(moodle: MoodleClient, assignment: MoodleAssignment, numbers: Mapping[int, str], path: Path) -> int:
    """Writes the levels that other accounts chose, as a table of Canvas's columns; returns the number of students.

    Grades of this account were sent by `grader` and are not a teacher's decision.
    """
    definition = assignment.definition
    assert definition is not None
    answer = moodle.read("mod_assign_get_grades", assignmentids=[assignment.id])
    rows = [each for part in answer["assignments"] for each in part["grades"]]
    fillings = read_fillings(moodle, definition, 0, {row["id"] for row in rows}) if rows else {}
    titles = {(each.id, level.id): level.title for each in definition.rubric.criteria for level in each.levels}
    header = ["Student Id", "Student Name"]
    for each in definition.rubric.criteria:
        header += [f"Rating: {each.title}", f"Points: {each.title}", f"Comments: {each.title}"]
    table: list[list[str]] = []
    for row in rows:
        chosen = fillings.get(row["id"], {})
        if row["grader"] == assignment.account or float(row["grade"] or -1) < 0 or not chosen:
            continue
        cells = [numbers.get(row["userid"], ""), ""]
        for each in definition.rubric.criteria:
            value = chosen.get(each.id)
            title = titles.get(
                (each.id, (value and value.level) or ""), ""
            )  # Moodle stores levels of other criteria, too
            points = value.points if value and title else None
            cells += [title, "" if points is None else f"{points:g}", value.comment if value and title else ""]
        table.append(cells)
    write_csv(path, [header, *table])
    return len(table)
