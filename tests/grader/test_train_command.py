"""The commands around training refuse what cannot be, in a sentence, before anything heavy is loaded."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.errors import GraderError, InputError

runner = CliRunner()
TINY = Path(__file__).parents[2] / "training/recipes/tiny.yaml"


@pytest.mark.parametrize(
    "arguments",
    [[], ["--config", "a.yaml", "--resume", "b"], ["--resume", "b", "--seed", "1"], ["--resume", "b", "--set", "x=1"]],
)
def test_train_takes_a_config_or_a_run_to_go_on_with_and_a_run_keeps_its_settings(arguments: list[str]) -> None:
    result = runner.invoke(app, ["train", *arguments])
    assert result.exit_code == 2 and "--resume alone" in result.output


def test_a_run_that_is_not_there_is_named() -> None:
    result = runner.invoke(app, ["train", "--resume", "no/such/run"])
    assert isinstance(result.exception, GraderError) and "no/such/run" in str(result.exception)


@pytest.mark.parametrize(("rank", "said"), [("0", "what it will take\n"), ("1", "")])
def test_of_several_processes_one_tells_what_a_dry_run_found_and_all_leave_together(
    rank: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[int] = []
    monkeypatch.setattr("training.run.dry_run.dry_run", lambda _: "what it will take")
    monkeypatch.setattr("training.run.train.exit_all_ranks", lambda status=0: left.append(status))
    monkeypatch.setenv("RANK", rank)
    result = runner.invoke(app, ["train", "--config", str(TINY), "--dry-run"])
    assert (result.exit_code, result.output, left) == (0, said, [0])


def test_the_tiny_base_needs_a_data_set(tmp_path: Path) -> None:
    result = runner.invoke(app, ["init-model", "--dataset", str(tmp_path), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, InputError) and "grader build-dataset" in str(result.exception)
    assert not (tmp_path / "out").exists()
