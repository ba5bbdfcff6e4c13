"""`grader grade`, as a person and as a program use it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader.cli import app
from labs_schema.errors import InputError, ModelError
from labs_schema.grades import Grade
from tests.harness.courses.lab_folders import write_lab


@pytest.fixture
def lab(tmp_path: Path, make_lab) -> Path:
    write_lab(make_lab(students=1), tmp_path / "lab1")
    return tmp_path / "lab1"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["grade", *map(str, arguments), "--engine", "transformers"])


def test_files_are_graded_as_one_submission_and_shown_as_a_rubric(lab, tiny_model_folder, tmp_path) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    (tmp_path / "notes.txt").write_text("read me\n")
    result = run(tmp_path / "main.c", tmp_path / "notes.txt", "--lab", lab, "--model", tiny_model_folder)
    assert result.exit_code == 0, result.output
    for expected in ("Does it", "Is it", "needs review", "Total", "/ 3"):
        assert expected in result.stdout
    assert "notes.txt" in result.stderr and "notes.txt" not in result.stdout
    assert f"grader calibrate {tiny_model_folder} --parent-dir {tmp_path}" in result.stderr


def test_json_output_is_the_grade_only(lab, tiny_model_folder, tmp_path) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    result = run(tmp_path / "main.c", "--lab", lab, "--model", tiny_model_folder, "--json")
    graded = Grade.model_validate_json(result.stdout)
    assert [criterion.criterion for criterion in graded.criteria] == ["Does it compile?", "Is it readable?"]
    assert all(sum(criterion.probabilities.values()) == pytest.approx(1) for criterion in graded.criteria)


def test_orders_option_sets_the_number_of_option_orders(lab, tiny_model_folder, tmp_path) -> None:
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    result = run(tmp_path / "main.c", "--lab", lab, "--model", tiny_model_folder, "--orders", 3, "--json")
    graded = Grade.model_validate_json(result.stdout)
    assert [len(criterion.letters) for criterion in graded.criteria] == [3, 2]


def test_unreadable_file_and_missing_model_are_named(lab, tmp_path) -> None:
    missing = run(tmp_path / "main.c", "--lab", lab, "--model", "runs/none")
    assert isinstance(missing.exception, InputError) and str(tmp_path / "main.c") in str(missing.exception)
    (tmp_path / "main.c").write_text("int main(void) { return 0; }\n")
    no_model = run(tmp_path / "main.c", "--lab", lab, "--model", tmp_path / "none")
    assert isinstance(no_model.exception, ModelError) and "none" in str(no_model.exception)
