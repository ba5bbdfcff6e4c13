"""Moodle's feedback files: a zip file with a text for each student, named by the number of the participant."""

from labs_schema.errors import InputError, error_issue
from labs_schema.imports.identities import row_entries
from labs_schema.imports.records import IdKind
from serving.exports.matching import match_rows
from serving.exports.platform_csv import given_table
from serving.exports.results import Results
from serving.exports.scores import Change, ExportReport, Policy, report, zip_file


def feedback_zip(worksheet: bytes, results: Results, policy: Policy) -> tuple[bytes, ExportReport]:
    """The zip file, with files only for students whose grade may be exported. Names are not written.

    `worksheet` is the grading worksheet, which lists the participants. Raises InputError if it is not a table, or
    one of team submissions.
    """
    entries = row_entries(given_table(worksheet, "worksheet"))
    if any(entry and entry.team for entry in entries):  # the participants' numbers would be taken for those of teams
        raise InputError([error_issue("team-feedback", "worksheet")])
    rows = [entry.ids if entry else () for entry in entries]
    match = match_rows([each.student for each in results.students], rows)
    texts: list[tuple[str, str]] = []
    changes: dict[str, Change] = {}
    for result in results.students:
        ids = rows[match.row_of[result.student]] if result.student in match.row_of else ()
        number = next((value for kind, value in ids if kind is IdKind.PLATFORM), None)
        if number and policy.allows(result):
            name = f"Participant_{number}_assignfeedback_file_/feedback.txt"
            texts.append((name, result.feedback + "\n"))
            changes[result.student] = Change(student=result.student, before="", after=name)
    return zip_file(texts), report(results, changes, match.missing, match.unused)
