"""Exports the results of a lab as a file for a course platform."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from labs_schema.errors import InputError, check_known, error_issue
from labs_schema.files.atomic import write_atomically
from labs_schema.limits import ImportLimits
from serving.exports.feedback_documents import Documents, feedback_documents
from serving.exports.feedback_zip import feedback_zip
from serving.exports.gradebook import filled_gradebook
from serving.exports.platform_csv import FORMATS, excel_table, filled_table, new_table
from serving.exports.results import Results, read_results
from serving.exports.scores import ExportReport, Policy
from serving.exports.submitty import submitty_results
from serving.exports.worksheet import Columns, edit_worksheet

Exported = tuple[bytes, ExportReport]
SQLITE = b"SQLite format 3\0"


@dataclass(frozen=True)
class ExportRequest:
    """`template` is the file that the platform exported; `column` and `feedback_column` are headings in it."""

    platform: str
    results: Path
    template: Path | None = None
    column: str | None = None
    feedback_column: str | None = None
    assignment: str | None = None
    policy: Policy = field(default_factory=Policy)
    documents: Documents = field(default_factory=Documents)


def export_results(request: ExportRequest, out: Path | None) -> ExportReport:
    """Writes the file `out`, atomically; None for a dry run.

    Raises InputError if the results, the template or the platform are unusable, OSError if `out` cannot be written.
    """
    check_known("unknown-platform", "PLATFORM", request.platform, EXPORTERS)
    if out is not None and request.template is not None and out.resolve() == request.template.resolve():
        hint = "Choose another --out, so that the original is not changed."
        raise InputError([error_issue("output-exists", out, found="the template itself", hint=hint)])
    data, report = EXPORTERS[request.platform](request, read_results(request.results), _template(request))
    if out is not None:
        write_file(out, data)
    return report


def _template(request: ExportRequest) -> bytes | None:
    if request.template is None:
        if request.platform in NEED_TEMPLATE:
            hint = f"Pass {NEED_TEMPLATE[request.platform]} as --template."
            raise InputError([error_issue("no-template", request.platform, hint=hint)])
        return None
    if request.platform in READ_FOLDERS:
        return None
    maximum = ImportLimits().template_bytes
    with request.template.open("rb") as file:
        data = file.read(maximum + 1)
    if len(data) > maximum:
        found, expected = "a larger file", f"at most {maximum:,} bytes"
        raise InputError([error_issue("export-too-big", request.template.name, found=found, expected=expected)])
    return data


def write_file(out: Path, data: bytes) -> None:
    """Atomically, readable by its owner only. Raises OSError."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(out, data, mode=0o600)


def _table(request: ExportRequest, results: Results, template: bytes | None) -> Exported:
    format_ = FORMATS[request.platform]
    if template is None:
        return new_table(results, request.policy, format_)
    return filled_table(template, results, request.policy, format_, request.column, request.assignment)


def _nbgrader(request: ExportRequest, results: Results, template: bytes | None) -> Exported:
    """A copy of the gradebook if the template is one, else the table of `nbgrader export`."""
    if template is not None and template.startswith(SQLITE):
        return filled_gradebook(template, results, request.policy, request.assignment)
    return _table(request, results, template)


def _submitty(request: ExportRequest, results: Results) -> Exported:
    assert request.template is not None
    return submitty_results(request.template, results, request.policy, request.assignment)


EXPORTERS: dict[str, Callable[[ExportRequest, Results, bytes | None], Exported]] = {
    "canvas": _table,
    "moodle": lambda request, results, template: edit_worksheet(
        template or b"", results, request.policy, Columns(request.column, request.feedback_column)
    ),
    "moodle-feedback": lambda request, results, template: feedback_zip(template or b"", results, request.policy),
    "gradescope": _table,
    "nbgrader": _nbgrader,
    "github-classroom": _table,
    "prairielearn": _table,
    "submitty": lambda request, results, _: _submitty(request, results),
    "excel": lambda request, results, _: excel_table(results, request.policy),
    "feedback": lambda request, results, _: feedback_documents(
        request.results, results, request.documents, include_review=request.policy.include_review
    ),
}
NEED_TEMPLATE = {
    "canvas": "the gradebook exported from Canvas",
    "moodle": "the grading worksheet downloaded from Moodle",
    "moodle-feedback": "the grading worksheet downloaded from Moodle",
    "prairielearn": "the CSV file of the manual grading page of PrairieLearn",
    "submitty": "the imported folder of the gradeable's submissions",
}
READ_FOLDERS = frozenset({"submitty"})
"""Their template is a folder or a zip file, which the exporter reads itself."""
