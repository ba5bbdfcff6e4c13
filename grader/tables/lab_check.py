"""`grader check`: reads labs, and reports their issues as a table and grouped by code."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from labs_schema.checks.reading import read_checks, report_unknown_checks
from labs_schema.errors import InputError, Issue, IssueCollector, Severity
from labs_schema.frozen import Frozen
from labs_schema.imports.unimported import plain_folder, unimported_exports, unimported_in_lab
from labs_schema.models import NO_SUBMISSION
from labs_schema.reading.lab_folders import is_lab
from labs_schema.reading.validate import Validated, lab_folders, read_lab, stray_entries
from labs_schema.submissions.file_names import safe_name

SHOWN, SHOWN_ERRORS = 3, 20
"""Issues of a code that are printed. A person fixes errors one by one; warnings may concern every student."""


class LabCheck(Frozen):
    """Sizes and issues of a lab. Sizes are None if the lab has an error. The lab itself is dropped, to save memory.

    `unreadable`: submissions without a readable program; `absent`: students of tables and rosters without any.
    """

    lab: str
    language: str | None = None
    submissions: int | None = None
    unreadable: int | None = None
    absent: int | None = None
    criteria: int | None = None
    graded: int | None = None
    issues: tuple[Issue, ...] = ()

    @property
    def errors(self) -> int:
        return sum(issue.severity is Severity.ERROR for issue in self.issues)


class Report(Frozen):
    """All labs of a folder. `strays`: warnings about entries that are not labs."""

    labs: tuple[LabCheck, ...]
    strays: tuple[Issue, ...]

    @property
    def ok(self) -> bool:
        exports = any(issue.severity is Severity.ERROR for issue in self.strays)
        return not exports and not any(lab.errors for lab in self.labs)


def check_labs(path: Path, language: str | None = None, progress: bool = False) -> Report:
    """Reads every lab at `path`, a lab or a folder of labs. Raises InputError if there is none."""
    unimported = () if is_lab(path) else tuple(unimported_exports(path))
    try:
        folders = lab_folders(path)
    except InputError as error:
        raise InputError([*(unimported or plain_folder(path)), *error.issues]) from None
    shown = track(folders, "Checking", transient=True, disable=not progress or len(folders) < 2)
    return Report(
        labs=tuple(_checked(safe_name(folder.absolute().name), _validated(folder, language)) for folder in shown),
        strays=(*unimported, *stray_entries(path)),
    )


def _validated(folder: Path, language: str | None) -> Validated:
    """An export among the lab's files explains its other issues, so that it comes first."""
    validated = read_lab(folder, language=language)
    if issue := unimported_in_lab(folder):
        validated = Validated(lab=None, issues=(issue, *validated.issues))
    return _with_checks(folder, validated)


def _with_checks(folder: Path, validated: Validated) -> Validated:
    """Faults in the lab's checks, which only `grader check` and `grader observe` read, are errors like its own."""
    issues = IssueCollector(safe_name(folder.absolute().name))
    checks = read_checks(folder, issues)
    if checks and validated.lab:
        report_unknown_checks(validated.lab.criteria, checks, issues)
    if not (found := issues.issues()):
        return validated
    lab = None if issues.failed else validated.lab
    counts = validated.counts | issues.counts()
    return Validated(lab=lab, issues=(*found, *validated.issues), counts=counts)


def _checked(name: str, validated: Validated) -> LabCheck:
    lab = validated.lab
    if lab is None:
        return LabCheck(lab=name, issues=validated.issues)
    absent = sum(each.code == NO_SUBMISSION for each in lab.unreadable)
    return LabCheck(
        lab=lab.name,
        language=lab.language,
        submissions=len(lab.submissions),
        unreadable=len(lab.unreadable) - absent,
        absent=absent,
        criteria=len(lab.criteria),
        graded=sum(grade.rating is not None for grade in lab.human_grades),
        issues=validated.issues,
    )


def as_table(report: Report) -> RenderableType:
    """The table, the issues by code, and a one-line conclusion."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("Lab", overflow="fold")
    table.add_column("Language")
    for title in ("Submissions", "Unreadable", "Absent", "Criteria", "Ratings", "Errors", "Warnings"):
        table.add_column(title, justify="right")
    for lab in report.labs:
        unreadable = f"[bold red]{lab.unreadable:,}[/]" if lab.unreadable else _size(lab.unreadable)
        sizes = _size(lab.submissions), unreadable, *map(_size, (lab.absent, lab.criteria, lab.graded))
        errors = f"[red]{lab.errors}[/]" if lab.errors else "0"
        table.add_row(escape(lab.lab), lab.language or "-", *sizes, errors, str(len(lab.issues) - lab.errors))
    issues = [*report.strays, *(issue for lab in report.labs for issue in lab.issues)]
    bad = sum(lab.errors > 0 for lab in report.labs)
    verdict = f"[red]{bad} of {len(report.labs)} labs cannot be used[/]" if bad else "[green]All labs can be used.[/]"
    return Group(table, *grouped(issues), *_unreadable(report), verdict)


def _size(size: int | None) -> str:
    return "-" if size is None else f"{size:,}"


def _unreadable(report: Report) -> Iterator[str]:
    """The labs with unreadable submissions, last, where a reader of a long list of warnings sees them."""
    for lab in report.labs:
        if lab.unreadable:
            total, many = lab.unreadable + (lab.submissions or 0), any(i.code == "many-unreadable" for i in lab.issues)
            text = f"{escape(lab.lab)}: {lab.unreadable:,} of {total:,} submissions have no readable program."
            yield f"[bold red]{text} Check the export before grading.[/]" if many else f"[yellow]{text}[/]"


def grouped(issues: Iterable[Issue]) -> Iterator[str]:
    """One block per code, errors first: the number of issues, the first of them, and the hint."""

    def kind(issue: Issue) -> tuple[bool, str]:
        return issue.severity is not Severity.ERROR, issue.code

    for (warning, code), group in groupby(sorted(issues, key=kind), key=kind):
        same = list(group)
        yield f"[{'yellow' if warning else 'red'}]{'warning' if warning else 'error'}[/] [bold]{code}[/] ({len(same)})"
        yield from _examples(same)


def _examples(same: Sequence[Issue]) -> Iterator[str]:
    shown = same[: SHOWN_ERRORS if same[0].severity is Severity.ERROR else SHOWN]
    one_hint = len({issue.hint for issue in shown}) == 1
    for issue in shown:
        where = issue.path if issue.line is None else f"{issue.path}:{issue.line}"
        yield f"    {escape(where)}: found {escape(issue.found)}; expected {escape(issue.expected)}"
        yield from () if one_hint else (f"        [dim]{escape(issue.hint)}[/]",)
    if len(same) > len(shown):
        yield f"    and {len(same) - len(shown)} more (--json lists them)"
    yield from (f"    [dim]{escape(shown[0].hint)}[/]",) if one_hint else ()
