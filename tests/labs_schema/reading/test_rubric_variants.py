"""Rubrics as teachers and platforms write them: deductions, bonus, single ratings, look-alike titles, Canvas's JSON."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from labs_schema.errors import IssueCollector
from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.models import Criterion, Lab
from labs_schema.reading.validate import load_lab, read_lab
from labs_schema.rubrics.rubric_json import parse_rubric
from tests.harness.courses.lab_folders import write_lab

OURS = [
    {"title": "Compiles?", "description": "With gcc", "Ratings": [{"title": "A", "description": "Yes", "marks": 2},
                                                                  {"title": "B", "description": "No", "marks": 0}]}
]  # fmt: skip


def parse(value: object) -> tuple[tuple[Criterion, ...], list[str]]:
    issues = IssueCollector("lab")
    criteria = parse_rubric(value if isinstance(value, str) else json.dumps(value), issues)
    return criteria or (), [issue.code for issue in issues.issues()]


def lab_folder(
    folder: Path, titles: tuple[str, ...], table_titles: tuple[str, ...], descriptions: tuple[str, ...]
) -> Path:
    (folder / "submissions" / "s1").mkdir(parents=True)
    (folder / "submissions" / "s1" / "main.c").write_text("int x;")
    (folder / "ps.txt").write_text("p")
    ratings = [{"title": "A", "marks": 2}, {"title": "B", "marks": 0}]
    rubric = [{"title": t, "description": d, "Ratings": ratings} for t, d in zip(titles, descriptions, strict=True)]
    (folder / "rubrics.json").write_text(json.dumps(rubric))
    columns = [
        (t, d, r, m) for t, d in zip(table_titles, descriptions, strict=True) for r, m in (("A", "2"), ("B", "0"))
    ]
    names = ("Criterion", "Description", "Rating", "", "Marks", "Student")
    cells = [[c[0] for c in columns], [c[1] for c in columns], [c[2] for c in columns], [], [c[3] for c in columns], []]
    rows = [",".join([name, *row]) for name, row in zip(names, cells, strict=True)]
    (folder / "rubric_ratings.csv").write_text("\n".join([*rows, "s1" + ",1,0" * len(titles)]) + "\n")
    return folder


@pytest.mark.parametrize(
    ("title", "other"),
    [
        ("Is the student's code correct?", "Is the student’s code correct?"),  # noqa: RUF001
        ("Übersicht", unicodedata.normalize("NFD", "Übersicht")),
        ("Correct?", "correct?"),
        ("Is it correct?", "Is it\u200b correct?"),
        ("Is it correct?", "Is\u00a0it  correct?"),
        ("Correct?", "\u0421orrect?"),
        ("Well-formed", "Well\u2013formed"),
        ("Soft", "So\u00adft"),
        ("Uses <vector> & more", "Uses &lt;vector&gt; &amp; more"),
    ],
)
def test_titles_that_look_the_same_are_one_criterion(title: str, other: str, tmp_path: Path) -> None:
    lab = load_lab(lab_folder(tmp_path / "lab", (title,), (other,), ("",)))
    assert [criterion.title for criterion in lab.criteria] == [title]
    assert lab.ratings_by_student == {"s1": {title: "A"}} and lab.criteria[0].max_marks == 2


def test_titles_that_look_the_same_in_one_file_are_an_error() -> None:
    assert parse([*OURS, OURS[0] | {"title": "COMPILES?"}])[1] == ["duplicate-criterion"]


def test_criteria_with_one_title_are_distinguished_by_their_descriptions(tmp_path: Path) -> None:
    folder = lab_folder(tmp_path / "lab", ("Style", "Style"), ("Style", "Style"), ("Part A", "Part B"))
    lines = (folder / "rubric_ratings.csv").read_text().replace("s1,1,0,1,0", "s1,1,0,0,1").splitlines()
    turned = [
        ",".join((row + ",,,,").split(",")[i] for i in (0, 4, 3, 2, 1)) for row in lines
    ]  # the columns in reverse
    (folder / "rubric_ratings.csv").write_text("\n".join(turned) + "\n")
    assert load_lab(folder).ratings_by_student == {"s1": {"Style (Part A)": "A", "Style (Part B)": "B"}}


@pytest.mark.parametrize(
    "variant",
    [
        {"rubrics": OURS},
        {"rubric": {"criteria": OURS}},
        "// our rubric\n" + json.dumps(OURS)[:-1] + ", /* end */ ]",
        json.dumps(OURS).replace('"Ratings"', '"ratings"').replace('"marks"', '"points"'),
        json.dumps(OURS).replace('"title"', '"Title"').replace('"marks"', '"Points"').replace('"desc', '"Desc'),
        json.dumps(OURS).replace(": 2", ': "2"').replace(": 0", ': "0 pts"'),
        {"id": 5, "title": "R", "data": [
            {"id": "_1", "description": "Compiles?", "long_description": "<p>With gcc</p>", "points": 2.0,
             "criterion_use_range": False, "learning_outcome_id": None,
             "ratings": [{"id": "blank", "description": "A", "long_description": "Yes", "points": 2.0},
                         {"id": "blank_2", "description": "B", "long_description": "No", "points": 0.0}]}]},
    ],
)  # fmt: skip
def test_spellings_of_keys_and_containers_are_one_rubric(variant: object) -> None:
    assert parse(variant) == (parse(OURS)[0], [])


def test_comment_signs_in_texts_stay() -> None:
    rubric = json.dumps(OURS).replace("With gcc", 'See https://x.y /* and, ] */ \\" //').replace("]}]", "],}]")
    assert parse(rubric)[0][0].description == 'See https://x.y /* and, ] */ " //'


def test_html_descriptions_become_text_and_code_stays() -> None:
    html = "<ul><li>O(n&nbsp;log n)</li><li>uses <b>vector&lt;int&gt;</b></li></ul>"
    assert parse([OURS[0] | {"description": html}])[0][0].description == "- O(n log n)\n- uses vector<int>"
    assert (
        parse([OURS[0] | {"description": "Uses vector<int> & <map>"}])[0][0].description == "Uses vector<int> & <map>"
    )


def graded(criteria: tuple[Criterion, ...], *ratings: str | None) -> Grade:
    nothing = dict.fromkeys(Provenance.model_fields, "x")
    grades = tuple(
        CriterionGrade(
            criterion=c.title,
            rating=r,
            ungraded=None if r else "unreadable",
            marks=c.rating(r).marks if r else None,
            min_marks=c.min_marks,
            max_marks=c.max_marks,
            bonus=c.bonus,
        )
        for c, r in zip(criteria, ratings, strict=True)
    )
    return Grade(lab="l", student="s", criteria=grades, provenance=Provenance(**nothing))


def criterion(title: str, *marks: float, **more: Any) -> dict[str, Any]:
    return {"title": title, "Ratings": [{"title": f"R{i}", "marks": m} for i, m in enumerate(marks)], **more}


@pytest.mark.parametrize(
    ("rubric", "ratings", "total", "highest"),
    [
        ([criterion("Works", 4, 0), criterion("Late", 0, -1)], ("R0", "R1"), (3, 3), 4),
        ([criterion("Works", 4, 0), criterion("Late", 0, -1)], ("R1", "R1"), (0, 0), 4),
        ([criterion("Works", 4, 0), criterion("Late", 0, -1)], ("R0", None), (3, 4), 4),
        ([criterion("Works", 4, 0), criterion("Late", 0, -1)], (None, None), (0, 4), 4),
        ([criterion("Late", 0, -1)], ("R1",), (-1, -1), 0),
        ([criterion("Works", 4, 0), criterion("Bonus: fast", 1, 0)], ("R0", "R0"), (5, 5), 4),
        ([criterion("Works", 4, 0), criterion("Fast", 1, 0, bonus=True)], ("R0", None), (4, 5), 4),
        ([criterion("Works", 4, 0), criterion("Bonus", 1, 0, bonus=False)], ("R0", "R0"), (5, 5), 5),
        ([criterion("Bonus", 1, 0)], ("R0",), (1, 1), 1),
        ([criterion("Feedback", 0, 0)], ("R1",), (0, 0), 0),
        ([criterion(f"T{i}", 0.1, 0) for i in range(10)], ("R0",) * 10, (1, 1), 1),
    ],
)
def test_totals_with_deductions_and_bonus(
    rubric: list[Any], ratings: tuple[str | None, ...], total: tuple[float, float], highest: float
) -> None:
    grade = graded(parse(rubric)[0], *ratings)
    assert (grade.marks_range, grade.max_marks) == (total, highest)


def test_single_rating_is_completed_and_0_means_not_met(tmp_path: Path) -> None:
    folder = lab_folder(tmp_path / "lab", ("Bonus: recursion",), ("Bonus: recursion",), ("",))
    (folder / "rubrics.json").write_text(json.dumps([criterion("Bonus: recursion", 1)]))
    table = "Criterion,Bonus: recursion\n,\nRating,R0\n,\nMarks,1\n,\n"
    for cell, rating in (("1", "R0"), ("0", "not met"), ("FALSE", "not met"), ("", None), ("?", None)):
        (folder / "rubric_ratings.csv").write_text(f"{table}s1,{cell}\n")
        lab = load_lab(folder)
        assert [(r.title, r.marks) for r in lab.criteria[0].ratings] == [("R0", 1), ("not met", 0)]
        assert lab.human_grades[0].rating == rating
    write_lab(lab, tmp_path / "again" / "lab")
    assert load_lab(tmp_path / "again" / "lab").criteria == lab.criteria


def test_dates_in_a_table_without_rubric_are_a_warning(tmp_path: Path) -> None:
    folder = lab_folder(tmp_path / "lab", ("Tests",), ("Tests",), ("",))
    (folder / "rubrics.json").unlink()
    path = folder / "rubric_ratings.csv"
    path.write_text(path.read_text().replace("Rating,A,B", "Rating,1-Feb,2-Feb"))
    validated = read_lab(folder)
    assert validated.lab is not None and "date-title" in {issue.code for issue in validated.issues}


def test_bonus_is_written_and_read(tmp_path: Path, make_lab: Any) -> None:
    lab: Lab = make_lab()
    first, second = lab.criteria
    changed = (first.model_copy(update={"bonus": True}), second.model_copy(update={"title": "Bonus"}))
    lab = lab.model_copy(update={"criteria": changed, "human_grades": ()})
    write_lab(lab, tmp_path / "lab1")
    assert [each.bonus for each in load_lab(tmp_path / "lab1").criteria] == [True, False]
