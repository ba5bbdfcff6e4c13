"""The cost of grading: estimated from an earlier run's speed, and measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.token_cost import FILE, Cost, duration, earlier_cost, estimated
from labs_schema.models import Lab
from tests.harness.courses.lab_folders import write_lab

EARLIER = Cost(submissions=10, questions=50, prompt_tokens=9000, uncached_tokens=4000, load_seconds=20, seconds=100)
PLANNED = Cost(submissions=30, questions=150, prompt_tokens=30_000, uncached_tokens=12_000, refused=2, price_per_hour=9)


def test_estimated_time_is_proportional_to_computed_tokens() -> None:
    cost = estimated(PLANNED, EARLIER)
    assert (cost.seconds, cost.load_seconds, cost.measured) == (300, 20, False)
    assert cost.money == pytest.approx(320 / 3600 * 9)
    assert cost.shown()["Estimated price"] == "0.8000 at 9 per hour"
    assert "2 are empty or too long" in cost.shown()["Submissions"]


def test_no_estimate_without_an_earlier_run() -> None:
    cost = estimated(PLANNED, None)
    assert cost.money is None
    assert cost.shown()["Time"].startswith("unknown")
    assert "Price" not in cost.shown() and "Estimated price" not in cost.shown()


def test_earlier_cost_comes_from_the_first_valid_file(tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / FILE).write_text('{"submissions": "many"}')
    (tmp_path / FILE).write_text(EARLIER.model_dump_json())
    assert earlier_cost(tmp_path / "none", tmp_path / "damaged", tmp_path) == EARLIER
    assert earlier_cost(tmp_path / "none") is None


def test_durations_have_suitable_units() -> None:
    assert [duration(s) for s in (0.456, 41.2, 600, 9000)] == ["0.456 s", "41.2 s", "10 min", "2.5 h"]


def test_dry_run_estimates_and_regrade_measures_the_cost(
    make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    write_lab(make_lab(students=3), tmp_path / "lab1")
    (tmp_path / "lab1" / "roster.csv").write_text("id,name\ns777,Ann Lee\n")
    out, readme = tmp_path / "out", tmp_path / "README.md"
    readme.write_text("what labs/* names, too")
    labs = [str(tmp_path / "lab1"), str(readme)]
    arguments = ["regrade", *labs, "--model", str(tiny_model_folder), "--price-per-hour", "3600"]
    before: Any = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert before.exit_code == 0, before.output
    assert "roster-without-submission" in before.stderr
    assert "unknown" in before.output and "verification passes" in before.output and not out.exists()
    three_orders: Any = CliRunner().invoke(app, [*arguments, "--dry-run", "--orders", "3"])
    for result, questions in ((before, "6"), (three_orders, "15")):
        assert ["Prompts", questions] in [line.split(";")[0].split() for line in result.output.splitlines()]
    graded: Any = CliRunner().invoke(app, [*arguments, "--engine", "transformers", "--out", str(out)])
    assert graded.exit_code == 0, graded.output
    measured = Cost.model_validate_json((out / FILE).read_text())
    assert (measured.submissions, measured.questions) == (3, 6)
    assert measured.seconds and "Price" in graded.output
    after: Any = CliRunner().invoke(app, [*arguments, "--dry-run", "--out", str(out)])
    assert "Estimated price" in after.output and f"{measured.prompt_tokens:,}" in after.output


def test_regrade_requires_an_output_folder(tmp_path: Path) -> None:
    done: Any = CliRunner().invoke(app, ["regrade", str(tmp_path), "--model", "m"])
    assert done.exit_code == 2 and "--out" in done.output
