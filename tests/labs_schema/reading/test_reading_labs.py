"""Every variant of the lab format reads as the lab it means."""

import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest

from labs_schema.errors import InputError
from labs_schema.files.file_reader import decode
from labs_schema.hashes import rubric_hash, submission_hash, submission_key
from labs_schema.models import HumanGrade, SourceFile, Submission
from labs_schema.reading.validate import lab_folders, load_lab, read_lab, stray_entries
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code

HEADER = (
    "Criterion,Fast?,Fast?\nDescription,,\nRating,Yes,No\nRating description,In a second,Not\nMarks,2,0\nStudent,,\n"
)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """A lab of one criterion whose only file is the ratings table of one student."""
    (tmp_path / "lab1" / "submissions" / "s1@course").mkdir(parents=True)
    (tmp_path / "lab1" / "ps.txt").write_text("Add two numbers.")
    (tmp_path / "lab1" / "submissions" / "s1@course" / "main.cpp").write_text("int main() {}\n")
    (tmp_path / "lab1" / "rubric_ratings.csv").write_text(HEADER + "s1@course,1,0\n")
    return tmp_path / "lab1"


def codes(folder: Path) -> set[str]:
    return {issue.code for issue in read_lab(folder).issues}


def files(folder: Path) -> dict[str, list[str]]:
    return {s.student: [file.path for file in s.files] for s in load_lab(folder).submissions}


def test_table_header_replaces_a_missing_rubric(lab) -> None:
    read = load_lab(lab)
    assert [(r.title, r.description, r.marks) for r in read.criterion("Fast?").ratings] == [
        ("Yes", "In a second", 2.0),
        ("No", "Not", 0.0),
    ]
    assert (read.name, read.language, read.short_problem) == ("lab1", "C++", "Add two numbers.")
    assert read.ratings_by_student == {"s1": {"Fast?": "Yes"}}


def test_rubric_without_ratings_is_a_valid_lab(lab) -> None:
    (lab / "rubric_ratings.csv").unlink()
    rubric = [{"title": "Fast?", "Ratings": [{"title": "Yes", "marks": 1}, {"title": "No", "marks": 0.5}]}]
    (lab / "rubrics.json").write_text(json.dumps(rubric))
    read = load_lab(lab)
    assert read.human_grades == () and read.criterion("Fast?").max_marks == 1


def test_rubrics_json_takes_precedence_over_the_table(lab) -> None:
    new = {"title": "New", "Ratings": [{"title": "A"}, {"title": "B"}]}
    fast = {"title": "Fast? ", "description": "d", "Ratings": [{"title": "No"}, {"title": "Yes", "description": "y"}]}
    (lab / "rubrics.json").write_text(json.dumps([new, fast]))
    read = load_lab(lab)
    assert [criterion.title for criterion in read.criteria] == ["New", "Fast?"]
    assert [(r.title, r.description, r.marks) for r in read.criteria[1].ratings] == [("No", "Not", 0), ("Yes", "y", 2)]


@pytest.mark.parametrize("name", ["ps.txt", "problemStatement.txt", "modified_ps.txt"])
def test_single_statement_is_used_for_both(name, lab) -> None:
    (lab / "ps.txt").rename(lab / name)
    assert (load_lab(lab).problem, load_lab(lab).short_problem) == ("Add two numbers.", "Add two numbers.")


@pytest.mark.parametrize(
    ("cells", "rating", "comment"),
    [
        ("1,0", "Yes", None),
        ("1.0,0.0", "Yes", None),
        ("1,", "Yes", None),
        ("0,No Comments", "No", None),
        ("0,Takes a minute", "No", "Takes a minute"),
        ('0,"Takes a minute,\nor ""two"""', "No", 'Takes a minute,\nor "two"'),
        ("1,No Comments", "Yes", None),
        ("1,Not this", "Yes", None),
        ("0,0", None, None),
        ("1,1", None, None),
        ("Good,Bad", None, "Good\nBad"),
    ],
)
def test_cells_are_marks_or_comments(cells, rating, comment, lab) -> None:
    (lab / "rubric_ratings.csv").write_text(HEADER + f"s1,{cells}\n")
    assert load_lab(lab).human_grades == (HumanGrade(student="s1", criterion="Fast?", rating=rating, comment=comment),)


@pytest.mark.parametrize(
    ("marks", "words", "comment"),
    [
        ("1,0", "Well done,0", "Well done"),
        ("1,0", "No Comments,0", None),
        ("1,0", "0,Too slow", None),
        ("0,0", "0,Too slow", "Too slow"),
    ],
)
def test_comments_table_adds_comments(marks, words, comment, lab) -> None:
    (lab / "rubric_ratings.csv").write_text(HEADER + f"s1,{marks}\n")
    (lab / "rubric_comments.csv").write_text(HEADER + f"s1@course,{words}\n")
    assert load_lab(lab).human_grades[0].comment == comment


