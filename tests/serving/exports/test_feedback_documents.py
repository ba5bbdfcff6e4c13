"""`grader export feedback`: the released documents, their folders, and equal bytes again."""

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import InputError
from serving.exports.exporter import ExportRequest, export_results
from serving.exports.feedback_documents import Documents, _folder_names
from serving.exports.scores import Policy
from tests.harness.courses.lab_folders import write_lab


@pytest.fixture
def lab(tmp_path: Path, make_lab: Callable[..., Any]) -> Path:
    write_lab(make_lab(students=4), tmp_path / "lab1")
    return tmp_path / "lab1"


def exported(results: Path, out: Path, documents: Documents, **policy: bool) -> tuple[zipfile.ZipFile, Any]:
    report = export_results(ExportRequest("feedback", results, policy=Policy(**policy), documents=documents), out)
    return zipfile.ZipFile(BytesIO(out.read_bytes())), report


def test_only_complete_feedback_is_released_unless_the_teacher_includes_the_rest(
    write_results: Callable[..., Path], lab: Path, tmp_path: Path
) -> None:
    results = write_results()
    archive, report = exported(results, tmp_path / "f.zip", Documents(lab, ("html", "markdown")))
    assert archive.namelist() == [f"{s}/feedback.{e}" for s in ("s000", "s003") for e in ("html", "md")]
    assert (report.students, report.written, report.needs_review, report.ungraded) == (4, 2, 1, 1)
    assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_DEFLATED}
    archive, report = exported(results, tmp_path / "g.zip", Documents(lab), include_review=True)
    assert [name.split("/")[0] for name in archive.namelist()] == ["s000", "s001", "s002", "s003"]
    assert "not graded yet" in archive.read("s002/feedback.html").decode()


def test_a_document_names_no_other_student_and_is_the_same_again(
    write_results: Callable[..., Path], lab: Path, tmp_path: Path
) -> None:
    results, first = write_results(), tmp_path / "f.zip"
    archive, _ = exported(results, first, Documents(lab, ("html", "markdown", "pdf")), include_review=True)
    for name in archive.namelist():
        others = {"s000", "s001", "s002", "s003"} - {name.split("/")[0]}
        assert not [other for other in others if other.encode() in archive.read(name)]
    exported(results, tmp_path / "g.zip", Documents(lab, ("html", "markdown", "pdf")), include_review=True)
    assert first.read_bytes() == (tmp_path / "g.zip").read_bytes()


def test_a_lab_is_needed_and_its_rubric_must_be_that_of_the_results(
    write_results: Callable[..., Path], tmp_path: Path, make_lab: Callable[..., Any]
) -> None:
    results = write_results()
    changed = make_lab(students=4)
    write_lab(changed.model_copy(update={"criteria": changed.criteria[:1], "human_grades": ()}), tmp_path / "other")
    for folder, code in ((None, "no-lab"), (tmp_path / "other", "results-of-other-rubric")):
        with pytest.raises(InputError) as refused:
            exported(results, tmp_path / "f.zip", Documents(folder))
        assert [issue.code for issue in refused.value.issues] == [code]
    assert not (tmp_path / "f.zip").exists()


def test_folder_names_are_no_paths_and_distinct() -> None:
    names = list(_folder_names(["../../etc", "a/b", "a\\b", "A_b", "..", "ü@x.edu", "", "a\x00"]))
    assert names == ["_.._etc", "a_b", "a_b_2", "A_b_3", "_", "ü@x.edu", "__2", "a_"]
