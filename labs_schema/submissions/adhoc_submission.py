"""One program given by its files, outside any lab's folder: read with the rules and caps of a lab's submissions."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from labs_schema.collector import FaultCollector
from labs_schema.errors import Fault, FaultsError, Severity
from labs_schema.limits import Limits
from labs_schema.models import Person, SourceFile, Submission
from labs_schema.privacy.redaction import names_of, noted
from labs_schema.source.languages import UNKNOWN
from labs_schema.submissions.entries import file_entry, folder_entries, packed_entries
from labs_schema.submissions.file_names import archive_suffix, clean
from labs_schema.submissions.source_files import source_files
from labs_schema.submissions.submissions_folder import files_in

GIVEN = "the files given"


def read_handed_in(
    paths: Sequence[Path], language: str = UNKNOWN, roster: tuple[Person, ...] = ()
) -> tuple[Submission, tuple[Fault, ...]]:
    """`paths` (source files, archives, folders) as one submission to a lab in `language`, and warnings of what was set
    aside. Like a lab's own submissions it keeps the files in that language, where it has any, and its words that name
    somebody of the `roster` are noted.

    Raises FaultsError with all errors where a path cannot be read, two files have one name, or none is source.
    """
    files: list[SourceFile] = []
    faults: list[Fault] = []
    for path in paths:
        found, of_path = _read(path.absolute())
        files += found
        faults += of_path
    faults += _together(files, failed=any(fault.severity is Severity.ERROR for fault in faults))
    if errors := [fault for fault in faults if fault.severity is Severity.ERROR]:
        raise FaultsError(errors)
    named = tuple(sorted(files, key=lambda file: file.path))
    if language != UNKNOWN:
        others = FaultCollector(GIVEN)
        named = files_in(named, language, "", others)
        faults += others.faults()
    submission = Submission(student="", folder="", files=named)
    return noted(submission, language, names_of(roster)), tuple(faults)


def _read(path: Path) -> tuple[tuple[SourceFile, ...], tuple[Fault, ...]]:
    """The source files at an absolute path, and every fault there."""
    faults, limits = FaultCollector(str(path.parent.parent).rstrip("/")), Limits()
    folder, name = path.parent.name, clean(path.name)
    where = f"{folder}/{name}"
    if path.is_dir():
        found = source_files(folder_entries(path, where, limits, faults), where, limits, faults)
    elif archive_suffix(name):
        found = source_files(packed_entries(path, where, limits, faults), where, limits, faults)
    else:
        found = source_files(iter([file_entry(path, name, where, faults)]), folder, limits, faults)
    return found.files, faults.faults()


def _together(files: Sequence[SourceFile], *, failed: bool) -> tuple[Fault, ...]:
    """What is wrong with the files as one submission; that there are none is told where nothing else is wrong."""
    faults = FaultCollector(GIVEN)
    for name, count in Counter(file.path for file in files).items():
        if count > 1:
            faults.error(
                "duplicate-path", name, found=f"{count} files of one name", expected="one", hint="Rename the others."
            )
    if not files and not failed:
        faults.error("no-source", "", found="no source file", expected="a program", hint="Name its source files.")
    return faults.faults()
