"""`grader calibrate`: which students it uses, what it writes, and what a refusal leaves."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.experiments.calibrate import CalibrateOptions, calibrate_run, calibration_submissions
from grader.experiments.held_out import DatasetLabs
from labs_schema.errors import GraderError
from labs_schema.grades import CriterionGrade, Grade, Provenance, Status
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from prompts.manifest import write_manifest
from prompts.style import PromptStyle
from serving.calibration.calibration import GradedWith, read_calibration
from serving.model.loading import GraderOptions, load_grader
from tests.harness.courses.lab_folders import write_lab
from tests.harness.errors import raises_code
from training.config import RunConfig, SftStage, dump_config
from training.dataset.build import DatasetOptions, build_dataset
from training.dataset.manifest import LabSplit
from training.run_folder import RunFolder

MakeLab = Callable[..., Lab]
STYLE = PromptStyle(template="compact")


def split(lab: Lab, *tested: int) -> LabSplit:
    keys = [submission_key(lab.name, s.student) for s in lab.submissions]
    return LabSplit(train=tuple(k for i, k in enumerate(keys) if i not in tested), test=tuple(keys[i] for i in tested))


def test_students_are_chosen_across_labs_from_held_out_submissions(make_lab: MakeLab) -> None:
    one, two = make_lab("one", students=12), make_lab("two", students=12)
    course = DatasetLabs([(one, split(one, *range(8))), (two, split(two, *range(4, 8)))], frozenset())
    chosen = {
        lab.name: {s.student for s in submissions} for lab, submissions in calibration_submissions(course, 0.5, 0)
    }
    assert len(chosen["one"]) == 4
    assert chosen.get("two", set()) == {s for s in chosen["one"] if s in {f"s{i:03d}" for i in range(4, 8)}}
    assert chosen["one"] <= {f"s{i:03d}" for i in range(8)}


def test_held_out_labs_and_unrated_submissions_are_not_used(make_lab: MakeLab) -> None:
    seen, held = make_lab("seen", students=6), make_lab("held", students=6)
    unrated = seen.model_copy(update={"human_grades": tuple(g for g in seen.human_grades if g.student != "s000")})
    course = DatasetLabs([(unrated, split(seen, 0, 1, 2)), (held, split(held, *range(6)))], frozenset({"held"}))
    [(lab, submissions)] = calibration_submissions(course, 1.0, 0)
    assert (lab.name, [s.student for s in submissions]) == ("seen", ["s001", "s002"])


def test_no_student_to_calibrate_on_is_an_error(make_lab: MakeLab) -> None:
    lab = make_lab()
    with raises_code("no-calibration-students"):
        calibration_submissions(DatasetLabs([(lab, split(lab))], frozenset()), 0.5, 0)


@pytest.fixture
def run(tmp_path: Path, make_lab: MakeLab, tiny_model_folder: Path, byte_tokenizer: Any, manifest_of: Any) -> Path:
    """A run with random weights whose dataset held out 60 of 80 students of one lab, with the `labs` next to it."""
    lab = make_lab(students=80)
    written = tuple(
        s.model_copy(update={"files": (s.files[0].model_copy(update={"text": program(i)}),)})
        for i, s in enumerate(lab.submissions)
    )
    write_lab(lab.model_copy(update={"submissions": written}), tmp_path / "labs" / lab.name)
    paths = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    dataset = build_dataset(
        tmp_path / "labs", *paths, DatasetOptions(style=STYLE, train_split=0.25, option_order="given")
    )
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(tiny_model_folder, folder.model)
    byte_tokenizer.save_pretrained(folder.tokenizer)
    folder.write_dataset("0" * 64, dataset)
    folder.config.write_text(
        dump_config(RunConfig(model=str(tiny_model_folder), dataset=str(tmp_path), sft=SftStage()))
    )
    manifest = manifest_of(byte_tokenizer, STYLE, context_length=2048)
    write_manifest(manifest, folder.path)
    shutil.copytree(tiny_model_folder, folder.merged)
    write_manifest(manifest, folder.merged)
    return folder.path


def program(i: int) -> str:
    """Programs that are not near-copies of each other."""
    return "\n".join(f"int f{i}_{k}(int x) {{ return x * {i * 37 + k * k}; }}" for k in range(i % 5 + 2))


def calibrated(run: Path, *options: str) -> Any:
    arguments = ["calibrate", str(run), "--parent-dir", str(run.parent / "labs"), "--engine", "transformers", *options]
    return CliRunner().invoke(app, arguments)


def test_random_model_gets_no_guarantee(run: Path) -> None:
    result = calibrated(run)
    assert result.exit_code == 1
    assert isinstance(result.exception, GraderError)
    assert "0 of 60 decisions of 30 students" in str(result.exception)
    assert "low-label-mass: 60" in str(result.exception)
    assert "Expected calibration error" in result.stdout
    found = read_calibration(run)
    assert found is not None and found == read_calibration(run / "merged")
    assert (found.guarantee, found.students, found.decisions) == (None, 30, 60)
    assert set(found.labs["lab1"].temperatures) == {"Does it compile?", "Is it readable?"}
    assert "s0" not in found.model_dump_json().replace('"lab1"', "")
    assert load_grader(run / "merged", GraderOptions(engine="transformers")).calibration == found


class PerfectGrader:
    """Gives the TA's rating with high confidence."""

    graded_with = GradedWith(weights="w", tokenizer="t", prompts="p", orders=1, verification_pass=True)

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        provenance = Provenance.model_construct()
        return [
            Grade.model_construct(lab=lab.name, student=s.student, criteria=self.answers(lab, s), provenance=provenance)
            for s in submissions
        ]

    def answers(self, lab: Lab, submission: Submission) -> tuple[CriterionGrade, ...]:
        given = lab.ratings_by_student[submission.student]
        return tuple(
            CriterionGrade(
                criterion=c.title,
                rating=given[c.title],
                probabilities={
                    r.title: 0.9 if r.title == given[c.title] else 0.1 / (len(c.ratings) - 1) for r in c.ratings
                },
                confidence=0.9,
                status=Status.ACCEPTED,
            )
            for c in lab.criteria
        )

    def close(self) -> None: ...


def test_perfect_grader_gets_a_guarantee_that_is_shown(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.experiments.calibrate.load_grader", lambda *_, **__: PerfectGrader())
    result = calibrated(run, "--share", "1")
    assert result.exit_code == 0, result.exception
    assert "100.0% of the decisions are auto-accepted" in result.stdout
    found = read_calibration(run)
    assert found is not None and found.guarantee is not None
    assert (found.students, found.guarantee.accepted, found.guarantee.disagreed) == (60, 1.0, 0.0)
    assert found.guarantee.bound <= 0.05 and found.guarantee.threshold > 0.9
    options = CalibrateOptions(max_error=0.05, confidence=0.9, share=1.0, engine="transformers")
    again = calibrate_run(run, run.parent / "labs", options).calibration
    assert again.model_copy(update={"made": found.made}) == found


def test_changed_lab_is_an_error(run: Path) -> None:
    with (run.parent / "labs" / "lab1" / "rubric_ratings.csv").open("a") as ratings:
        ratings.write("\n")
    result = calibrated(run)
    assert result.exit_code == 1 and read_calibration(run) is None
    assert "lab1" in str(result.exception)
