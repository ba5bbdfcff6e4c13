"""Submitty: a zip file of the results of each student's active version, as its autograding writes them.

The paths are those below the course's folder: `results/GRADEABLE/USER/VERSION/results.json` and `grade.txt`. Test
cases are found by their place, so the gradeable has one for each criterion, in the order of the rubric.
"""

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from labs_schema.errors import IssueCollector, raise_errors
from labs_schema.imports.export_files import open_export
from labs_schema.imports.readers.submitty import choose_gradeable, read
from labs_schema.tables.csv_writer import number
from serving.exports.matching import match_rows
from serving.exports.results import CriterionResult, Results, StudentResult
from serving.exports.scores import Change, ExportReport, Policy, report, zip_file


def submitty_results(
    submissions: Path, results: Results, policy: Policy, gradeable: str | None
) -> tuple[bytes, ExportReport]:
    """`submissions`: the gradeable's folder, or a zip file of it, which was imported. It states the active versions.

    A student whose grade may not be written has no results: Submitty shows such a version as not graded. Raises
    InputError if the folder cannot be read, or has several gradeables of which none is chosen.
    """
    name, versions = _active_versions(submissions, gradeable)
    users = list(versions)
    match = match_rows([each.student for each in results.students], [versions[user][1] for user in users])
    changes: dict[str, Change] = {}
    texts: list[tuple[str, str]] = []
    for result in results.students:
        at = match.row_of.get(result.student)
        total = policy.score(result, None)
        if at is not None and total is not None:
            folder = f"results/{name}/{users[at]}/{versions[users[at]][0]}"
            texts += [(f"{folder}/{file}", text) for file, text in _files(result, total).items()]
            changes[result.student] = Change(student=result.student, before="", after=number(total))
    return zip_file(texts), report(results, changes, match.missing, match.unused)


def _active_versions(submissions: Path, gradeable: str | None) -> tuple[str, Mapping[str, tuple[int, Any]]]:
    """The gradeable's name, and each user's active version and ids; a cancelled submission has none."""
    issues = IssueCollector(submissions.name)
    with open_export(submissions, issues) as export:
        chosen = choose_gradeable(export, gradeable)
        name = chosen.name if gradeable is None else PurePosixPath(gradeable).name
        works = read(chosen).works
    raise_errors(issues.issues())
    return name, {each.key: (each.attempt, each.owners[0]) for each in works if each.attempt > 0}


def _files(result: StudentResult, total: float) -> dict[str, str]:
    document = {
        "testcases": [_test_case(each) for each in result.criteria],
        "automatic_grading_total": _whole(total),
        "nonhidden_automatic_grading_total": _whole(total),
    }
    lines = [f"{each.criterion}: {number(each.marks or 0)}" for each in result.criteria]
    maximum = "" if result.maximum is None else f" / {number(result.maximum)}"
    lines.append(f"Automatic grading total: {number(total)}{maximum}")
    return {
        "results.json": json.dumps(document, indent=1, allow_nan=False) + "\n",
        "grade.txt": "\n".join(lines) + "\n",
    }


def _test_case(result: CriterionResult) -> dict[str, Any]:
    """Submitty escapes the messages when it shows them."""
    texts = [each for each in (result.reasoning, *result.evidence) if each]
    return {
        "test_name": result.criterion,
        "points_awarded": _whole(result.marks or 0),
        "autochecks": [
            {
                "description": result.rating or "",
                "messages": [{"message": each, "type": "information"} for each in texts],
            }
        ],
    }


def _whole(value: float) -> float | int:
    return int(value) if value == int(value) else value
