"""`grader regrade`: its table, its job in the store, and resuming."""

import io
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from grader.cli import app
from grader.regrade.regrade import RegradeOptions, course_of, regrade_labs
from grader.service.local_store import local_store
from grader.tables.regrade import Regraded, regraded_table
from labs_schema.errors import GraderError, ModelError
from labs_schema.hashes import files_hash
from labs_schema.models import Lab
from labs_schema.observations import CheckKind, CheckResult, Outcome, SubmissionObservations
from labs_schema.reading.observations_file import write_observations
from labs_schema.reading.validate import load_lab
from serving.engines.engine import EngineDownError
from serving.grading.grader import Grader
from serving.jobs.job import Progress, RequestedState, State
from serving.jobs.repository import JobRepository
from serving.measures.comparison import Comparison, CriterionComparison, Difference
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code

TRANSFORMERS = RegradeOptions(engine="transformers")


def shown(regraded: Regraded, trained: int = 0) -> str:
    screen = Console(file=io.StringIO(), width=120)
    screen.print(regraded_table(regraded, Path("out"), trained))
    text = screen.file.getvalue()  # type: ignore[attr-defined]
    return str(text)


def test_table_counts_by_criterion_and_names_no_student() -> None:
    confusion = {"A": {"A": 6, "B": 3}, "B": {"A": 1, "B": 0}}
    difference = Difference(student="s007", criterion="[red]Works?", ta="A", grader="B", confidence=0.9)
    row = CriterionComparison(
        criterion="[red]Works?", rated_by_both=10, agreed=6, ungraded=2, needs_review=5, confusion=confusion
    )
    comparison = Comparison(
        lab="lab1",
        students=12,
        unreadable={"no-program": 2},
        rated_by_both=10,
        agreed=6,
        agreement=0.6,
        criteria=(row,),
        differences=(difference,) * 4,
    )
    regraded = Regraded(already_graded=8, graded=4, parked=3, comparison=comparison)
    text = shown(regraded)
    assert "trained on" not in text and "trained on 7 of these students" in shown(regraded, 7)
    line = next(line for line in text.splitlines() if "[red]Works?" in line)
    assert line.split()[1:] == ["2", "5", "10", "60.0%", "A,", "B:", "3"]
    assert "4 submissions graded, 8 already graded" in text
    assert "3 submissions failed" in text and "--again" not in text and "2 of 12 students are ungraded" in text
    assert "use --again" in shown(regraded.model_copy(update={"graded": 0}))
    assert "s007" not in text
    unrated = row.model_copy(update={"rated_by_both": 0, "agreed": 0, "confusion": {}})
    update = {"rated_by_both": 0, "agreed": 0, "agreement": None, "criteria": (unrated,), "differences": ()}
    new_lab = shown(regraded.model_copy(update={"comparison": comparison.model_copy(update=update)}))
    assert "No TA rated them" in new_lab and "rubric_ratings.csv" in new_lab
    assert "Agreement" not in new_lab and "disagreements" not in new_lab


@pytest.fixture(autouse=True)
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADER_STORE", f"sqlite:///{tmp_path}/store.db")
    monkeypatch.setenv("COLUMNS", "120")


def jobs() -> list[Progress]:
    """The newest first."""
    with local_store() as store:
        repository = JobRepository(store.database)
        return [repository.progress(job.id) for job in repository.all()]


def written(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir()}


