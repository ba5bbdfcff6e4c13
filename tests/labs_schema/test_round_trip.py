"""What the writer writes, the reader reads as the same lab: over labs that hypothesis thinks up."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labs_schema.errors import InputError, Severity
from labs_schema.lab_writer import number, write_lab, write_ratings
from labs_schema.models import Criterion, HumanGrade, Lab, Rating, SourceFile, Submission
from labs_schema.reading.human_grades import is_comment
from labs_schema.reading.validate import load_lab, read_lab

LETTERS = st.characters(exclude_categories=("Cc", "Cs", "Cf", "Co", "Cn", "Zs", "Zl", "Zp"))
"""What may stand in a title."""
ANYTHING = st.characters(exclude_categories=("Cs",), exclude_characters="\0\r\ufeff")

titles = st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=3).map(" ".join)
titles |= st.sampled_from(["NA", "None", "nan", "null", "1", "0", "=1+1", "'=1", "-", "@x", 'a"b', "a,b"])
texts = st.text(ANYTHING, max_size=60)
descriptions = texts.map(str.strip)
comments = descriptions.filter(is_comment)
marks = st.none() | st.integers(0, 20).map(float) | st.floats(0, 1e6, allow_nan=False)
names = st.text("abcXYZ019_ é", min_size=1, max_size=8).map(str.strip).filter(bool)
tas = st.sampled_from(["ann", "Bo Li", "=sum", "'x", "TA", "a.b", "é", "a,b"])


@st.composite
def rubrics(draw: st.DrawFn) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(
            title=title,
            description=draw(descriptions),
            ratings=tuple(
                Rating(title=rating, description=draw(descriptions), marks=draw(marks))
                for rating in draw(st.lists(titles, min_size=2, max_size=5, unique=True))
            ),
        )
        for title in draw(st.lists(titles, min_size=1, max_size=4, unique=True))
    )


@st.composite
def submissions(draw: st.DrawFn) -> Submission:
    student = draw(names)
    extension = draw(st.sampled_from([".c", ".h", ".cpp", ".py"]))
    paths = draw(st.lists(st.lists(names, min_size=1, max_size=3).map("/".join), min_size=1, max_size=3, unique=True))
    return Submission(
        student=student,
        folder=student + draw(st.sampled_from(["", "@course", "@a@b"])),
        files=tuple(SourceFile(path=path, text=draw(texts)) for path in sorted(path + extension for path in paths)),
    )


@st.composite
def labs(draw: st.DrawFn) -> Lab:
    criteria = draw(rubrics())
    handed_in = draw(st.lists(submissions(), min_size=1, max_size=4, unique_by=lambda s: s.student))
    graded = draw(st.lists(st.sampled_from(criteria), unique=True))
    students = draw(st.lists(st.sampled_from([s.student for s in handed_in]), unique=True))
    graded_by = {student: draw(st.none() | tas) for student in students}
    raters = sorted(draw(st.sets(tas, max_size=3)))
    return Lab(
        name="lab",
        problem=draw(texts.filter(str.strip)),
        short_problem=draw(texts.filter(str.strip)),
        language=draw(st.sampled_from(["C", "C++", "Python"])),
        criteria=criteria,
        submissions=tuple(sorted(handed_in, key=lambda s: s.student)),
        human_grades=tuple(
            HumanGrade(
                student=student,
                criterion=criterion.title,
                rating=draw(st.none() | st.sampled_from([rating.title for rating in criterion.ratings])),
                comment=draw(st.none() | comments),
                rater=graded_by[student],
            )
            for student in students
            for criterion in criteria
            if criterion in graded
        ),
        rater_grades=tuple(
            HumanGrade(
                student=student,
                criterion=criterion.title,
                rating=draw(st.sampled_from([rating.title for rating in criterion.ratings])),
                rater=rater,
            )
            for rater in raters
            for student in students
            for criterion in criteria
            if draw(st.booleans())
        ),
    )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(labs())
def test_a_lab_reads_back_as_it_was_written(lab: Lab) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_lab(lab, Path(folder) / "lab")
        validated = read_lab(Path(folder) / "lab")
    assert [issue for issue in validated.issues if issue.severity is Severity.ERROR] == []
    assert validated.lab == lab


@pytest.mark.parametrize(
    ("path", "language", "written"), [("a.c", "C", None), ("a.c", "C++", "C++\n"), ("a.h", "unknown", None)]
)
def test_the_language_is_written_only_where_the_extensions_tell_another(
    path, language, written, tmp_path, make_lab
) -> None:
    only = Submission(student="s", folder="s", files=(SourceFile(path=path, text="x"),))
    lab = make_lab().model_copy(update={"language": language, "submissions": (only,), "human_grades": ()})
    write_lab(lab, tmp_path / "lab1")
    file = tmp_path / "lab1" / "language.txt"
    assert (file.read_text() if file.exists() else None) == written
    assert load_lab(tmp_path / "lab1") == lab


@pytest.mark.parametrize("language", ["unknown", "Cobol", "c", ""])
def test_a_language_that_would_not_read_back_is_not_written(language, tmp_path, make_lab) -> None:
    with pytest.raises(InputError, match="cannot-write"):
        write_lab(make_lab().model_copy(update={"language": language}), tmp_path / "lab1")


def test_written_ratings_take_the_place_of_the_tas(tmp_path, make_lab) -> None:
    lab = make_lab()
    write_lab(lab, tmp_path / "lab1")
    given_now = {s.student: {"Does it compile?": "C"} for s in lab.submissions}
    folders = {s.student: s.folder for s in lab.submissions}
    why = {"s000": {"Does it compile?": "=no, it has\na issue"}}
    write_ratings(lab.criteria, given_now, folders, tmp_path / "lab1" / "rubric_ratings.csv", why)
    again = load_lab(tmp_path / "lab1")
    assert again.ratings_given == given_now
    assert [g.comment for g in again.human_grades if g.comment] == ["=no, it has\na issue"]


def test_no_cell_of_a_written_table_is_a_formula(tmp_path, make_lab) -> None:
    path = tmp_path / "rubric_ratings.csv"
    why = {"s1": {"Does it compile?": '=HYPERLINK("x")'}}
    write_ratings(make_lab().criteria, {"s1": {"Does it compile?": "A"}}, {}, path, why)
    assert ",\"'=HYPERLINK" in path.with_name("rubric_comments.csv").read_text()


@pytest.mark.parametrize("path", ["../main.c", "/etc/main.c", "a/../../main.c", "C:\\main.c", "a\\b.c", "./a.c", ""])
def test_a_path_that_leaves_its_submission_is_not_written(path, tmp_path, make_lab) -> None:
    files = (SourceFile(path=path, text="x"),)
    lab = make_lab().model_copy(update={"submissions": (Submission(student="s", folder="s", files=files),)})
    with pytest.raises(InputError, match="cannot-write"):
        write_lab(lab, tmp_path / "inner" / "lab1")
    assert not list(tmp_path.rglob("*.c"))


@pytest.mark.parametrize("folder", ["..", ".", "a/b", "", "/tmp", "a\x1bb"])
def test_a_submission_is_not_written_outside_its_lab(folder, tmp_path, make_lab) -> None:
    files = (SourceFile(path="main.c", text="x"),)
    lab = make_lab().model_copy(update={"submissions": (Submission(student="s", folder=folder, files=files),)})
    with pytest.raises(InputError, match="cannot-write"):
        write_lab(lab, tmp_path / "inner" / "lab1")


@pytest.mark.parametrize("comment", ["1", "0", " ", "No Comments"])
def test_a_comment_that_would_read_as_a_mark_is_not_written(comment, tmp_path, make_lab) -> None:
    why = {"s1": {"Does it compile?": comment}}
    with pytest.raises(InputError, match="cannot-write"):
        write_ratings(make_lab().criteria, {"s1": {"Does it compile?": "A"}}, {}, tmp_path / "r.csv", why)


def test_a_rating_the_rubric_does_not_have_is_not_written(tmp_path, make_lab) -> None:
    with pytest.raises(InputError, match="cannot-write"):
        write_ratings(make_lab().criteria, {"s1": {"Does it compile?": "Z"}}, {}, tmp_path / "r.csv")


@pytest.mark.parametrize(("marks", "written"), [(2.0, "2"), (0.5, "0.5"), (1e-7, "0.0000001"), (100.0, "100")])
def test_marks_are_written_plainly(marks, written) -> None:
    assert number(marks) == written
