"""Reads the results of a platform for a lab's students, and adds them to the lab's `observations.jsonl`."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from labs_schema.errors import Issue, IssueCollector, check_known, quoted
from labs_schema.frozen import Frozen
from labs_schema.hashes import files_hash
from labs_schema.imports.export_files import Export, open_export, open_table
from labs_schema.imports.observations.junit import junit
from labs_schema.imports.observations.results_json import READERS, ResultsError, parse_results
from labs_schema.imports.readers.gradescope import METADATA, metadata_records
from labs_schema.imports.records import ExportFile
from labs_schema.models import Lab
from labs_schema.observations import CheckResult, SubmissionObservations
from labs_schema.reading.observations_file import load_observations, write_observations
from labs_schema.reading.validate import load_lab
from labs_schema.student_ids import local_part

PLATFORMS = ("gradescope", "prairielearn", "junit", "submitty")
RESULTS = "results.json"


class ObservationsImport(Frozen):
    """The report of an import."""

    platform: str = Field(description="The platform of the results.")
    observed: int = Field(description="Submissions with results.")
    checks: int = Field(description="Different checks in the results.")
    unmatched: tuple[str, ...] = Field(description="Results of no student of the lab.")
    without: tuple[str, ...] = Field(description="Students with a program and without results.")


class _Found(NamedTuple):
    """Results of a file: of the student by one of the `ids`. A later `version` replaces an earlier one."""

    path: str
    ids: tuple[str, ...]
    version: int
    results: list[CheckResult]


def import_observations(
    folder: Path, files: Sequence[Path], platform: str
) -> tuple[ObservationsImport, tuple[Issue, ...]]:
    """Replaces the observations of the students in `files`: results files, or folders and zip files of them.

    A student is identified by the file's name or one of its folders, in a Gradescope export by the ids of its
    submitters. The results are taken as those of the lab's current files. Damaged files are reported and left out.
    Raises InputError if a path is missing, the lab has errors or the platform is unknown.
    """
    check_known("unknown-platform", "--from", platform, PLATFORMS)
    lab, issues = load_lab(folder), IssueCollector(folder.absolute().name)
    with ExitStack() as stack:
        exports = [_opened(path, stack, issues) for path in files]
        found = [each for export in exports for each in _read(export, platform, issues)]
    matched, unmatched = _matched(lab, found, issues)
    observed = {
        each.student: SubmissionObservations(
            submission=files_hash(each), source=platform, results=tuple(matched[each.student].results)
        )
        for each in lab.submissions
        if each.student in matched
    }
    write_observations(load_observations(folder) | observed, folder)
    report = ObservationsImport(
        platform=platform,
        observed=len(observed),
        checks=len({result.check for each in observed.values() for result in each.results}),
        unmatched=tuple(unmatched),
        without=tuple(each.student for each in lab.submissions if each.student not in observed),
    )
    return report, issues.issues()


def _opened(path: Path, stack: ExitStack, issues: IssueCollector) -> Export:
    if path.is_file() and path.suffix.lower() in (".json", ".xml", ".yml"):
        export = open_table(path.absolute(), issues)
        # The folders above a single file may name its student.
        above = path.absolute().parts[1:-1][-3:]
        [file] = export.files
        return Export("", (file._replace(path="/".join((*above, file.path))),), issues)
    return stack.enter_context(open_export(path, issues))


def _read(export: Export, platform: str, issues: IssueCollector) -> Iterator[_Found]:
    suffix = ".xml" if platform == "junit" else ".json"
    candidates = [file for file in export.files if file.path.lower().endswith(suffix)]
    # Exports have other JSON files next to the results, such as Submitty's history.json.
    named = [file for file in candidates if _name(file) == RESULTS]
    for file in named or candidates:
        if (data := export.data(file)) is None:
            continue
        try:
            results = junit(data) if platform == "junit" else parse_results(data, READERS[platform])
        except ResultsError as error:
            issues.warning("bad-results", file.path, found=str(error))
            continue
        yield _Found(file.path, _ids_in(file.path), _version(file.path), results)
    for file in export.files:
        if platform == "gradescope" and _name(file) == METADATA:
            yield from _from_metadata(export, file, issues)


def _name(file: ExportFile) -> str:
    return file.path.rsplit("/", 1)[-1]


def _from_metadata(export: Export, file: ExportFile, issues: IssueCollector) -> Iterator[_Found]:
    """The results in Gradescope's `submission_metadata.yml`, whose keys start with a colon. Raises InputError."""
    text = export.text(file)
    for key, record in metadata_records(text).items() if text is not None else ():
        document = json.dumps(_without_colons(record.get(":results")))
        submitters = record.get(":submitters")
        people = [each for each in submitters if isinstance(each, dict)] if isinstance(submitters, list) else []
        ids = tuple(str(person[name]) for name in (":sid", ":email") for person in people if person.get(name))
        try:
            results = parse_results(document.encode(), READERS["gradescope"])
        except ResultsError as error:
            issues.warning("bad-results", f"{file.path}/{key}", found=str(error))
            continue
        yield _Found(f"{file.path}/{key}", ids, 0, results)


def _without_colons(value: Any) -> Any:
    """Ruby's symbols as keys: `:tests` is `tests`. The depth is bounded by the reader of the metadata."""
    if isinstance(value, dict):
        return {str(key).removeprefix(":"): _without_colons(each) for key, each in value.items()}
    return [_without_colons(each) for each in value] if isinstance(value, list) else value


def _ids_in(path: str) -> tuple[str, ...]:
    """The names in a path that may be a student's id, nearest first: `s1` in `results/lab1/s1/3/results.json`."""
    *folders, name = path.split("/")
    return (name.rsplit(".", 1)[0], *reversed(folders))


def _version(path: str) -> int:
    """Submitty's number of the attempt: the last folder."""
    folders = path.split("/")[:-1]
    return int(folders[-1]) if folders and re.fullmatch(r"[0-9]{1,6}", folders[-1]) else 0


def _matched(lab: Lab, found: Sequence[_Found], issues: IssueCollector) -> tuple[Mapping[str, _Found], Sequence[str]]:
    """Student of a submission -> its results, and the paths of no student."""
    by_id = _students_by_id(lab)
    matched: dict[str, _Found] = {}
    unmatched = []
    for each in found:
        owner = next((by_id[id_] for id_ in map(local_part, each.ids) if id_ in by_id), None)
        if owner is None:
            unmatched.append(each.path)
            continue
        earlier = matched.setdefault(owner, each)
        if earlier is each:
            continue
        if earlier.version == each.version:
            issues.warning("two-results", each.path, found=f"results of student {quoted(owner)} after {earlier.path}")
        elif each.version > earlier.version:
            matched[owner] = each
    if unmatched:
        found_text = f"{len(unmatched)} files of no student of the lab, such as {quoted(unmatched[0], 100)}"
        issues.warning("results-without-student", unmatched[0], found=found_text)
    return matched, unmatched


def _students_by_id(lab: Lab) -> dict[str, str]:
    """Id before the `@`, or full id -> the student of the submission. Ids that several students share are left out."""
    owners: dict[str, set[str]] = {}
    for submission in lab.submissions:
        for student in submission.students:
            for written in {student, local_part(student), *_roster_ids(lab, student)}:
                owners.setdefault(written, set()).add(submission.student)
    return {written: min(students) for written, students in owners.items() if len(students) == 1}


def _roster_ids(lab: Lab, student: str) -> Iterator[str]:
    for person in lab.roster:
        if student in map(local_part, person.ids):
            yield from map(local_part, person.ids)