def test_lab_is_graded_once_and_its_results_are_written_by_each_run(
    make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path
) -> None:
    write_lab(make_lab(students=5), tmp_path / "cs101" / "lab1")
    arguments = ["regrade", str(tmp_path / "cs101/lab1"), "--model", str(tiny_model_folder), "--engine", "transformers"]
    arguments += ["--out", str(tmp_path / "out")]
    first: Any = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "5 submissions graded." in first.output
    files = written(tmp_path / "out")
    tables = {"marks.csv", "rubric_ratings.csv", "rubric_comments.csv"}
    assert files.keys() == {*tables, "grades.jsonl", "summary.json", "cost.json"}
    (tmp_path / "out" / "grades.jsonl").unlink()
    again: Any = CliRunner().invoke(app, arguments)
    assert "0 submissions graded, 5 already graded" in again.output and "--again" in again.output
    assert files == written(tmp_path / "out")
    [job] = jobs()
    assert (job.job.course, job.state, job.graded) == ("cs101", State.DONE, 5)
    (tmp_path / "cs101" / "lab1" / "rubric_ratings.csv").write_bytes(files["rubric_ratings.csv"])
    assert len(load_lab(tmp_path / "cs101" / "lab1").ratings_by_student) == 5
    once_more: Any = CliRunner().invoke(app, [*arguments, "--again", "--course", "cs101"])
    assert "5 submissions graded." in once_more.output
    assert [each.graded for each in jobs()] == [5, 5]


def test_programs_that_were_not_observed_are_counted_and_reviewed(
    make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path
) -> None:
    lab = make_lab(students=3)
    write_lab(lab, tmp_path / "lab1")
    (tmp_path / "lab1" / "checks.yaml").write_text("tests: [{name: t, stdout: '1'}]")
    regrade = partial(regrade_labs, [tmp_path / "lab1"], str(tiny_model_folder), tmp_path / "out", TRANSFORMERS)
    first = regrade().labs[0].regraded
    assert (first.graded, first.comparison.unobserved) == (3, 3)
    lines = (tmp_path / "out" / "grades.jsonl").read_text().splitlines()
    assert all("not-observed: " in line for line in lines)
    result = CheckResult(check="t", kind=CheckKind.TEST, outcome=Outcome.PASSED)
    observed = [SubmissionObservations(submission=files_hash(each), results=(result,)) for each in lab.submissions]
    names = [each.student for each in lab.submissions]
    write_observations(dict(zip(names[:2], observed, strict=False)), tmp_path / "lab1")
    second = regrade().labs[0].regraded
    assert (second.graded, second.comparison.unobserved) == (3, 1)
    assert "1 of 3 students" in shown(second) and "grader observe" in shown(second)


def test_other_settings_start_another_job(
    make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path
) -> None:
    write_lab(make_lab(students=2), tmp_path / "lab1")
    model, out = str(tiny_model_folder), tmp_path / "out"
    for options in ({}, {"orders": 2}, {"course": "other"}, {}):
        regrade_labs([tmp_path / "lab1"], model, out, TRANSFORMERS.model_copy(update=options))
    assert [(each.job.course, each.graded) for each in jobs()] == [("other", 2), *[(tmp_path.name, 2)] * 2]
    assert len({each.job.fingerprint for each in jobs()}) == 2


