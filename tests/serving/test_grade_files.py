"""grades.jsonl: what was appended is there after any kill, and half a line never counts."""

from pathlib import Path

import pytest

from labs_schema.errors import FaultsError, GraderError
from labs_schema.grades import CriterionGrade, Grade, Provenance
from serving.grade_files import open_grades, read_grades


def a_grade(student: str) -> Grade:
    answer = CriterionGrade(
        criterion="Läuft es?", rating="A", probabilities={"A": 0.75, "B": 0.25}, marks=2, max_marks=2
    )
    origin = Provenance(**dict.fromkeys(Provenance.model_fields, "0"))
    return Grade(lab="lab1", student=student, criteria=(answer,), provenance=origin)


def test_what_is_appended_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "grades.jsonl"
    with open_grades(path) as file:
        assert file.grades == ()
        file.append([a_grade("s1"), a_grade("s2")])
        file.append([a_grade("s3")])
    assert read_grades(path) == (a_grade("s1"), a_grade("s2"), a_grade("s3"))
    with open_grades(path) as file:
        assert (len(file.grades), file.torn) == (3, 0)


def test_a_file_cut_at_any_byte_opens_with_its_whole_lines_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "grades.jsonl"
    with open_grades(path) as file:
        file.append([a_grade("s1"), a_grade("s2")])
    whole = path.read_bytes()
    line = whole.index(b"\n") + 1
    for cut in (0, 1, line - 1, line, line + 1, len(whole) - 1, len(whole)):
        path.write_bytes(whole[:cut])
        kept = whole[:cut].count(b"\n")
        with open_grades(path) as file:
            assert [grade.student for grade in file.grades] == ["s1", "s2"][:kept]
            assert file.torn == cut - kept * line
            file.append([a_grade("s3")])
        assert [grade.student for grade in read_grades(path)] == [*["s1", "s2"][:kept], "s3"]


def test_a_damaged_line_is_named_and_nothing_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "grades.jsonl"
    with open_grades(path) as file:
        file.append([a_grade("s1"), a_grade("s2"), a_grade("s3")])
    damaged = path.read_bytes().replace(b'"s2"', b'"s2') + b"{"
    path.write_bytes(damaged)
    with pytest.raises(FaultsError) as fault, open_grades(path):
        pass
    assert [(each.code, each.line) for each in fault.value.faults] == [("not-a-grade", 2)]
    assert path.read_bytes() == damaged


def test_two_runs_cannot_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "grades.jsonl"
    with open_grades(path), pytest.raises(GraderError, match="another run"), open_grades(path):
        pass
    with open_grades(path) as file:
        file.append([a_grade("s1")])
