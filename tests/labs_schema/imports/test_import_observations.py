"""Results of autograders as observations of a lab: students, outcomes and hostile files."""

import io
import json
import unittest
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gradescope_utils.autograder_utils import decorators
from gradescope_utils.autograder_utils.json_test_runner import JSONTestRunner
from hypothesis import given
from hypothesis import strategies as st

from labs_schema.errors import InputError
from labs_schema.imports.observations.importer import import_observations
from labs_schema.imports.observations.junit import junit
from labs_schema.imports.observations.results_json import READERS, ResultsError, parse_results
from labs_schema.models import Lab
from labs_schema.observations import CheckKind, CheckResult, Outcome
from labs_schema.reading.validate import load_lab, read_lab
from tests.harness.courses.lab_folders import write_lab

PASSED, FAILED = Outcome.PASSED, Outcome.FAILED
GRADESCOPE = {
    "score": 3,
    "execution_time": "0.01",
    "visibility": "after_published",
    "tests": [
        {"name": "Compiles", "score": 1, "max_score": 1, "visibility": "visible"},
        {"name": "max of three", "score": "0.0", "max_score": "2", "output": "expected 3", "tags": ["Edge Cases", 3]},
        {"name": "max of three", "status": "passed"},
        {"name": "read the handout", "output": "a note"},
    ],
}
PRAIRIELEARN = {
    "score": 0.5,
    "tests": [
        {"name": "sorts", "points": 1, "message": "ok", "output": "1 2"},
        {"name": "sorts", "points": 0, "max_points": 2},
    ],
}
SUBMITTY = {
    "testcases": [
        {"test_name": "Compilation", "points_awarded": 0, "autochecks": [{"messages": []}]},
        {
            "test_name": "Test 2",
            "points_awarded": 1,
            "metrics": {"elapsed_time": 0.25},
            "autochecks": [{"messages": [{"message": "3 lines differ", "type": "failure"}]}],
        },
    ]
}
JUNIT = b"""<?xml version="1.0"?><testsuites><testsuite><testcase classname="T" name="a" time="0.5"/>
<testcase classname="T" name="b"><failure message="3 != 4">trace</failure></testcase>
<testcase name="c"><skipped/></testcase><testcase name="d"><error>boom</error></testcase></testsuite></testsuites>"""


def parsed(platform: str, document: object) -> list[CheckResult]:
    return parse_results(json.dumps(document).encode(), READERS[platform])


def outcomes(results: list[CheckResult]) -> list[tuple[str, Outcome]]:
    return [(each.check, each.outcome) for each in results]


@pytest.fixture
def folder(make_lab: Callable[..., Lab], tmp_path: Path) -> Path:
    write_lab(make_lab(students=4), tmp_path / "labs" / "lab1")
    return tmp_path / "labs" / "lab1"


def test_gradescope_results_have_status_points_tags_and_visibility() -> None:
    build, first, second = parsed("gradescope", GRADESCOPE)
    assert outcomes([build, first, second]) == [
        ("Compiles", PASSED),
        ("max of three", FAILED),
        ("max of three (2)", PASSED),
    ]
    assert build.kind is CheckKind.BUILD and build.visible and not first.visible
    assert (first.points, first.max_points, first.message, first.tags) == (0, 2, "expected 3", ("edge-cases",))


def test_results_of_the_library_that_gradescope_publishes() -> None:
    class Autograder(unittest.TestCase):
        @decorators.weight(2)
        @decorators.visibility("visible")
        def test_passes(self) -> None:
            """Sorts three numbers"""

        @decorators.weight(1)
        @decorators.tags("Edge Cases")
        def test_fails(self) -> None:
            """Empty input"""
            self.assertEqual("1", "2")

        @decorators.partial_credit(4)
        def test_partly(self, set_score: Callable[[float], None]) -> None:
            """Long input"""
            set_score(3)

    written = io.StringIO()
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(Autograder)
    JSONTestRunner(visibility="after_published", stream=written).run(suite)
    results = {each.check: each for each in parse_results(written.getvalue().encode(), READERS["gradescope"])}
    assert {name: (each.outcome, each.points, each.max_points, each.visible) for name, each in results.items()} == {
        "Sorts three numbers": (PASSED, 2, 2, True),
        "Empty input": (FAILED, 0, 1, False),
        "Long input": (FAILED, 3, 4, False),
    }
    assert "'1' != '2'" in (results["Empty input"].message or "")


def test_prairielearn_results_have_a_default_maximum_and_a_failed_build() -> None:
    assert outcomes(parsed("prairielearn", PRAIRIELEARN)) == [("sorts", PASSED), ("sorts (2)", FAILED)]
    [build] = parsed("prairielearn", {"gradable": False, "format_errors": ["line 3: ';' expected"]})
    assert (build.kind, build.outcome, build.message) == (CheckKind.BUILD, FAILED, "line 3: ';' expected")


def test_submitty_results_fail_by_their_messages() -> None:
    build, test = parsed("submitty", SUBMITTY)
    assert (build.kind, build.outcome) == (CheckKind.BUILD, PASSED)
    assert (test.outcome, test.message, test.points, test.seconds) == (FAILED, "3 lines differ", 1, 0.25)


