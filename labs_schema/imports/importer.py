"""Imports an export of a course platform as a lab."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from labs_schema.errors import InputError, Issue, IssueCollector, error_issue, raise_errors
from labs_schema.files.file_reader import read_text
from labs_schema.imports.export_files import Export, open_export, open_table
from labs_schema.imports.identities import Identifier, merged_rosters, read_roster_entries
from labs_schema.imports.platform_tables import PlatformTable
from labs_schema.imports.platforms import read_platform
from labs_schema.imports.ratings import grade
from labs_schema.imports.readers.canvas import is_assessments, is_rubric, read_assessments, read_rubric
from labs_schema.imports.readers.gradescope import is_evaluation, read_evaluation
from labs_schema.imports.readers.moodle import with_team_members
from labs_schema.imports.records import (
    ExportFile,
    IdKind,
    ImportedLab,
    ImportReport,
    PlatformExport,
    RosterEntry,
)
from labs_schema.imports.resolution import Students
from labs_schema.imports.writer import Progress, check_output, write_imported
from labs_schema.limits import LabLimits
from labs_schema.models import Criterion
from labs_schema.reading.lab_folders import RATINGS
from labs_schema.rubrics.rubric_json import RUBRIC, parse_rubric
from labs_schema.tables.reader import is_table_name


@dataclass(frozen=True)
class ImportSource:
    """The input of an import: the export; optionally a roster, the TAs' tables, and a lab with a rubric.

    `grades` are tables, or folders or zip files of tables. `assignment` chooses one of several in a course export.
    """

    platform: str
    export: Path
    roster: Path | None = None
    grades: tuple[Path, ...] = ()
    lab: Path | None = None
    assignment: str | None = None


def import_lab(
    source: ImportSource, out: Path | None, progress: Progress = lambda *_: None
) -> tuple[ImportReport, tuple[Issue, ...]]:
    """Imports into the folder `out`, which must not exist; None for a dry run, which writes nothing.

    Raises InputError if the export cannot be used, OSError if `out` cannot be written.
    """
    issues = IssueCollector(source.export.absolute().name)
    if out is not None:
        check_output(out)
    with open_export(source.export, issues) as export:
        found = read_platform(source.platform, export, source.assignment)
        found = with_tables(found, [(file.path, export.table(file)) for file in _tables(export, found)])
        for path in _graded_tables(source):
            found = with_tables(found, _named_tables(path, export))
        roster = merged_rosters([found.roster, _read_roster(source.roster, export)])
        lab, report = _resolved(source, found, roster, issues)
        raise_errors(issues.issues())
        written = None if out is None else write_imported(lab, source.lab, out, issues, progress)
    return report.model_copy(update={"written": written}), issues.issues()


def _tables(export: Export, found: PlatformExport) -> list[ExportFile]:
    """The tables that lie next to the submissions."""
    unused = set(found.unused)
    tables = (file for file in export.files if is_table_name(file.path))
    return [file for file in tables if "/" not in file.path or file.path.split("/")[-1] in unused]


def _graded_tables(source: ImportSource) -> tuple[Path, ...]:
    """The tables in `source.grades`, and the ratings of `source.lab` if a platform exported them."""
    own = source.lab / RATINGS if source.lab else None
    return (*source.grades, own) if own and own.is_file() else source.grades


def _named_tables(path: Path, export: Export) -> list[tuple[str, PlatformTable | None]]:
    """Name and content of each table at `path`; a fault of a single file is an error."""
    if path.is_dir() or path.suffix.lower() == ".zip":
        with open_export(path, export.issues) as tables:
            return [(each.path, tables.table(each)) for each in tables.files if is_table_name(each.path)]
    single = open_table(path, export.issues)
    return [(path.name, single.table(single.files[0], export.issues))]


def with_tables(found: PlatformExport, tables: Iterable[tuple[str, PlatformTable | None]]) -> PlatformExport:
    """Adds the TAs' decisions, rubrics and rosters in the tables, which are recognised by their headings."""
    assessments, scales, criteria, roster = list(found.assessments), dict(found.scales), found.criteria, found.roster
    for name, table in tables:
        if table is None:
            continue
        if is_evaluation(table.headings):
            more, scale = read_evaluation(_question(name), table)
            assessments += more
            scales |= scale
        elif is_assessments(table.headings):
            assessments += read_assessments(table)
        elif is_rubric(table.headings):
            criteria = criteria or read_rubric(table)
        elif entries := read_roster_entries(table):
            roster = (*roster, *entries)
    return replace(found, assessments=tuple(assessments), scales=scales, criteria=criteria, roster=roster)


