"""The TAs' ratings in exports: only what a TA gave, by the rubric."""

from pathlib import Path

from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from tests.labs_schema.imports.conftest import Import, write_folder

HEAD = "Assignment Submission ID,Question Submission ID,First Name,Last Name,SID,Email,Sections,Score,Submission Time"
END = "Adjustment,Comments,Grader,Tags"
EXCLUSIVE = f"""{HEAD},No warnings,Warnings,"=Does, not compile",{END}
101,201,Zoe,Roe,s1,z@uni.example,A,2.0,2026-01-01 10:00:00 UTC,true,false,false,,yes,Ann TA,
102,202,Yan,Poe,,y@uni.example,A,1.0,2026-01-01 10:00:00 UTC,false,true,false,,,Bob,
103,203,Xi,Moe,s3,x@uni.example,A,,2026-01-01 10:00:00 UTC,false,false,false,,,,
109,209,No,Work,s9,n@uni.example,A,2.0,2026-01-01 10:00:00 UTC,true,false,false,,,Ann TA,

Point Values,,,,,,,,,0.0,-1.0,-2.0,,,,
Rubric Type,negative,,,,,,,,,,,,,,
"""
TOGGLES = f"""{HEAD},Names,Layout,{END}
101,201,Zoe,Roe,s1,z@uni.example,A,2.0,2026-01-01 10:00:00 UTC,true,true,,,Ann TA,
102,202,Yan,Poe,s2,y@uni.example,A,0.0,2026-01-01 10:00:00 UTC,false,false,,,Ann TA,
103,203,Xi,Moe,s3,x@uni.example,A,,2026-01-01 10:00:00 UTC,false,false,,,,
Point Values,,,,,,,,,1.0,1.0,,,,
"""
FILES = {
    "submission_metadata.yml": "".join(f"submission_10{i}:\n  :submitters:\n  - :sid: s{i}\n" for i in (1, 2, 3)),
    **{f"submission_10{i}/main.c": f"int main(void) {{ return {i}; }}" for i in (1, 2, 3)},
}


def complete(lab: Path) -> Lab:
    """The imported lab with a statement, as its reader gives it."""
    write_folder({"ps.txt": "Print.", "modified_ps.txt": "Print!"}, lab)
    return load_lab(lab)


def test_exclusive_items_become_the_ratings_of_a_criterion(run_import: Import) -> None:
    report, codes, folder = run_import("gradescope", FILES, grades={"2_Does_it_compile.csv": EXCLUSIVE})
    lab = complete(folder)
    [criterion] = lab.criteria
    assert criterion.title == "Does it compile"
    assert [(r.title, r.marks) for r in criterion.ratings] == [
        ("No warnings", 2),
        ("Warnings", 1),
        ("=Does, not compile", 0),
    ]
    assert {(g.student, g.rating, g.comment, g.rater) for g in lab.human_grades} == {
        ("s1", "No warnings", "yes.", "Ann TA"),
        ("s2", "Warnings", None, "Bob"),
    }
    assert (report.ratings, report.ratings_unused, codes) == (2, 1, {"unused-rating"})


def test_row_whose_ids_are_not_those_of_its_submission_is_not_used(run_import: Import) -> None:
    files = FILES | {"submission_metadata.yml": FILES["submission_metadata.yml"].replace("s1", "s8")}
    report, codes, folder = run_import("gradescope", files, grades={"Style.csv": TOGGLES})
    assert set(complete(folder).ratings_by_student) == {"s2"}
    assert report.ratings_unused == 2 and codes == {"unused-rating"}


def test_items_that_are_combined_become_criteria_of_their_own(run_import: Import) -> None:
    _, _, folder = run_import("gradescope", FILES, grades={"Style.csv": TOGGLES})
    lab = complete(folder)
    assert [c.title for c in lab.criteria] == ["Style: Names", "Style: Layout"]
    assert lab.ratings_by_student == {
        "s1": {"Style: Names": "Applies", "Style: Layout": "Applies"},
        "s2": {"Style: Names": "Does not apply", "Style: Layout": "Does not apply"},
    }


