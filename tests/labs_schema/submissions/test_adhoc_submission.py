import io
import json
import zipfile
from pathlib import Path

import pytest

from labs_schema.errors import InputError
from labs_schema.models import Criterion, Rating
from labs_schema.reading.validate import load_lab, load_rubric
from labs_schema.submissions.adhoc_submission import read_adhoc_submission, read_given_archive, read_given_files
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code


def test_files_form_one_submission_sorted_by_name(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_bytes(b"int main;\r\n")
    (tmp_path / "list.c").write_text("int list;\n")
    submission, warnings = read_adhoc_submission([tmp_path / "main.c", tmp_path / "list.c"])
    assert [(file.path, file.text) for file in submission.files] == [
        ("list.c", "int list;\n"),
        ("main.c", "int main;\n"),
    ]
    assert warnings == ()


def test_folders_and_archives_are_opened(tmp_path: Path) -> None:
    (tmp_path / "work" / "src").mkdir(parents=True)
    (tmp_path / "work" / "src" / "a.py").write_text("a = 1\n")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.writestr("b.py", "b = 2\n")
    submission, _ = read_adhoc_submission([tmp_path / "work", tmp_path / "more.zip"])
    assert [file.path for file in submission.files] == ["b.py", "src/a.py"]


def test_every_unreadable_path_is_reported(tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(InputError) as raised:
        read_adhoc_submission([tmp_path / "missing.c", tmp_path / "bad.zip"])
    assert str(tmp_path / "missing.c") in str(raised.value)
    assert str(tmp_path / "bad.zip") in str(raised.value)


def test_other_files_are_reported_and_an_error_if_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello\n")
    (tmp_path / "main.c").write_text("int main;\n")
    submission, warnings = read_adhoc_submission([tmp_path / "notes.txt", tmp_path / "main.c"])
    assert [file.path for file in submission.files] == ["main.c"]
    assert warnings[0].path == str(tmp_path / "notes.txt")
    with raises_code("no-source"):
        read_adhoc_submission([tmp_path / "notes.txt"])


def test_duplicate_file_names_are_rejected(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "main.c").write_text(f"int {folder};\n")
    with raises_code("duplicate-path"):
        read_adhoc_submission([tmp_path / "one" / "main.c", tmp_path / "two" / "main.c"])


def test_adhoc_submission_equals_the_same_submission_in_a_lab(tmp_path: Path, make_lab) -> None:
    write_lab(make_lab(students=2), tmp_path / "lab1")
    folder = min((tmp_path / "lab1" / "submissions").iterdir())
    (folder / "plot.py").write_text("print(1)\n")
    lab = load_lab(tmp_path / "lab1")
    submission, (warning,) = read_adhoc_submission([folder], lab.language)
    assert submission.files == lab.submissions[0].files
    assert warning.code == "other-language" and "'plot.py'" in warning.found


def test_given_archives_are_opened_like_those_of_a_lab() -> None:
    inner, outer = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("main.c", "int main;\n")
    with zipfile.ZipFile(outer, "w") as archive:
        archive.writestr("work.zip", inner.getvalue())
    assert [file.path for file in read_given_archive("s1.zip", outer.getvalue(), "C").files] == ["archive/main.c"]


def test_criteria_decide_whether_text_cells_of_a_notebook_are_read() -> None:
    cells = [{"cell_type": "markdown", "source": "Because"}, {"cell_type": "code", "source": "x = 1"}]
    files = [("a.ipynb", json.dumps({"cells": cells}))]
    ratings = (Rating(title="A"), Rating(title="B"))
    for title, expected in (("Is it correct?", False), ("Is the result explained?", True)):
        (file,) = read_given_files(files, "Python", (Criterion(title=title, ratings=ratings),)).files
        assert ("Because" in file.text) == expected and "x = 1" in file.text


def test_the_lab_s_encoding_is_used_as_for_its_submissions(tmp_path: Path, make_lab) -> None:
    write_lab(make_lab(students=1), tmp_path / "lab1")
    (tmp_path / "lab1" / "encoding.txt").write_text("mac_greek\n")
    folder = next((tmp_path / "lab1" / "submissions").iterdir())
    text = "int main;  // \u0391\u03b8\u03ae\u03bd\u03b1 \u00b7 \u03a3\u03c6\u03ac\u03bb\u03bc\u03b1\n"
    (folder / "main.c").write_bytes(text.encode("mac_greek"))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(folder / "main.c", "main.c")
    lab, rubric = load_lab(tmp_path / "lab1"), load_rubric(tmp_path / "lab1")
    given, _ = read_adhoc_submission([folder / "main.c"], "C", encoding=rubric.encoding)
    archived = read_given_archive("a.zip", archive.getvalue(), "C", encoding=rubric.encoding)
    in_lab = next(file for file in lab.submissions[0].files if file.path == "main.c")
    assert {in_lab.text, given.files[0].text, archived.files[0].text} == {text}
