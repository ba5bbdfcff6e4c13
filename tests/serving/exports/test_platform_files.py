"""Files for Canvas, Gradescope, GitHub Classroom, nbgrader and Excel: every student, and no made-up grade."""

import csv
import io
import zipfile
from pathlib import Path

import pytest

from labs_schema.errors import InputError
from serving.exports.exporter import ExportRequest, export_results
from serving.exports.scores import Policy
from tests.serving.exports.conftest import WriteResults

GRADEBOOK = """Student,ID,SIS User ID,SIS Login ID,Section,Lab 1 (12),Lab 2 (13),Final Score
    Points Possible,,,,,3,5,
"=cmd|' /C calc'!A0",77,s000,zroe,A,,4,80
"Poe, Yan",78,s001,ypoe,A,1.5,,70
"Moe, Xi",79,s002,xmoe,A,,,60
"Student, Test",,,,A,,,
"""


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def exported(
    platform: str, results: Path, tmp_path: Path, template: str | None = None, **more: object
) -> list[list[str]]:
    path = None
    if template is not None:
        path = tmp_path / "template.csv"
        path.write_text(template, encoding="utf-8")
    export_results(ExportRequest(platform, results, path, **more), tmp_path / "out.csv")  # type: ignore[arg-type]
    return table(tmp_path / "out.csv")


def test_canvas_upload_has_one_assignment_and_keeps_other_grades(write_results: WriteResults, tmp_path: Path) -> None:
    rows = exported("canvas", write_results(), tmp_path, GRADEBOOK, column="Lab 1")
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab 1 (12)"],
        ["Points Possible", "", "", "", "", "3"],
        ["'=cmd|' /C calc'!A0", "77", "s000", "zroe", "A", "3"],
        ["Poe, Yan", "78", "s001", "ypoe", "A", "1.5"],
        ["Moe, Xi", "79", "s002", "xmoe", "A", ""],
        ["Student, Test", "", "", "", "A", ""],
    ]


def test_canvas_column_must_be_clear(write_results: WriteResults, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        exported("canvas", write_results(), tmp_path, GRADEBOOK)
    assert raised.value.issues[0].code == "no-column"


@pytest.mark.parametrize(("platform", "student", "score"), [
    ("gradescope", "SID", "Total Score"),
    ("github-classroom", "roster_identifier", "points_awarded"),
    ("nbgrader", "student_id", "score"),
    ("excel", "student", "total"),
])  # fmt: skip
def test_every_student_is_listed_and_only_accepted_grades_are_written(
    write_results: WriteResults, tmp_path: Path, platform: str, student: str, score: str
) -> None:
    header, *rows = exported(platform, write_results(), tmp_path)
    header[0] = header[0].removeprefix("\ufeff")
    found = {row[header.index(student)]: row[header.index(score)] for row in rows}
    assert found == {"s000": "3", "s001": "", "s002": "", "s003": "3"}


def test_excel_table_keeps_leading_zeros_and_hides_marks_that_need_review(
    write_results: WriteResults, tmp_path: Path
) -> None:
    results = write_results(("0012", "1E5", "=1+1"))
    report = export_results(ExportRequest("excel", results), tmp_path / "marks.csv")
    data = (tmp_path / "marks.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfstudent,status,total,maximum,") and data.count(b"\r\n") == 4
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert [row[0] for row in rows[1:]] == ["\t0012", "\t1E5", "'=1+1"]
    assert rows[2][2:] == ["", "3", "", ""] and rows[1][2:] == ["3", "3", "2", "1"]
    assert (report.students, report.written, report.needs_review, report.ungraded) == (3, 1, 1, 1)


def test_filled_table_keeps_all_columns_of_github_classroom(write_results: WriteResults, tmp_path: Path) -> None:
    template = "assignment_name,github_username,roster_identifier,points_awarded,points_available\nlab1,zroe,s000,,3\n"
    rows = exported("github-classroom", write_results(), tmp_path, template)
    assert rows[1] == ["lab1", "zroe", "s000", "3", "3"]


def test_moodle_feedback_names_participants_only(write_results: WriteResults, tmp_path: Path) -> None:
    template = tmp_path / "w.csv"
    template.write_text("Identifier,Full name,ID number,Grade\nParticipant 5001,Zoe Roe,s000,\n", encoding="utf-8")
    report = export_results(ExportRequest("moodle-feedback", write_results(), template), tmp_path / "f.zip")
    with zipfile.ZipFile(tmp_path / "f.zip") as archive:
        assert archive.namelist() == ["Participant_5001_assignfeedback_file_/feedback.txt"]
        assert archive.read(archive.namelist()[0]).startswith(b"Does it compile?: A (2)")
    assert report.written == 1 and report.not_in_file == ("s001", "s002", "s003")


def test_two_students_with_one_row_get_no_grade(write_results: WriteResults, tmp_path: Path) -> None:
    results = write_results(("s000", "zroe"))
    report = export_results(
        ExportRequest("canvas", results, _gradebook(tmp_path), "Lab 1 (12)", policy=Policy(include_review=True)), None
    )
    assert report.written == 0 and report.not_in_file == ("s000", "zroe")


def _gradebook(tmp_path: Path) -> Path:
    path = tmp_path / "gradebook.csv"
    path.write_text(GRADEBOOK, encoding="utf-8")
    return path


@pytest.mark.parametrize(("platform", "code"), [
    ("canvas", "no-template"), ("moodle", "no-template"), ("excel", "no-results"), ("sakai", "unknown-platform"),
])  # fmt: skip
def test_unusable_requests_have_their_code(
    write_results: WriteResults, tmp_path: Path, platform: str, code: str
) -> None:
    results = tmp_path if code == "no-results" else write_results()
    with pytest.raises(InputError) as raised:
        export_results(ExportRequest(platform, results), None)
    assert raised.value.issues[0].code == code


MANUAL_GRADING = """uid,uin,username,name,role,qid,old_score_perc,old_feedback,submission_id,params,score_perc,feedback
s000@uni.example,,s000,Zoe,Student,lab1,0,,901,{},,
s000@uni.example,,s000,Zoe,Student,lab2,0,,902,{},,
x@uni.example,s001,x,Yan,Student,lab1,50,old,903,{},,
"""


def test_prairielearn_gets_percentages_for_the_submissions_of_one_question(
    write_results: WriteResults, tmp_path: Path
) -> None:
    """An upload finds a submission by its id; an empty cell changes nothing."""
    results = write_results()
    header, *rows = exported("prairielearn", results, tmp_path, MANUAL_GRADING, assignment="lab1")
    assert not {"old_score_perc", "params"} & set(header)
    found = {row[header.index("submission_id")]: row[header.index("score_perc") :] for row in rows}
    assert found["902"] == ["", ""] and found["903"] == ["", ""]
    assert found["901"][0] == "100" and found["901"][1].startswith("Does it compile?: A (2)")
    report = export_results(ExportRequest("prairielearn", results, tmp_path / "template.csv"), None)
    assert report.written == 0 and "s000" in report.not_in_file  # two questions: which one is not certain