def test_course_has_one_folder_per_lab_and_a_stop_reports_the_stored_progress(
    make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("lab1", "lab2"):
        write_lab(make_lab(name, students=17), tmp_path / name)
    folders, out = [tmp_path / "lab1", tmp_path / "lab2"], tmp_path / "out"
    grade, calls = Grader.grade, list[int]()

    def stopped(grader: Grader, lab: Lab, submissions: Any, **options: Any) -> Any:
        calls.append(len(submissions))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return grade(grader, lab, submissions, **options)

    monkeypatch.setattr(Grader, "grade", stopped)
    with raises_code("interrupted", "17 of 34"):
        regrade_labs(folders, str(tiny_model_folder), out, TRANSFORMERS)
    regrade_labs(folders, str(tiny_model_folder), out, TRANSFORMERS)
    assert calls == [16, 1, 16, 16, 1]  # an interrupt does not isolate submissions
    assert {path.name for path in out.iterdir()} == {"lab1", "lab2", "cost.json"}
    lines = (out / "lab2" / "grades.jsonl").read_text().splitlines()
    assert [json.loads(line)["grade"]["student"] for line in lines] == [f"s{i:03d}" for i in range(17)]


def test_resumed_run_without_cluster_or_model_reports_the_stored_progress(
    make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lab(make_lab(students=17), tmp_path / "lab1")
    grade, calls = Grader.grade, list[int]()

    def stopped(grader: Grader, lab: Lab, submissions: Any, **options: Any) -> Any:
        calls.append(len(submissions))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return grade(grader, lab, submissions, **options)

    def down(*_: Any) -> Any:
        raise EngineDownError("no Ray cluster answers.")

    def regrade(model: Path, **options: Any) -> str:
        with pytest.raises(GraderError) as raised:
            regrade_labs([tmp_path / "lab1"], str(model), tmp_path / "out", TRANSFORMERS.model_copy(update=options))
        return str(raised.value)

    monkeypatch.setattr("serving.cluster.ray_source.ray_session", down)
    assert regrade(tiny_model_folder, cluster="local") == "no Ray cluster answers."
    monkeypatch.setattr(Grader, "grade", stopped)
    regrade(tiny_model_folder)
    progress = "16 of 17 submissions are graded and stored. Rerun the command to resume."
    assert regrade(tiny_model_folder, cluster="local") == f"no Ray cluster answers.\n{progress}"
    (tmp_path / "empty").mkdir()
    assert "contains no model" in (message := regrade(tmp_path / "empty")) and message.endswith(progress)


def test_pause_or_cancel_through_the_service_stops_the_command(
    make_lab: Callable[..., Lab], tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lab(make_lab(students=20), tmp_path / "lab1")
    grade = Grader.grade

    def requesting(state: RequestedState) -> Any:
        def call(grader: Grader, lab: Lab, submissions: Any, **options: Any) -> Any:
            with local_store() as store:
                JobRepository(store.database).request(jobs()[0].job.id, state, actor="key")
            return grade(grader, lab, submissions, **options)

        return call

    monkeypatch.setattr(Grader, "grade", requesting(RequestedState.PAUSE))
    with raises_code("job-stopped", "paused"):
        regrade_labs([tmp_path / "lab1"], str(tiny_model_folder), tmp_path / "out", TRANSFORMERS)
    assert [each.graded for each in jobs()] == [16]
    monkeypatch.setattr(Grader, "grade", requesting(RequestedState.CANCEL))
    with raises_code("job-stopped", "cancelled"):
        regrade_labs([tmp_path / "lab1"], str(tiny_model_folder), tmp_path / "out", TRANSFORMERS)
    monkeypatch.setattr(Grader, "grade", grade)
    regrade_labs([tmp_path / "lab1"], str(tiny_model_folder), tmp_path / "out", TRANSFORMERS)
    assert [(each.state, each.graded) for each in jobs()] == [(State.DONE, 20), (State.CANCELLED, 20)]


def test_results_do_not_overwrite_a_lab(make_lab: Callable[..., Lab], tmp_path: Path) -> None:
    write_lab(make_lab(students=1), tmp_path / "lab1")
    with raises_code("output-is-a-lab"):
        regrade_labs([tmp_path / "lab1"], "no/model", tmp_path / "lab1", RegradeOptions())


def test_course_is_named_after_the_folder_of_the_labs() -> None:
    assert course_of(Path("/srv/cs101/lab1")) == "cs101"
    assert course_of(Path("lab1")) == Path.cwd().name
    assert course_of(Path("/lab1")) == "course"


def test_invalid_cluster_is_refused_before_the_model_is_loaded(
    make_lab: Callable[..., Lab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lab(make_lab(students=1), tmp_path / "lab1")
    with raises_code("bad-cluster-address", "gpu7"):
        regrade_labs([tmp_path / "lab1"], "no/model", tmp_path / "out", RegradeOptions(cluster="gpu7"))
    monkeypatch.setitem(sys.modules, "ray", None)
    with raises_code("ray-missing"):
        regrade_labs([tmp_path / "lab1"], "no/model", tmp_path / "out", RegradeOptions(cluster="local"))


def test_lab_warnings_are_printed_before_grading(
    make_lab: Callable[..., Lab], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lab(make_lab(), tmp_path / "lab1")
    (tmp_path / "lab1/submissions/s000@course/main.c").unlink()
    with pytest.raises(ModelError):
        regrade_labs([tmp_path / "lab1"], str(tmp_path / "no-model"), tmp_path / "out", RegradeOptions())
    shown = capsys.readouterr().err
    assert "no-program" in shown and "unreadable-submissions" in shown
