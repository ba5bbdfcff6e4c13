"""`grader build-dataset`: flags, the report it prints, and --verify."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader.cli import app, main
from grader.cli.data.build_dataset import standard_syntax
from labs_schema.errors import InputError
from tests.harness.courses.lab_folders import write_lab
from training.dataset.manifest import read_dataset_manifest
from training.dataset.row_formats import read_pairs


@pytest.fixture
def parent(tmp_path: Path, make_lab, varied, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("lab1", "lab2", "lab3"):
        write_lab(varied(make_lab(name, students=6)), tmp_path / "labs" / name)
    return tmp_path / "labs"


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["build-dataset", *words], env={"COLUMNS": "120"})


@pytest.mark.parametrize(
    "typed",
    [
        "--eval-lab-names lab1 lab2 --seed 3",
        "--eval-lab-names lab1 --eval-lab-names lab2 --seed 3",
        "--eval-lab-names lab1,lab2 --seed 3",
        "--eval-lab-names=lab1,lab2 --seed 3",
        "--seed 3 --eval-lab-names lab1, lab2",
    ],
)
def test_eval_labs_accept_every_list_syntax(parent: Path, typed: str) -> None:
    result = run("--parent-dir", str(parent), *typed.split())
    assert result.exit_code == 0, result.output
    manifest = read_dataset_manifest(Path("data"))
    assert (manifest.eval_labs, manifest.seed) == (("lab1", "lab2"), 3)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("--verbose 1", "--verbose"),
        ("--verbose 0 --shuffle", "--no-verbose --shuffle"),
        ("--reasoning=0 --verbose", "--no-reasoning --verbose"),
        ("--no-verbose --train-split 0", "--no-verbose --train-split 0"),
        ("--seed 1 --system-prompt-path=a=b", "--seed 1 --system-prompt-path=a=b"),
        ("--verbose 1 1", "--verbose 1"),
    ],
)
def test_switches_accept_0_and_1(typed: str, expected: str) -> None:
    assert standard_syntax(typed.split()) == expected.split()


def test_report_shows_counts_and_files(parent: Path) -> None:
    result = run("--parent-dir", str(parent), "--eval-lab-names", "lab3")
    assert result.exit_code == 0, result.output
    assert "lab3 (held out)" in result.output
    assert "near-copies" in result.output
    assert "data/train.jsonl" in result.output


def test_statement_and_system_prompt_options(parent: Path, tmp_path: Path) -> None:
    (tmp_path / "system.txt").write_text("Be strict.\n")
    settings = ["--system-prompt-path", "system.txt", "--verbose", "1", "--reasoning", "--option-order", "given"]
    result = run("--parent-dir", str(parent), *settings)
    assert result.exit_code == 0, result.output
    rows = list(read_pairs(Path("data/test.jsonl")))
    assert {row.system for row in rows} == {"Be strict."}
    assert all("Write a program that returns a square." in row.prompt for row in rows)
    assert all("reasoning" in row.chosen and row.options == tuple(sorted(row.options)) for row in rows)


def test_compact_prompt_is_short_without_system_prompt(parent: Path) -> None:
    assert run("--parent-dir", str(parent), "--prompt", "compact").exit_code == 0
    manifest = read_dataset_manifest(Path("data"))
    assert manifest.style.model_dump() == {
        "template": "compact",
        "system": "",
        "verbose": False,
        "problem_chars": 150,
        "description_chars": 80,
        "observed_chars": 400,
    }


def test_verify_reports_changed_files(parent: Path) -> None:
    run("--parent-dir", str(parent))
    result = run("--verify", "--parent-dir", str(parent))
    assert (result.exit_code, "Unchanged: train.jsonl, test.jsonl, and the 3 labs" in result.output) == (0, True)
    path = Path("data/test.jsonl")
    path.write_bytes(path.read_bytes().replace(b"A", b"B", 1))
    result = run("--verify")
    assert result.exit_code == 1
    assert isinstance(result.exception, InputError)
    assert "test.jsonl" in str(result.exception)


def test_missing_and_unknown_flags_are_errors(parent: Path) -> None:
    assert "--parent-dir" in run().output
    assert run("--parent-dir", str(parent), "--format", "xml").exit_code == 2
    assert run("--parent-dir", str(parent), "stray").exit_code == 2
    assert isinstance(run("--parent-dir", str(parent), "--eval-lab-names", "lab9").exception, InputError)


def test_unwritable_path_is_an_error_without_traceback(
    parent: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("a-file").touch()
    paths = "--train-dataset-path a-file/train.jsonl --test-dataset-path a-file/test.jsonl"
    monkeypatch.setattr("sys.argv", ["grader", "build-dataset", "--parent-dir", str(parent), *paths.split()])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1 and "a-file" in capsys.readouterr().err
