"""`observations.jsonl` of a lab: read for the files they were observed of, and ignored or refused otherwise."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.errors import Severity
from labs_schema.hashes import files_hash, observations_hash, submission_hash
from labs_schema.models import Lab
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from labs_schema.reading.observations_file import load_observations, write_observations
from labs_schema.reading.validate import load_lab, read_lab
from tests.harness.courses.lab_folders import write_lab

ERROR, WARNING = Severity.ERROR, Severity.WARNING
FILE = "observations.jsonl"
BUILD = CheckResult(check="build", kind=CheckKind.BUILD, outcome=Outcome.PASSED, seconds=0.1)


def observed(lab: Lab) -> Lab:
    submissions = [
        each.model_copy(
            update={"observations": SubmissionObservations(submission=files_hash(each), results=(BUILD,))},
        )
        for each in lab.submissions
    ]
    return lab.model_copy(update={"submissions": tuple(submissions)})


def line(**fields: object) -> str:
    return json.dumps({"student": "s001", "submission": "0" * 64, "results": []} | fields) + "\n"


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        ("{", "bad-observations", ERROR),
        ("[" * 100_000, "bad-observations", ERROR),
        (line(results=[{"check": "a"}]), "bad-observations", ERROR),
        (line(extra=1), "bad-observations", ERROR),
        (line() * 2, "bad-observations", ERROR),
        (line(), "stale-observations", WARNING),
        (line(student="s999"), "observations-without-submission", WARNING),
    ],
)
def test_each_fault_of_a_line_has_its_code(
    issues_after: Callable[[Callable[[Path], object]], set[tuple[str, Severity]]],
    text: str,
    code: str,
    severity: Severity,
) -> None:
    assert issues_after(lambda lab: (lab / FILE).write_text(text)) >= {(code, severity)}


def test_observations_are_read_with_the_lab_they_are_written_with(tmp_path: Path, make_lab: Callable[..., Lab]) -> None:
    lab = observed(make_lab())
    write_lab(lab, tmp_path / "lab1")
    assert read_lab(tmp_path / "lab1").issues == ()
    assert load_lab(tmp_path / "lab1") == lab


def test_observations_of_changed_files_are_ignored(tmp_path: Path, make_lab: Callable[..., Lab]) -> None:
    write_lab(observed(make_lab()), tmp_path / "lab1")
    (tmp_path / "lab1/submissions/s001@course/main.c").write_text("int main(void) { return 3; }\n")
    found = {each.student: each.observations is not None for each in load_lab(tmp_path / "lab1").submissions}
    assert not found.pop("s001") and all(found.values())


def test_times_do_not_change_the_hash_of_observations_nor_observations_that_of_the_files(
    make_lab: Callable[..., Lab],
) -> None:
    plain = make_lab().submissions[0]
    one = observed(make_lab()).submissions[0]
    assert one.observations is not None and observations_hash(plain) is None
    hashes = []
    for result in (BUILD, BUILD.model_copy(update={"seconds": 3.0}), BUILD.model_copy(update={"exit_status": 1})):
        other = one.observations.model_copy(update={"results": (result,)})
        hashes.append(observations_hash(one.model_copy(update={"observations": other})))
    assert hashes[0] == hashes[1] != hashes[2]
    assert submission_hash(one) == submission_hash(plain)


def test_lines_are_written_sorted_and_replace_the_file(tmp_path: Path) -> None:
    given = {name: SubmissionObservations(submission="0" * 64, results=(BUILD,)) for name in ("b", "a")}
    write_observations(given, tmp_path)
    assert [json.loads(each)["student"] for each in (tmp_path / FILE).read_text().splitlines()] == ["a", "b"]
    assert load_observations(tmp_path) == given and [each.name for each in tmp_path.iterdir()] == [FILE]
