"""The commands of the README in sequence on the sample labs, with real training. vLLM, which takes half a minute to
start, serves and grades one submission; the other commands score with transformers.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console

from grader.evaluation import BAG_OF_WORDS, MAJORITY
from grader.experiments.demo import running_service, show_one
from labs_schema.reading.validate import load_lab
from labs_schema.writing.lab_writer import write_ratings
from tests.harness.commands import invoke
from tests.harness.commands import run as grader
from tests.harness.errors import raises_code

LABS = Path(__file__).parent.parent / "labs"
HEAD = Path(__file__).parent.parent / "training" / "recipes" / "head.yaml"
LAB = LABS / "java_bank_account"
HELD_OUT = "python_parking_fee"
FAST = ("--engine", "transformers")
TUNING = """
model: base
dataset: data
on_overlong: middle
max_steps: 3
sft: {method: full, learning_rate: 1.0e-3, per_device_train_batch_size: 8, gradient_accumulation_steps: 1}
dpo: {learning_rate: 1.0e-3, per_device_train_batch_size: 8, gradient_accumulation_steps: 1}
"""

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]  # warnings of libraries do not stop a command


def labs_with_two_tas(folder: Path) -> None:
    """A copy of the sample labs where two TAs rated the held-out lab: one as recorded, one always with A."""
    shutil.copytree(LABS, folder)
    lab = load_lab(folder / HELD_OUT)
    folders = {s.student: s.folder for s in lab.submissions}
    always = {s: {c.title: c.ratings[0].title for c in lab.criteria} for s in lab.ratings_by_student}
    write_ratings(lab.criteria, lab.ratings_by_student, folders, folder / HELD_OUT / "rubric_ratings.ann.csv")
    write_ratings(lab.criteria, always, folders, folder / HELD_OUT / "rubric_ratings.bob.csv")


@pytest.fixture(scope="module")
def course(tiny_model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample labs, checked, their dataset, and a base model with random weights."""
    folder = tmp_path_factory.mktemp("course")
    labs_with_two_tas(folder / "labs")
    shutil.copytree(tiny_model_folder, folder / "base")
    grader(folder, "check", "labs")
    grader(folder, "build-dataset", "--parent-dir", "labs", "--eval-lab-names", HELD_OUT, "--prompt", "compact")
    return folder


@pytest.fixture(scope="module")
def run(course: Path) -> Path:
    """The run folder of the random model, trained for a few steps on the sample labs and merged."""
    (course / "run.yaml").write_text(TUNING)
    grader(course, "train", "--config", "run.yaml")
    grader(course, "merge", "runs/latest")
    return course / "runs" / "latest"


@pytest.fixture
def calibration(run: Path) -> Iterator[dict[str, Any]]:
    """The output of `grader calibrate`, with or without a guarantee."""
    done = invoke(run, "calibrate", run, "--parent-dir", run.parents[1] / "labs", "--max-error", 0.5, *FAST)
    made = json.loads((run / "calibration.json").read_text())
    assert done.exit_code == (1 if made["refused"] else 0), done.output
    yield made
    for place in (run, run / "merged"):
        (place / "calibration.json").unlink()


def test_evaluation_covers_held_out_labs_and_students(run: Path, calibration: dict[str, Any]) -> None:
    labs, out = run.parents[1] / "labs", run / "held-out"
    report = out / "report.html"
    where = ("--parent-dir", labs, "--out", out, "--report", report, "--compare", run)
    shown = grader(run, "evaluate", run, *where, "--resamples", 100, *FAST)
    assert "Unseen students of seen labs" in shown
    groups = json.loads((out / "evaluation.json").read_text())["groups"]
    assert groups["held-out labs"]["labs"] == [HELD_OUT]
    for group in groups.values():
        assert list(group["graders"]) == ["tuned model", "untuned base model", BAG_OF_WORDS, MAJORITY]
        assert group["graders"]["tuned model"]["figures"]["ungraded"]["value"] == 0
    held_out = load_lab(LABS / HELD_OUT)
    assert groups["held-out labs"]["graders"]["tuned model"]["decisions"] == sum(
        len(ratings) for ratings in held_out.ratings_by_student.values()
    )
    assert (out / "confusion-held-out-labs.png").read_bytes().startswith(b"\x89PNG")
    page = report.read_text(encoding="utf-8")
    for section in ("measured", "g1", "g2", "compared", "learning", "cost", "misgraded"):
        assert f'<h2 id="{section}">' in page
    seen = groups["unseen students of seen labs"]
    confidence = seen["confidence"]["tuned model"]
    assert confidence["after"] is not None and "Calibrated: ECE" in page
    assert 0 < confidence["decisions"] == seen["graders"]["tuned model"]["decisions"] - calibration["decisions"]
    among_tas = groups["held-out labs"]["inter_annotator"]
    assert set(among_tas["raters"]) == {"ann", "bob"} and among_tas["pairwise"]["value"] < 1

    for group in json.loads((out / "evaluation.json").read_text())["compared"]["groups"].values():
        assert group["differences"]["agreement"]["value"] == pytest.approx(0, abs=0.05)  # compared with itself


