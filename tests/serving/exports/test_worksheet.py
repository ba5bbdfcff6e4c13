"""Moodle's grading worksheet: byte for byte the teacher's own but for grades and feedback."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labs_schema.errors import InputError
from serving.exports.exporter import ExportRequest, export_results
from serving.exports.results import CriterionResult, Results, State, StudentResult
from serving.exports.scores import Policy
from serving.exports.worksheet import Columns, edit_worksheet, raw_rows
from tests.serving.exports.conftest import WriteResults

WORKSHEET = (
    '\ufeffIdentifier,"Full name","Email address",Status,Grade,"Maximum Grade","Last modified (grade)",'
    '"Feedback comments"\r\n'
    '"Participant 5001","Roe, ""Zoe""",s000@uni.example,"Submitted",,3.00,-,"<p>old</p>"\r\n'
    "Participant 5002,Yan,s001@uni.example,Submitted,1.00,3.00,-,\r\n"
    "Participant 5003,=Xi,s002@uni.example,Submitted,,3.00,-,keep\r\n"
    'Participant 5009,No,other@uni.example,No submission,2.00,3.00,-,""'
)


def test_only_grades_and_feedback_of_accepted_students_change(write_results: WriteResults, tmp_path: Path) -> None:
    template = tmp_path / "worksheet.csv"
    template.write_bytes(WORKSHEET.encode())
    request = ExportRequest("moodle", write_results(), template)
    report = export_results(request, tmp_path / "out.csv")
    feedback = (
        '"<p>Does it compile?: A (2)</p><p>=1+1 &lt;b&gt;, ""fine""</p><p>Line 2</p><p>Is it readable?: A (1)</p>"'
    )
    expected = WORKSHEET.replace('Submitted",,3.00,-,"<p>old</p>"', f'Submitted",3,3.00,-,{feedback}')
    assert (tmp_path / "out.csv").read_bytes() == expected.encode() and template.read_bytes() == WORKSHEET.encode()
    assert (report.students, report.graded, report.needs_review, report.ungraded) == (4, 2, 1, 1)
    assert report.written == 1 and report.not_in_file == ("s003",) and report.not_in_results == 1


def test_review_grades_on_request_and_a_dry_run_writes_nothing(write_results: WriteResults, tmp_path: Path) -> None:
    template = tmp_path / "worksheet.csv"
    template.write_bytes(WORKSHEET.encode())
    request = ExportRequest("moodle", write_results(), template, policy=Policy(include_review=True))
    report = export_results(request, None)
    assert [(c.student, c.before, c.after) for c in report.changes] == [("s000", "", "3"), ("s001", "1.00", "3")]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["results", "worksheet.csv"]


def test_other_maximum_is_an_error_unless_scaled_and_commas_stay(write_results: WriteResults, tmp_path: Path) -> None:
    text = (
        "Identifikator;Vollständiger Name;Courriel;Bewertung;Beste Bewertung;Commentaires\n"
        "Teilnehmer/in 5001;Zoë;s000@uni.example;;10,00;\n"
    )
    template, results = tmp_path / "w.csv", write_results()
    template.write_bytes(text.encode("cp1252"))
    with pytest.raises(InputError) as raised:
        export_results(ExportRequest("moodle", results, template), None)
    assert raised.value.issues[0].code == "maximum-differs"
    template.write_bytes(text.replace("10,00", "4,50").encode("cp1252"))
    export_results(ExportRequest("moodle", results, template, policy=Policy(scale=True)), tmp_path / "out.csv")
    assert b's000@uni.example;4,5;4,50;"<p>' in (tmp_path / "out.csv").read_bytes()


def test_missing_feedback_column_is_reported(write_results: WriteResults, tmp_path: Path) -> None:
    template, results = tmp_path / "w.csv", write_results()
    template.write_text("Identifier,ID number,Grade,Maximum Grade,Palautteet\nParticipant 1,s000,,3,old\n", "utf-8")
    report = export_results(ExportRequest("moodle", results, template), tmp_path / "out.csv")
    assert report.written == 1 and report.no_feedback_column
    assert (tmp_path / "out.csv").read_text("utf-8").endswith("Participant 1,s000,3,3,old\n")
    report = export_results(ExportRequest("moodle", results, template, feedback_column="Palautteet"), None)
    assert not report.no_feedback_column


def test_headings_in_another_script_are_distinguished(write_results: WriteResults, tmp_path: Path) -> None:
    template = tmp_path / "w.csv"
    template.write_text("Identifier,ID number,Оценка,Максимум\nParticipant 1,s000,,3\n", encoding="utf-8")
    report = export_results(ExportRequest("moodle", write_results(), template, column="Оценка"), tmp_path / "out.csv")
    assert report.written == 1 and "s000,3,3" in (tmp_path / "out.csv").read_text(encoding="utf-8")


