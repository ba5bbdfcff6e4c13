"""The TA column, and the tables of individual TAs."""

from pathlib import Path

import pytest

from labs_schema.hashes import rubric_hash
from labs_schema.models import HumanGrade
from labs_schema.reading.validate import load_lab, read_lab
from labs_schema.writing.lab_writer import write_ratings
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code

TABLE, COMPILES, READABLE = "rubric_ratings.csv", "Does it compile?", "Is it readable?"


def add_column(lab: Path, cells: list[str]) -> None:
    lines = (lab / TABLE).read_text().splitlines()
    (lab / TABLE).write_text("\n".join(f"{line},{cell}" for line, cell in zip(lines, cells, strict=True)) + "\n")


@pytest.mark.parametrize("head", [["TA", "", "", "", "", ""], ["", "", "", "", "", "ta"], ["Ta", "", "", "", "", "TA"]])
def test_ta_column_sets_the_rater(head, tmp_path, make_lab) -> None:
    lab = make_lab(students=3)
    write_lab(lab, tmp_path / "lab1")
    add_column(tmp_path / "lab1", [*head, "ann", "", "Bo  Li"])
    read = load_lab(tmp_path / "lab1")
    assert {grade.student: grade.rater for grade in read.human_grades} == {"s000": "ann", "s001": None, "s002": "Bo Li"}
    assert read.ratings_by_student == lab.ratings_by_student
    assert read.ratings_by_rater == {
        "Bo Li": {"s002": lab.ratings_by_student["s002"]},
        "ann": {"s000": lab.ratings_by_student["s000"]},
    }


def test_criterion_may_be_called_ta(tmp_path, make_lab) -> None:
    lab = make_lab()
    write_lab(lab, tmp_path / "lab1")
    for name in (TABLE, "rubrics.json"):
        (tmp_path / "lab1" / name).write_text((tmp_path / "lab1" / name).read_text().replace(READABLE, "TA"))
    read = load_lab(tmp_path / "lab1")
    assert [criterion.title for criterion in read.criteria] == [COMPILES, "TA"]
    assert all(grade.rater is None for grade in read.human_grades)


def test_rater_table_does_not_change_the_current_grade(tmp_path, make_lab) -> None:
    lab = make_lab(students=4)
    write_lab(lab, tmp_path / "lab1")
    given = {"s003": {COMPILES: "C"}, "s001": {COMPILES: "A", READABLE: "B"}}
    write_ratings(lab.criteria, given, {}, tmp_path / "lab1" / "rubric_ratings.bo.csv")
    write_ratings(lab.criteria[:1], {"s001": {COMPILES: "B"}}, {}, tmp_path / "lab1" / "rubric_ratings.ann.csv")
    read = load_lab(tmp_path / "lab1")
    assert read.ratings_by_rater == {"ann": {"s001": {COMPILES: "B"}}, "bo": given}
    assert read.model_copy(update={"rater_grades": ()}) == lab
    assert rubric_hash(read) == rubric_hash(lab)


def test_comment_marks_a_rating_and_unmarked_rows_are_skipped(tmp_path, make_lab) -> None:
    lab = make_lab(students=3)
    write_lab(lab, tmp_path / "lab1")
    text = (tmp_path / "lab1" / TABLE).read_text().splitlines()[:6]
    rows = ["s000@course,0,a leak,0,0,1", "s001@course,0,0,0,0,0", "s002@course,,,,,"]
    (tmp_path / "lab1" / "rubric_ratings.ann.csv").write_text("\n".join([*text, *rows]))
    read = read_lab(tmp_path / "lab1")
    assert read.issues == () and read.lab is not None
    assert [(g.student, g.rating, g.comment) for g in read.lab.rater_grades] == [("s000", "B", None)] * 2


def test_rater_table_takes_precedence_for_the_ta_s_rating(tmp_path, make_lab) -> None:
    lab = make_lab(students=2)
    write_lab(lab, tmp_path / "lab1")
    add_column(tmp_path / "lab1", ["TA", *[""] * 5, "ann", "ann"])
    write_ratings(lab.criteria, {"s000": {COMPILES: "C"}}, {}, tmp_path / "lab1" / "rubric_ratings.ann.csv")
    read = load_lab(tmp_path / "lab1")
    assert read.ratings_by_student["s000"][COMPILES] == "A"
    assert read.ratings_by_rater["ann"]["s000"][COMPILES] == "C"


@pytest.mark.parametrize("rater", ["", " ann", "a\nb", "x" * 501])
def test_writer_rejects_invalid_ta_names(rater, tmp_path, make_lab) -> None:
    one = HumanGrade(student="s000", criterion=COMPILES, rating="A", rater=rater)
    for field in ("human_grades", "rater_grades"):
        with raises_code("cannot-write"):
            write_lab(make_lab().model_copy(update={field: (one,)}), tmp_path / "lab1")


def test_writer_rejects_ta_names_with_path_separators(tmp_path, make_lab) -> None:
    one = HumanGrade(student="s000", criterion=COMPILES, rating="A", rater="x/../../../evil")
    with raises_code("cannot-write"):
        write_lab(make_lab().model_copy(update={"rater_grades": (one,)}), tmp_path / "lab1")
    assert not list(tmp_path.rglob("*evil*"))


def test_model_copy_recomputes_cached_ratings(make_lab) -> None:
    lab = make_lab(students=1)
    assert lab.ratings_by_student["s000"][COMPILES] == "A" and lab.ratings_by_rater == {}
    other = HumanGrade(student="s000", criterion=COMPILES, rating="C", rater="ann")
    copied = lab.model_copy(update={"human_grades": (other,)})
    assert copied.ratings_by_student == {"s000": {COMPILES: "C"}} and copied.ratings_by_rater == {
        "ann": copied.ratings_by_student
    }