def _question(name: str) -> str:
    """The question in the name of its table: `Question 1` for `evaluations/2_Question_1.csv`."""
    stem = name.split("/")[-1].rsplit(".", 1)[0]
    return " ".join(re.sub(r"^\d+[_ -]+", "", stem).replace("_", " ").split()) or "Question"


def _read_roster(path: Path | None, export: Export) -> tuple[RosterEntry, ...]:
    if path is None:
        return ()
    single = open_table(path, export.issues)
    table = single.table(single.files[0], export.issues)
    entries = read_roster_entries(table) if table else ()
    if table and not entries:
        found, expected = "no column of student ids", "a roster, gradebook or grading worksheet with its headings"
        hint = "Export it again from the platform, as CSV."
        raise InputError([error_issue("roster-columns", path.name, found=found, expected=expected, hint=hint)])
    return entries


def _resolved(
    source: ImportSource, found: PlatformExport, roster: tuple[RosterEntry, ...], issues: IssueCollector
) -> tuple[ImportedLab, ImportReport]:
    students = Students(Identifier(roster), issues)
    submissions = students.assign(with_team_members(found.works, roster))
    if not roster and any(owner[0].kind is IdKind.PLATFORM for work in found.works for owner in work.owners if owner):
        issues.warning("platform-ids", "")
    rubric = _rubric(source.lab, issues)
    graded = grade(found, rubric, students.student_of, issues)
    criteria = graded.criteria
    lab = ImportedLab(submissions, criteria, graded.grades, roster, own_rubric=not rubric)
    if found.unused:
        issues.warning("unused-file", found.unused[0], found=f"{len(found.unused):,} files of no submission")
    return lab, _report(source.platform, lab, students, graded.unused)


def _rubric(lab: Path | None, issues: IssueCollector) -> tuple[Criterion, ...]:
    """The rubric of the lab that is named; empty if it has none."""
    if lab is None or not (lab / RUBRIC).exists():
        return ()
    text = read_text(lab / RUBRIC, RUBRIC, LabLimits().rubric_bytes, issues)
    return (parse_rubric(text, issues) or ()) if text is not None else ()


def _report(platform: str, lab: ImportedLab, students: Students, unused: int) -> ImportReport:
    total = sum(1 + len(each.members) for each in lab.submissions)
    known = bool(students.identifier.roster)
    unmatched, ambiguous = tuple(sorted(students.unmatched)), tuple(sorted(students.ambiguous))
    return ImportReport(
        platform=platform,
        submissions=len(lab.submissions),
        students=total,
        written=None,
        matched=total - len(unmatched) - len(ambiguous) if known else 0,
        unmatched=unmatched,
        ambiguous=ambiguous,
        absent=tuple(entry.ids[0].value for entry in lab.roster if entry not in students.matched),
        late=tuple(each.student for each in lab.submissions if each.work.late),
        older_attempts=students.older,
        groups=sum(bool(each.members) for each in lab.submissions),
        files=sum(len(each.work.files) for each in lab.submissions),
        criteria=len(lab.criteria),
        rated_students=len({each.student for each in lab.grades}),
        ratings=len(lab.grades),
        ratings_unused=unused,
    )
