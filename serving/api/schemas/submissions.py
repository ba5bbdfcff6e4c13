"""A submission in a request: its files or an archive of them, and the outcomes of running it elsewhere.

The text of files is normalised like a lab's, so that the same file gets the same grade from both.
"""

import base64
from typing import Annotated

from pydantic import BeforeValidator, FailFast, Field, model_validator

from labs_schema.errors import InputError, error_issue
from labs_schema.hashes import files_hash
from labs_schema.limits import LabLimits, ObservationLimits
from labs_schema.models import Lab, Submission
from labs_schema.observations import CheckResult, SubmissionObservations, Tag
from labs_schema.submissions.adhoc_submission import read_given_archive, read_given_files
from labs_schema.submissions.file_names import ARCHIVE_SUFFIXES, archive_suffix
from serving.api.schemas.parts import Filename, RequestPart, Text, at_most, check_distinct

FILES = LabLimits().submission_files
OBSERVED = ObservationLimits()


class FileIn(RequestPart):
    filename: Filename = Field(description="A relative path, such as src/main.c.")
    content: Text = Field(description="The file's text.")


class ArchiveIn(RequestPart):
    """A zip or tar archive, as the student submitted it."""

    filename: Filename = Field(description="Its name, with the suffix of its format: work.zip, work.tar.gz.")
    content: str = Field(min_length=1, description="The archive in base64.")

    @model_validator(mode="after")
    def is_archive(self) -> "ArchiveIn":
        if archive_suffix(self.filename) is None:
            raise ValueError(f"an archive named with one of {', '.join(ARCHIVE_SUFFIXES)}")
        return self


class SubmissionIn(RequestPart):
    """Files with distinct names, or one archive of them. As in a lab, only source files are graded."""

    files: Annotated[
        tuple[FileIn, ...],
        FailFast(),
        Field(min_length=1, max_length=FILES, description="The student's files, unless there is an archive."),
        BeforeValidator(at_most(FILES)),
    ] = ()
    archive: ArchiveIn | None = Field(default=None, description="Instead of `files`.")

    @model_validator(mode="after")
    def one_source(self) -> "SubmissionIn":
        if bool(self.files) == (self.archive is not None):
            raise ValueError("either files or an archive")
        check_distinct("filename", [file.filename for file in self.files])
        return self

    def read(self, lab: Lab) -> Submission:
        """The submission, without a student, because grading does not depend on the author. Raises InputError.

        The lab's criteria decide whether text cells of notebooks are read, its encoding is for archived files.
        """
        if self.archive is None:
            return read_given_files([(file.filename, file.content) for file in self.files], lab.language, lab.criteria)
        try:
            data = base64.b64decode(self.archive.content, validate=True)
        except ValueError:
            issue = error_issue(
                "bad-archive",
                "submission.archive.content",
                found="text that is not base64",
                expected="the bytes of the archive in base64",
                hint="Encode the archive in base64.",
            )
            raise InputError([issue]) from None
        return read_given_archive(self.archive.filename, data, lab.language, lab.criteria, lab.encoding)


class ObservationsIn(RequestPart):
    """Outcomes of building and running the submission elsewhere, with the fields of `observations.jsonl`."""

    source: Tag = Field(default="api", description="Where the results are from.")
    tools: Annotated[dict[str, str], Field(max_length=OBSERVED.tools)] = Field(
        default={}, description="Name and version of compilers and linters."
    )
    results: Annotated[
        tuple[CheckResult, ...],
        FailFast(),
        Field(min_length=1, max_length=OBSERVED.results, description="One for each check; names are unique."),
        BeforeValidator(at_most(OBSERVED.results)),
    ]

    @model_validator(mode="after")
    def checks_differ(self) -> "ObservationsIn":
        check_distinct("check", [result.check for result in self.results])
        return self

    def of(self, submission: Submission) -> SubmissionObservations:
        """The observations of the submission's files."""
        return SubmissionObservations(
            submission=files_hash(submission), source=self.source, tools=self.tools, results=self.results
        )