def test_canvas_ratings_fit_the_rubric_of_a_lab_by_title_description_or_marks(
    run_import: Import, tmp_path: Path
) -> None:
    rubric = """[{"title": "Does it compile?", "Ratings": [
        {"title": "A", "description": "Without warnings", "marks": 2}, {"title": "B", "marks": 1},
        {"title": "C", "marks": 0}]}]"""
    lab = write_folder({"ps.txt": "Print.", "modified_ps.txt": "p", "rubrics.json": rubric}, tmp_path / "old")
    table = (
        "Student Id,Student Name,Rating: Does it compile?,Points: Does it compile?,Comments: Does it compile?\n"
        "1,A,Without warnings,2.0,ok\n2,B,c,,\n3,C,,1.0,n/a\n4,D,Unknown,7,\n5,E,,,not graded\n"
    )
    files = {f"x_{i}_90_main.c": "x" for i in range(1, 6)}
    report, codes, folder = run_import("canvas", files, grades={"t.csv": table}, lab=lab)
    read = load_lab(folder)
    assert read.ratings_by_student == {i: {"Does it compile?": r} for i, r in (("1", "A"), ("2", "C"), ("3", "B"))}
    assert report.ratings_unused == 1 and codes == {"unused-rating", "platform-ids"}


def test_canvas_rubric_as_csv_gives_all_levels(run_import: Import) -> None:
    rubric = (
        "Rubric Name,Criteria Name,Criteria Description,Criteria Enable Range,Rating Name,Rating Description,"
        "Rating Points,Rating Name,Rating Description,Rating Points\n"
        'R,Compiles,With gcc,false,Yes,No warning,"2,5",No,,0\n'
    )
    table = "Student Id,Student Name,Rating: Compiles,Points: Compiles,Comments: Compiles\n1,A,Yes,2.5,\n"
    _, _, folder = run_import("canvas", {"x_1_90_main.c": "x"}, grades={"rubric.csv": rubric, "t.csv": table})
    lab = complete(folder)
    assert [(r.title, r.marks) for r in lab.criteria[0].ratings] == [("Yes", 2.5), ("No", 0)]
    assert lab.ratings_by_student == {"1": {"Compiles": "Yes"}}


def test_contradicting_ratings_count_as_none(run_import: Import) -> None:
    table = "Student Id,Student Name,Rating: A,Points: A\n1,A,Yes,1\n1,A,No,0\n2,B,Yes,1\n"
    report, codes, folder = run_import("canvas", {"x_1_9_a.c": "x", "x_2_9_a.c": "y"}, grades={"t.csv": table})
    assert complete(folder).ratings_by_student == {"2": {"A": "Yes"}}
    assert report.ratings_unused == 2 and "unused-rating" in codes


def test_table_of_a_platform_in_a_lab_is_read_and_not_copied(run_import: Import, tmp_path: Path) -> None:
    lab = write_folder({"ps.txt": "Print.", "modified_ps.txt": "p", "rubric_ratings.csv": EXCLUSIVE}, tmp_path / "old")
    _, _, folder = run_import("gradescope", FILES, lab=lab)
    assert set(load_lab(folder).ratings_by_student) == {"s1", "s2"}


def test_id_that_is_one_student_s_number_and_another_s_platform_id_is_not_guessed(run_import: Import) -> None:
    roster = "Student,ID,SIS User ID,SIS Login ID,Lab\nA,1,2,a,\nB,2,3,b,\n"
    table = "Student Id,Student Name,Rating: A,Points: A\n2,?,Yes,1\n1,A,Yes,1\n3,B,No,0\n"
    files = {"x_1_9_a.c": "x", "x_2_9_a.c": "y"}
    report, codes, folder = run_import("canvas", files, roster, {"t.csv": table})
    assert complete(folder).ratings_by_student == {"2": {"A": "Yes"}, "3": {"A": "No"}}
    assert report.ratings_unused == 1 and codes == {"unused-rating"}
