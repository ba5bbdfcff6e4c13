"""`grader import moodle ADDRESS`: submissions, participants, rubric and the teachers' levels by web services."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from grader.cli import app
from labs_schema.errors import InputError
from labs_schema.limits import ImportLimits
from labs_schema.reading.validate import load_rubric
from tests.harness.platforms.fake_moodle import ACCOUNT, TOKEN, FakeMoodle
from tests.harness.platforms.fake_moodle_grades import Grade
from tests.harness.platforms.fake_moodle_server import serving
from tests.labs_schema.imports.conftest import submitted


def imported(site: FakeMoodle, out: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    with serving(site) as base:
        monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", base)
        monkeypatch.setenv("GRADER_MOODLE_TOKEN", TOKEN)
        return CliRunner().invoke(app, ["import", "moodle", f"{base}/mod/assign/view.php?id=507", "--out", str(out)])


@pytest.fixture
def lab(tmp_path: Path, site: FakeMoodle, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Imported from the fake site, in which two students were graded by a teacher and one by this account."""
    site.files = {(101, "/", "main.c"): b"int x;", (101, "/src/", "main.c"): b"int y;", (102, "/", "a b.c"): b"int z;"}
    site.files |= {(103, "/../", "escape.c"): b"int w;"}
    levels = {41: 903, 42: 905, 43: 908}
    fillings = [{"criterionid": key, "levelid": value, "remark": "a<\u00a0b"} for key, value in levels.items()]
    wrong = [{"criterionid": 41, "levelid": 908, "remark": ""}, *fillings[1:]]
    graded = ((101, 7, fillings), (102, 7, wrong), (103, ACCOUNT, fillings))
    site.grades[27] = {user: Grade(user, user, 10.0, grader, "", "", given) for user, grader, given in graded}
    done = imported(site, tmp_path / "lab", monkeypatch)
    assert done.exit_code == 0, done.output
    return tmp_path / "lab"


def test_submissions_rubric_and_ratings_of_teachers_are_imported(lab: Path) -> None:
    assert submitted(lab) == {"s1": ["main.c", "src/main.c"], "s2": ["a b.c"], "s3": []}
    rubric = str(json.loads((lab / "rubrics.json").read_text())[0])
    assert "Does it compile & link?" in rubric and rubric.index("Yes") < rubric.index("No")
    with (lab / "rubric_ratings.csv").open(newline="") as file:
        rows = {row[0]: row[1:] for row in csv.reader(file)}
    assert rows["s1"] == ["1", "0", "0", "0", "1", "0", "1", "0"]
    assert rows["s2"][:3] != ["1", "0", "0"]  # Moodle stored the level of another criterion
    assert "s3" not in rows  # sent from here: no teacher's decision
    assert "a<b" in (lab / "rubric_comments.csv").read_text()


def test_an_assignment_without_submissions_is_reported_as_such(
    tmp_path: Path, site: FakeMoodle, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files = {}
    done = imported(site, tmp_path / "lab", monkeypatch)
    assert isinstance(done.exception, InputError) and not (tmp_path / "lab").exists()
    assert done.exception.issues[0].code == "no-export" and "no one has submitted" in str(
        done.exception.issues[0].found
    )


def test_a_criterion_called_bonus_is_a_bonus(tmp_path: Path, site: FakeMoodle, monkeypatch: pytest.MonkeyPatch) -> None:
    site.rubrics[27][0]["description"] = "Bonus: style"
    site.files = {(101, "/", "main.c"): b"int x;"}
    done = imported(site, tmp_path / "lab", monkeypatch)
    assert done.exit_code == 0, done.output
    (tmp_path / "lab" / "ps.txt").write_text("Write a program.")
    assert [each.bonus for each in load_rubric(tmp_path / "lab").criteria] == [True, False, False]


def test_an_assignment_above_the_limit_is_reported_as_such(
    tmp_path: Path, site: FakeMoodle, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files = {(101, "/", "main.c"): b"int x;"}
    limits = ImportLimits(export_bytes=5)
    monkeypatch.setattr("serving.deliveries.platforms.moodle.download.ImportLimits", lambda: limits)
    done = imported(site, tmp_path / "lab", monkeypatch)
    assert isinstance(done.exception, InputError) and not (tmp_path / "lab").exists()
    assert [each.code for each in done.exception.issues] == ["export-too-big"]


def test_token_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADER_MOODLE_TOKEN", raising=False)
    done = CliRunner().invoke(app, ["import", "moodle", "https://x.example/mod/assign/view.php?id=1", "--dry-run"])
    assert done.exit_code != 0 and getattr(done.exception, "code", "platform-token") == "platform-token"
