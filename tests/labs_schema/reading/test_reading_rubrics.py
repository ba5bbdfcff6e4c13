"""`load_rubric` gives the rubric of the lab without reading submissions."""

from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

from labs_schema.errors import InputError
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab, load_rubric, read_lab
from tests.harness.courses.lab_folders import write_lab

SAMPLES = Path(__file__).parents[3] / "labs"


@pytest.fixture
def folder(make_lab: Callable[..., Lab], tmp_path: Path) -> Path:
    write_lab(make_lab(), tmp_path / "lab1")
    return tmp_path / "lab1"


@pytest.mark.parametrize("folder", sorted(path for path in SAMPLES.iterdir() if path.is_dir()), ids=lambda p: p.name)
def test_rubric_equals_that_of_the_lab(folder: Path) -> None:
    alone = {
        "submissions": (),
        "unreadable": (),
        "template": (),
        "human_grades": (),
        "rater_grades": (),
    }
    assert load_rubric(folder).model_copy(update={"warnings": {}}) == load_lab(folder).model_copy(
        update={**alone, "warnings": {}}
    )


def test_language_is_detected_from_names_in_folders_and_archives(folder: Path) -> None:
    (folder / "language.txt").unlink(missing_ok=True)
    for number in range(10):
        with ZipFile(folder / "submissions" / f"z{number}.zip", "w") as archive:
            archive.writestr("main.py", "print(4)\n")
    assert load_rubric(folder).language == load_lab(folder).language == "Python"


def test_load_rubric_reads_no_submission(folder: Path) -> None:
    (folder / "submissions" / "s000@course" / "main.c").unlink()
    (folder / "submissions" / "s000@course" / "main.c").symlink_to("/etc/passwd")
    assert [each.code for each in read_lab(folder).lab.unreadable] == ["symlink"]
    assert load_rubric(folder).language == "C"


def test_load_rubric_reports_all_errors_together(folder: Path) -> None:
    (folder / "rubrics.json").write_text("{")
    (folder / "ps.txt").unlink(missing_ok=True)
    (folder / "modified_ps.txt").unlink(missing_ok=True)
    (folder / "language.txt").write_text("Latin")
    with pytest.raises(InputError) as error:
        load_rubric(folder)
    assert {issue.code for issue in error.value.issues} >= {"bad-json", "no-statement", "unknown-language"}