@pytest.mark.parametrize("title", ["NA", "None", "nan", "null", "1", "true"])
def test_title_na_is_not_a_missing_value(title, lab) -> None:
    (lab / "rubric_ratings.csv").write_text(HEADER.replace("Yes", title) + "s1,1,0\n")
    assert load_lab(lab).ratings_by_student == {"s1": {"Fast?": title}}


@pytest.mark.parametrize("row", ["", "Marks", "Marks,,"])
def test_marks_row_may_be_empty(row, lab) -> None:
    (lab / "rubric_ratings.csv").write_text(HEADER.replace("Marks,2,0", row) + "\ns1,1,0\n,,\n")
    assert load_lab(lab).criteria[0].max_marks is None


def test_submission_files_are_sorted_by_path(lab) -> None:
    folder = lab / "submissions" / "s1@course"
    (folder / "src").mkdir()
    for name in ("src/b.cpp", "src/a.hpp", "A.CPP", "old.c", "list.h"):
        (folder / name).write_text("int x;\n")
    assert files(lab) == {"s1": ["A.CPP", "list.h", "main.cpp", "old.c", "src/a.hpp", "src/b.cpp"]}


def test_archives_and_single_files_are_submissions(lab) -> None:
    with zipfile.ZipFile(lab / "submissions" / "s2@a.b.zip", "w") as archive:
        archive.writestr("hw\\main.cpp", "int a;")
        for number in range(3):
            archive.writestr(f"__MACOSX/{number}", "x")
    with tarfile.open(lab / "submissions" / "s3@x.tar.xz", "w:xz") as archive:
        info = tarfile.TarInfo("./hw/main.cpp")
        info.size = 6
        archive.addfile(info, io.BytesIO(b"int a;"))
    (lab / "submissions" / "s4@x.y.cpp").write_text("int a;")
    (lab / "submissions" / "s2@a.b.zip").rename(lab / "submissions" / "s1@course" / "s1_work.zip")
    assert files(lab) == {"s1": ["archive/hw/main.cpp", "main.cpp"], "s3": ["hw/main.cpp"], "s4": ["submission.cpp"]}
    assert [issue.code for issue in read_lab(lab).issues].count("litter") == 1
    assert [s.folder for s in load_lab(lab).submissions] == ["s1@course", "s3@x", "s4@x.y"]


@pytest.mark.parametrize("folder", ["s2@uni.so", "s2@c#", "s2@x.log", "s2", "s2@a@b", "s2@x.zip"])
def test_unusual_folder_names_are_accepted(folder, lab) -> None:
    (lab / "submissions" / folder / "a.d").mkdir(parents=True)
    (lab / "submissions" / folder / "a.d" / "main.cpp").write_text("x")
    assert files(lab) == {"s1": ["main.cpp"], "s2": ["a.d/main.cpp"]}


def test_files_in_another_language_are_used_if_there_are_no_others(lab) -> None:
    for student, name in [("s2", "main.cpp"), ("s2", "run.py"), ("s3", "Main.java")]:
        (lab / "submissions" / student).mkdir(exist_ok=True)
        (lab / "submissions" / student / name).write_text("x")
    assert files(lab) == {"s1": ["main.cpp"], "s2": ["main.cpp"], "s3": ["Main.java"]}
    assert load_lab(lab, language="python").language == "Python"
    assert [f.code for f in read_lab(lab, language="Cobol").issues if f.severity == "error"] == ["unknown-language"]


@pytest.mark.parametrize(
    ("name", "language"),
    [("a.c", "C"), ("a.cc", "C++"), ("A.java", "Java"), ("a.py", "Python"), ("a.ts", "TypeScript"), ("a.go", "Go"),
     ("a.rs", "Rust")],
)  # fmt: skip
def test_extension_decides_the_language(name, language, lab) -> None:
    (lab / "submissions" / "s1@course" / "main.cpp").rename(lab / "submissions" / "s1@course" / name)
    assert load_lab(lab).language == language


@pytest.mark.parametrize(
    ("text", "language"), [("Python", "Python"), ("c++\n", "C++"), ("\ufeffJAVASCRIPT \r\n\r\n", "JavaScript")]
)
def test_language_file_overrides_extensions(text, language, lab) -> None:
    (lab / "language.txt").write_text(text)
    assert load_lab(lab).language == language