def test_junit_results_are_those_of_their_cases() -> None:
    found = junit(JUNIT)
    assert outcomes(found) == [("T.a", PASSED), ("T.b", FAILED), ("c", Outcome.NOT_RUN), ("d", FAILED)]
    assert (found[0].seconds, found[1].message, found[3].message) == (0.5, "3 != 4", "boom")


BOMB = '<!DOCTYPE x [<!ENTITY a "{}">]><testsuite><testcase name="&a;"/></testsuite>'.format("a" * 1000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_with_entities_is_rejected_in_every_encoding(encoding: str) -> None:
    with pytest.raises(ResultsError, match="document type"):
        junit(BOMB.encode(encoding))


@pytest.mark.parametrize(
    "data", [b"", b"[", b"[]", b"3", b"{}", b'{"tests": {}}', b'{"tests": [1]}', b"[" * 100_000, b'{"tests": []}']
)
def test_files_without_results_are_refused(data: bytes) -> None:
    for read in READERS.values():
        with pytest.raises(ResultsError):
            parse_results(data, read)
    with pytest.raises(ResultsError):
        junit(data)


def test_more_results_than_the_limit_are_refused() -> None:
    with pytest.raises(ResultsError, match="501"):
        parsed("prairielearn", {"tests": [{"points": 1}] * 501})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from([("gradescope", GRADESCOPE), ("prairielearn", PRAIRIELEARN), ("submitty", SUBMITTY)]), st.data())
def test_a_changed_value_gives_valid_results_or_a_reason(
    sample: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    platform, document = sample
    changed = json.loads(json.dumps(document))
    place: Any = changed
    while isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    try:
        results = parsed(platform, changed)
    except ResultsError:
        return
    assert results and len({each.check for each in results}) == len(results)
    assert all(CheckResult.model_validate_json(each.model_dump_json()) == each for each in results)


@given(st.integers(0, len(JUNIT) - 1), st.binary(max_size=4))
def test_changed_xml_gives_valid_results_or_a_reason(place: int, patch: bytes) -> None:
    try:
        assert junit(JUNIT[:place] + patch + JUNIT[place + len(patch) :])
    except ResultsError as reason:
        assert str(reason)


def test_students_are_found_by_file_and_folder_names(folder: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    for path in ("s000/results.json", "lab1/s001@course/results.json", "s999/results.json", "s002/broken/results.json"):
        (results / path).parent.mkdir(parents=True)
        (results / path).write_text("{" if "broken" in path else json.dumps(GRADESCOPE))
    report, issues = import_observations(folder, [results], "gradescope")
    assert (report.observed, report.checks, report.without) == (2, 3, ("s002", "s003"))
    assert report.unmatched == ("s999/results.json",)
    assert {each.code for each in issues} == {"results-without-student", "bad-results"}
    observed = {s.student: s.observations for s in load_lab(folder).submissions}
    assert observed["s000"] and observed["s000"].source == "gradescope" and observed["s002"] is None
    assert read_lab(folder).issues == ()


def test_the_latest_attempt_counts_and_other_students_stay(folder: Path, tmp_path: Path) -> None:
    for version, name in ((2, "first"), (10, "last"), (9, "other")):
        path = tmp_path / f"results/lab1/s000/{version}/results.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"testcases": [{"test_name": name}]}))
        (path.parent / "history.json").write_text("[]")
    (tmp_path / "s001.xml").write_bytes(JUNIT)
    import_observations(folder, [tmp_path / "s001.xml"], "junit")
    report, issues = import_observations(folder, [tmp_path / "results"], "submitty")
    assert (report.observed, issues) == (1, ())
    observed = {s.student: s.observations for s in load_lab(folder).submissions}
    assert [each.check for each in observed["s000"].results] == ["last"]  # type: ignore[union-attr]
    assert observed["s001"] and observed["s001"].source == "junit"


def test_two_files_of_a_student_are_reported(folder: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "s000").mkdir(parents=True)
        (tmp_path / name / "s000" / "results.json").write_text(json.dumps(PRAIRIELEARN))
    report, issues = import_observations(folder, [tmp_path / "a", tmp_path / "b"], "prairielearn")
    assert report.observed == 1 and [each.code for each in issues] == ["two-results"]


def test_gradescope_metadata_names_the_submitters(folder: Path, tmp_path: Path) -> None:
    (folder / "roster.csv").write_text("student,sid,name\ns002,00123,Ann Lee\n")
    metadata = f"""
submission_1:
  :submitters:
  - :name: Ann Lee
    :sid: 00123
    :email: other@uni.example
  :results: {json.dumps(GRADESCOPE)}
submission_2:
  :submitters: []
  :results: {{tests: [{{name: a, status: failed}}]}}
"""
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("assignment_export/submission_metadata.yml", metadata)
    report, _ = import_observations(folder, [tmp_path / "export.zip"], "gradescope")
    assert (report.observed, len(report.unmatched)) == (1, 1)
    [observed] = [s for s in load_lab(folder).submissions if s.observations]
    assert observed.student == "s002"


def test_a_missing_path_and_an_unknown_platform_are_errors(folder: Path, tmp_path: Path) -> None:
    for files, platform, code in (([tmp_path / "x"], "junit", "no-export"), ([folder], "moodle", "unknown-platform")):
        with pytest.raises(InputError) as error:
            import_observations(folder, files, platform)
        assert [issue.code for issue in error.value.issues] == [code]
