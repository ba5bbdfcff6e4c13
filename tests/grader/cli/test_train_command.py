"""`grader train` rejects invalid arguments before loading torch."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.errors import GraderError

runner = CliRunner()
RECIPE = Path(__file__).parents[3] / "training/recipes/qwen2.5-coder-0.5b.yaml"


@pytest.mark.parametrize(
    "arguments",
    [[], ["--config", "a.yaml", "--resume", "b"], ["--resume", "b", "--seed", "1"], ["--resume", "b", "--set", "x=1"]],
)
def test_train_needs_a_config_or_a_run_to_resume_without_other_options(arguments: list[str]) -> None:
    result = runner.invoke(app, ["train", *arguments])
    assert result.exit_code == 2 and "--resume alone" in result.output


def test_missing_run_is_named() -> None:
    result = runner.invoke(app, ["train", "--resume", "no/such/run"])
    assert isinstance(result.exception, GraderError) and "no/such/run" in str(result.exception)


@pytest.mark.parametrize(("rank", "output"), [("0", "report\n"), ("1", "")])
def test_only_rank_0_prints_the_dry_run_and_all_ranks_exit(
    rank: str, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exits: list[int] = []
    monkeypatch.setattr("training.run.dry_run.dry_run", lambda _: "report")
    monkeypatch.setattr("training.run.train.exit_all_ranks", lambda status=0: exits.append(status))
    monkeypatch.setenv("RANK", rank)
    result = runner.invoke(app, ["train", "--config", str(RECIPE), "--dry-run"])
    assert (result.exit_code, result.output, exits) == (0, output, [0])