def test_language_file_resolves_a_tie(lab) -> None:
    (lab / "submissions" / "s2@course.py").write_text("x")
    (tie,) = (issue for issue in read_lab(lab).issues if issue.code == "language-tie")
    assert "language.txt" in tie.hint
    (lab / "language.txt").write_text("Python\n")
    assert load_lab(lab).language == "Python"
    assert files(lab) == {"s1": ["main.cpp"], "s2": ["submission.py"]}


@pytest.mark.parametrize("written", ["C++", "Cobol"])
def test_language_argument_overrides_the_language_file(written, lab) -> None:
    (lab / "language.txt").write_text(written)
    assert load_lab(lab, language="python").language == "Python"


def test_each_submission_has_one_language_vote(lab) -> None:
    for name in ("s2/a.cpp", *(f"s3/{number}.py" for number in range(9))):
        (lab / "submissions" / name).parent.mkdir(exist_ok=True)
        (lab / "submissions" / name).write_text("x")
    assert load_lab(lab).language == "C++"


def test_language_is_unknown_without_submissions(lab) -> None:
    (lab / "submissions" / "s1@course" / "main.cpp").unlink()
    assert (load_lab(lab).language, load_lab(lab).submissions) == ("unknown", ())
    (lab / "language.txt").write_text("Go\n")
    assert load_lab(lab).language == "Go"


def test_only_the_first_hundred_issues_of_a_code_are_listed(lab) -> None:
    (lab / "rubric_ratings.csv").write_text(HEADER + "".join(f"s{i},0,0\n" for i in range(1, 251)))
    none = [issue for issue in read_lab(lab).issues if issue.code == "no-rating"]
    assert len(none) == 101 and none[-1].found.startswith("150 more")


def test_load_lab_raises_all_errors_together(lab) -> None:
    (lab / "ps.txt").unlink()
    (lab / "rubric_ratings.csv").write_text(HEADER.replace("2", "two") + "s1,2,0\n")
    with pytest.raises(InputError) as raised:
        load_lab(lab)
    assert {issue.code for issue in raised.value.issues} == {"no-statement", "bad-marks"}


def test_missing_folder_is_reported(tmp_path) -> None:
    assert codes(tmp_path / "nowhere") == {"unreadable"}
    with raises_code("no-labs"):
        lab_folders(tmp_path / "nowhere")


def test_folder_of_labs_or_archive_instead_of_a_lab_gets_a_hint(lab) -> None:
    with raises_code("no-labs", "1 labs"):
        load_lab(lab.parent)
    (lab.parent / "lab.zip").write_text("x")
    with raises_code("unreadable"):
        load_lab(lab.parent / "lab.zip")


def test_labs_are_listed_and_stray_entries_reported(lab) -> None:
    (lab.parent / "a_lab" / "submissions").mkdir(parents=True)
    (lab.parent / "notes").mkdir()
    (lab.parent / "README.md").write_text("x")
    assert [path.name for path in lab_folders(lab.parent)] == ["a_lab", "lab1"]
    assert lab_folders(lab) == [lab] and stray_entries(lab) == ()
    assert [(issue.code, issue.path) for issue in stray_entries(lab.parent)] == [
        ("stray-file", f"{lab.parent.name}/notes")
    ]


def test_text_decoding() -> None:
    assert [
        decode(data) for data in (b"\xef\xbb\xbfa", "é\r\nb\rc".encode("utf-16"), b"\x80\x81\xe9", b"\0a", b"")
    ] == [
        ("a", "UTF-8", False),
        ("é\nb\nc", "UTF-16", True),
        ("\u20ac\x81\xe9", "Windows-1252", False),
        None,
        ("", "UTF-8", False),
    ]
    assert decode("a\0b".encode("utf-16")) is None
    assert decode("ab".encode("utf-32")) == ("ab", "UTF-32", False)


def test_hashes_change_with_their_content(make_lab) -> None:
    lab = make_lab()
    assert submission_key("lab1", "s1") == submission_key("lab1", "s1") != submission_key("lab", "1s1")
    assert len(submission_key("lab1", "s1")) == 16
    one = Submission(student="a", folder="a", files=(SourceFile(path="a.c", text="x"),))
    assert submission_hash(one) == submission_hash(one.model_copy(update={"student": "b"}))
    assert submission_hash(one) != submission_hash(lab.submissions[0])
    other = lab.model_copy(update={"criteria": lab.criteria[::-1]})
    assert rubric_hash(lab) != rubric_hash(other) and rubric_hash(lab) == rubric_hash(make_lab(students=1))


def test_written_lab_is_recognized_as_a_lab(tmp_path, make_lab) -> None:
    write_lab(make_lab(), tmp_path / "lab1")
    assert read_lab(tmp_path / "lab1").issues == ()
    assert load_lab(tmp_path / "lab1") == make_lab()
