"""`grader suspects`: the table and the files it writes."""

import csv
import json

from typer.testing import CliRunner

from grader.cli import app
from labs_schema.models import HumanGrade
from tests.harness.courses.lab_folders import write_lab


def test_suspects_are_listed_and_written(tmp_path, make_lab) -> None:
    """Even programs compile (A), odd ones do not (C); one label contradicts that and two other TAs."""
    lab = make_lab(students=40)
    compiles = lab.criteria[0].title

    def program(number: int) -> str:
        return f"int main(void) {{ return {number % 2}; }} " + f"x = {number * number};" * (number % 5)

    submissions = tuple(
        s.model_copy(update={"files": (s.files[0].model_copy(update={"text": program(n)}),)})
        for n, s in enumerate(lab.submissions)
    )
    right = {s.student: "AC"[n % 2] for n, s in enumerate(submissions)}
    wrong = "s010"
    assert right[wrong] == "A"
    current = {**right, wrong: "C"}

    def rated(given: dict[str, str], rater: str) -> tuple[HumanGrade, ...]:
        return tuple(HumanGrade(student=s, criterion=compiles, rating=r, rater=rater) for s, r in given.items())

    others = (*rated(right, "=ann"), *rated(right, "bo"))
    changed = {"submissions": submissions, "human_grades": rated(current, "cy"), "rater_grades": others}
    write_lab(lab.model_copy(update=changed), tmp_path / "labs" / "lab1")

    result = CliRunner().invoke(app, ["suspects", "--parent-dir", str(tmp_path / "labs"), "--out", str(tmp_path / "o")])
    assert result.exit_code == 0, result.output
    found = json.loads((tmp_path / "o" / "suspects.json").read_text())
    first = found["suspects"][0]
    assert (first["student"], first["rating"], first["expected"], first["rater"]) == (wrong, "C", "A", "cy")
    assert "2 of 2 other TAs gave A" in first["why"]
    rows = [*csv.DictReader((tmp_path / "o" / "suspects.csv").read_text().splitlines())]
    assert rows[0]["student"] == wrong and len(rows) == len(found["suspects"])
    assert {line["rater"]: line["common"] for line in found["tas"]} == {"=ann": 80, "bo": 80, "cy": 80}
    assert "'=ann" in (tmp_path / "o" / "tas.csv").read_text()
    assert "should be checked" in result.output and "Other TAs" in result.output and "2 x A" in result.output


def test_too_few_students_is_an_error(tmp_path, make_lab) -> None:
    write_lab(make_lab(students=4), tmp_path / "labs" / "lab1")
    result = CliRunner().invoke(app, ["suspects", "--parent-dir", str(tmp_path / "labs"), "--out", str(tmp_path / "o")])
    assert result.exit_code == 1 and "at least 10" in str(result.exception)
    assert not (tmp_path / "o").exists()