def test_unknown_grade_column_is_an_error_that_names_the_columns(write_results: WriteResults, tmp_path: Path) -> None:
    template = tmp_path / "w.csv"
    template.write_text("Identifier,Arvosana\nParticipant 1,\n", encoding="utf-8")
    with pytest.raises(InputError) as raised:
        export_results(ExportRequest("moodle", write_results(), template), None)
    assert raised.value.issues[0].code == "no-column" and "Arvosana" in raised.value.issues[0].found


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(CELLS, st.sampled_from(["", "1.00", "2,5", "old"]), CELLS, st.booleans()), max_size=6),
    delimiter=st.sampled_from(",;\t"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quote_all=st.booleans(),
    bom=st.booleans(),
)
def test_everything_but_two_columns_is_equal_byte_by_byte(
    rows: list[tuple[str, str, str, bool]], delimiter: str, line_end: str, quote_all: bool, bom: bool
) -> None:
    out = io.StringIO(newline="")
    unsafe = any("\r" in cell for row in rows for cell in (row[0], row[2]))  # the csv module leaves it unquoted
    quoting = csv.QUOTE_ALL if quote_all or unsafe else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow(["Identifier", "Full name", "Grade", "Maximum Grade", "Feedback comments"])
    writer.writerows([f"Participant {i}", name, grade, "3.00", text] for i, (name, grade, text, _) in enumerate(rows))
    data = ("\ufeff" * bom + out.getvalue()).encode()
    students = tuple(
        StudentResult(str(i), State.ACCEPTED if row[3] else State.UNGRADED, 3.0 if row[3] else None, 3.0,
                      (CriterionResult("C", 'A"', 3.0, f"x{delimiter}\r\ny"),))
        for i, row in enumerate(rows)
    )  # fmt: skip
    edited, report = edit_worksheet(data, Results("lab", ("C",), students), Policy(), Columns())
    before, after = (raw_rows(each.decode(), delimiter) for each in (data, edited))
    assert report.written == sum(row[3] for row in rows) and report.not_in_file == ()
    masked = [_without(each.decode(), table) for each, table in ((data, before), (edited, after))]
    assert masked[0] == masked[1]
    for row, cells in zip(rows, after[1:], strict=True):
        assert cells[2].text == ("3" if row[3] else row[1])
        assert (cells[4].text == row[2]) or row[3]


def _without(text: str, rows: list) -> str:  # type: ignore[type-arg]
    """The text without the cells of the two columns."""
    parts, at = [], 0
    for row in rows[1:]:
        for cell in (row[2], row[4]):
            parts.append(text[at : cell.start])
            at = cell.end
    return "|".join([*parts, text[at:]])


RECORDED = Path(__file__).parents[2] / "recorded" / "moodle"


@pytest.mark.parametrize("name", ["plain.csv", "plain-de.csv", "team.csv", "team-de.csv"])
def test_worksheets_of_a_real_moodle_are_filled(write_results: WriteResults, tmp_path: Path, name: str) -> None:
    results = write_results(("s1", "s2", "s6", "s4"))
    report = export_results(ExportRequest("moodle", results, RECORDED / name), tmp_path / "out.csv")
    assert [(each.student, each.after) for each in report.changes] == [("s1", "3"), ("s4", "3")]
    assert report.not_in_file == () and not report.no_feedback_column
    before, after = (raw_rows(path.read_text("utf-8"), ",") for path in (RECORDED / name, tmp_path / "out.csv"))
    changed = {(row, column) for row, cells in enumerate(before) for column, cell in enumerate(cells)
               if cell.text != after[row][column].text}  # fmt: skip
    assert len(changed) == 4 and len({column for _, column in changed}) == 2


def test_scale_takes_the_rating_or_is_an_error() -> None:
    worksheet = (RECORDED / "scale.csv").read_bytes()

    def graded(*ratings: str) -> Results:
        criteria = tuple(CriterionResult(f"C{i}", rating, 1.0) for i, rating in enumerate(ratings))
        return Results("lab", ("C",), (StudentResult("s1", State.ACCEPTED, 1.0, 1.0, criteria),))

    edited, report = edit_worksheet(worksheet, graded("Pass"), Policy(), Columns())
    assert report.changes[0].after == "pass" and b'"Submitted for grading",pass,"fail' in edited
    for results in (graded("Excellent"), graded("pass", "pass")):
        with pytest.raises(InputError) as raised:
            edit_worksheet(worksheet, results, Policy(), Columns())
        assert raised.value.issues[0].code == "scale-differs"


def test_grades_that_moodle_would_skip_are_reported() -> None:
    text = (RECORDED / "plain.csv").read_text("utf-8").replace("3.00,Yes", "3.00,No", 1)
    student = StudentResult("s2", State.ACCEPTED, 4.0, 3.0, (CriterionResult("Bonus", "A", 4.0),))
    locked = StudentResult("s1", State.ACCEPTED, 3.0, 3.0, (CriterionResult("C", "A", 3.0),))
    edited, report = edit_worksheet(text.encode(), Results("lab", ("C",), (locked, student)), Policy(), Columns())
    assert report.refused == ("s1", "s2") and report.written == 0 and edited == text.encode()


def test_feedback_files_of_teams_are_refused(write_results: WriteResults, tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        export_results(ExportRequest("moodle-feedback", write_results(), RECORDED / "team.csv"), tmp_path / "f.zip")
    assert raised.value.issues[0].code == "team-feedback" and not (tmp_path / "f.zip").exists()