def test_changed_lab_is_not_evaluated(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run.parents[1] / "labs", tmp_path / "labs")
    [source, *_] = (tmp_path / "labs" / HELD_OUT / "submissions" / "s113@cs101").iterdir()
    source.write_text("print(0)\n", encoding="utf-8")
    with raises_code("changed-lab", HELD_OUT):
        grader(tmp_path, "evaluate", run, "--parent-dir", "labs")


@pytest.mark.parametrize("engine", ["transformers", pytest.param("vllm", marks=pytest.mark.nightly)])
def test_http_grade_equals_cli_grade_in_the_pipeline(run: Path, engine: str) -> None:
    """The service uses vLLM."""
    work = load_lab(LAB).submissions[3]
    files = [LAB / "submissions" / work.folder / file.path for file in work.files]
    command = ["grade", *files, "--lab", LAB, "--model", run, "--json", "--engine", engine]
    if engine == "vllm":  # not in this process
        vllm = [sys.executable, "-m", "grader", *command]
        offline = json.loads(subprocess.run(vllm, capture_output=True, check=True).stdout)
    else:
        offline = json.loads(grader(run, *command))
    body = {"lab": LAB.name, "submission": {"files": [{"filename": f.path, "content": f.text} for f in work.files]}}
    with running_service(str(run), LABS, Console(file=StringIO())) as url:
        served = httpx.post(f"{url}/grade", json=body, timeout=60).json()
    of_engine = {} if engine == "vllm" else dict.fromkeys(("engine", "engine_version"))
    assert served["provenance"] | of_engine == offline["provenance"] | of_engine
    assert [c["rating"]["id"] for c in served["criteria"]] == [c["rating"] for c in offline["criteria"]]
    assert [c["points"] for c in served["criteria"]] == [c["marks"] for c in offline["criteria"]]
    for online, local in zip(served["criteria"], offline["criteria"], strict=True):
        assert online["confidence"] == pytest.approx(local["probabilities"][local["rating"]], abs=0.01)


def test_regrade_output_is_a_valid_lab(run: Path, tmp_path: Path) -> None:
    grader(run, "regrade", LAB, "--model", run, "--out", tmp_path / "out", *FAST)
    grades = [json.loads(line)["grade"] for line in (tmp_path / "out" / "grades.jsonl").read_text().splitlines()]
    copied = tmp_path / LAB.name
    copied.mkdir()
    for name in ("problemStatement.txt", "modified_ps.txt", "rubrics.json"):
        (copied / name).write_bytes((LAB / name).read_bytes())
    (copied / "rubric_ratings.csv").write_bytes((tmp_path / "out" / "rubric_ratings.csv").read_bytes())
    read = load_lab(copied).ratings_by_student
    assert read == {g["student"]: {c["criterion"]: c["rating"] for c in g["criteria"]} for g in grades}


def test_demo_shows_every_criterion_of_a_head_and_rejects_unknown_student(course: Path) -> None:
    grader(course, "train", "--config", HEAD, "--model", "base", "--output-dir", "heads", "--set", "head.layers=[1, 2]")
    run, shown = course / "heads" / "latest", StringIO()
    show_one(str(run), LAB, "s103", Console(file=shown, width=100))
    text = " ".join(shown.getvalue().split())
    assert all(criterion.title.split()[-1] in text for criterion in load_lab(LAB).criteria)
    assert "Total" in text
    with raises_code("unknown-student", "s999"):
        show_one(str(run), LAB, "s999", Console(file=StringIO()))
