"""`evaluate_run` with a fake model: graders, groups and files."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from grader.evaluation import BAG_OF_WORDS, HELD_OUT, MAJORITY, TUNED, UNSEEN, Evaluation
from grader.experiments import evaluate as evaluate_module
from grader.experiments import predictions
from grader.experiments.evaluate import EvaluateOptions, evaluate_run
from grader.tables.evaluation import evaluation_tables
from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from prompts.base_models import BaseModelSource
from prompts.style import PromptStyle
from serving.calibration.calibration import GradedWith, read_calibration, write_calibration
from serving.model.loading import GraderOptions
from tests.harness.errors import raises_code
from training.config import RunConfig, SftStage
from training.dataset.build import DatasetOptions, build_dataset
from training.run_folder import RunFolder, new_run_folder

LABS = Path(__file__).parents[3] / "labs"
HELD_OUT_LAB = "python_parking_fee"
GRADED_WITH = GradedWith(weights="0", tokenizer="0", prompts="0", orders=1, verification_pass=True)


class HalfRight:
    """Gives the TA's rating to students with even numbers, else the first rating with high confidence."""

    def __init__(self, model: str, options: GraderOptions, **_: object) -> None:
        self.engine: Any = self
        self.calibration, self.orders = read_calibration(Path(model)), options.orders or 1
        self.graded_with = GRADED_WITH.model_copy(update={"orders": self.orders})
        self.name, self.version, self.context_length = "fake", "1", 100

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        provenance = Provenance(**dict.fromkeys(Provenance.model_fields, "0"))
        return [
            Grade(lab=lab.name, student=s.student, criteria=self._answers(lab, s.student), provenance=provenance)
            for s in submissions
        ]

    def _answers(self, lab: Lab, student: str) -> tuple[CriterionGrade, ...]:
        given = lab.ratings_by_student.get(student, {})
        right = int(student[1:]) % 2 == 0
        answers = []
        for criterion in lab.criteria:
            first = criterion.ratings[0].title
            rating = given.get(criterion.title, first) if right else first
            probability = 0.6 if right else 0.9
            rest = (1 - probability) / (len(criterion.ratings) - 1)
            answers.append(
                CriterionGrade(
                    criterion=criterion.title,
                    rating=rating,
                    probabilities={r.title: probability if r.title == rating else rest for r in criterion.ratings},
                    confidence=probability,
                    marks=criterion.rating(rating).marks,
                    max_marks=criterion.max_marks,
                    review_reasons=() if right else ("low confidence",),
                )
            )
        return tuple(answers)

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run folder without weights; its dataset of the sample labs holds one lab out."""
    folder = tmp_path_factory.mktemp("course")
    files = folder / "data" / "train.jsonl", folder / "data" / "test.jsonl"
    dataset = build_dataset(LABS, *files, DatasetOptions(style=PromptStyle(), eval_labs=(HELD_OUT_LAB,)))
    made = new_run_folder(
        folder / "runs", "none", RunConfig(model="none", dataset="data", sft=SftStage()), datetime(2026, 1, 1)
    )
    made.write_dataset("0", dataset)
    return made


@pytest.fixture
def evaluate(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(predictions, "load_grader", HalfRight)
    monkeypatch.setattr(evaluate_module, "write_confusions", lambda *_, **__: None)

    def call(**options: Any) -> Evaluation:
        return evaluate_run(run.path, LABS, tmp_path / "out", EvaluateOptions(base=False, resamples=100, **options))

    return call


def test_all_graders_are_evaluated_on_the_held_out_test_set(
    evaluate: Any, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(evaluate_module, "write_report", lambda *given: reported.append(given))
    found = evaluate(report=tmp_path / "report.html", price_per_hour=3600)
    assert set(found.groups) == {UNSEEN, HELD_OUT}
    tested = sum(len(split.test) for split in run.read_dataset_manifest().labs.values())
    assert found.cost.submissions == tested
    for group in found.groups.values():
        assert list(group.graders) == [TUNED, BAG_OF_WORDS, MAJORITY]
        assert len({each.decisions for each in group.graders.values()}) == 1
        assert set(group.differences) == {BAG_OF_WORDS, MAJORITY}
        assert set(group.confidence) == {TUNED, BAG_OF_WORDS}
        assert sum(each.grader.decisions for each in group.by_lab.values()) == group.graders[TUNED].decisions
        assert sum(each.given_by_ta for each in group.by_rating.values()) == group.graders[TUNED].decisions
        assert 0 < group.confidence[TUNED].accepted < 1 and group.confidence[TUNED].accepted_disagreement == 0
    assert Evaluation.model_validate_json((tmp_path / "out" / "evaluation.json").read_text()) == found
    rows = [json.loads(line) for line in (tmp_path / "out" / "decisions.jsonl").read_text().splitlines()]
    assert len(rows) == sum(group.graders[TUNED].decisions for group in found.groups.values())
    assert json.loads((tmp_path / "out" / "cost.json").read_text())["price_per_hour"] == 3600
    [(source, path)] = reported
    assert (source.evaluation, path) == (found, tmp_path / "report.html")
    assert [json.loads(d.model_dump_json()) for group in source.decisions.values() for d in group] == rows
    assert {row["lab"] for row in rows} == set(source.labs)
    assert evaluation_tables(found).renderables


def test_confidence_figures_exclude_calibration_students(
    evaluate: Any, run: RunFolder, tmp_path: Path, calibration_of: Any
) -> None:
    before = evaluate().groups[UNSEEN]
    rows = [json.loads(line) for line in (tmp_path / "out" / "decisions.jsonl").read_text().splitlines()]
    seen, *_ = run.read_dataset_manifest().labs["cpp_second_largest"].test
    write_calibration(calibration_of(GRADED_WITH, decisions=5, submissions=(seen,)), run.path)
    try:
        after = evaluate().groups[UNSEEN]
        other_orders = evaluate(orders=2).groups[UNSEEN]
    finally:
        (run.path / "calibration.json").unlink()
    [student] = {r["student"] for r in rows if submission_key("cpp_second_largest", r["student"]) == seen}
    lost = sum(row["student"] == student and row["lab"] != HELD_OUT_LAB for row in rows)
    for grader in (TUNED, BAG_OF_WORDS):
        assert after.confidence[grader].decisions == before.confidence[grader].decisions - lost
    assert after.confidence[TUNED].after is not None and after.confidence[BAG_OF_WORDS].after is None
    assert other_orders.confidence == before.confidence  # fitted with other settings, it does not apply


def test_base_model_uses_as_many_orders_as_the_tuned_one(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[int | None] = []

    class Calibrated(HalfRight):
        def __init__(self, model: str, options: GraderOptions, **_: object) -> None:
            orders = options.orders or (3 if Path(model) == run.path else 1)
            super().__init__(model, options.model_copy(update={"orders": orders}))
            used.append(self.orders)

    monkeypatch.setattr(predictions, "load_grader", Calibrated)
    monkeypatch.setattr(evaluate_module, "find_base", lambda _: BaseModelSource(name="base", source="base"))
    monkeypatch.setattr(evaluate_module, "write_confusions", lambda *_, **__: None)
    evaluate_run(run.path, LABS, tmp_path / "out", EvaluateOptions(resamples=10))
    assert used == [3, 3]


def test_run_compared_with_itself_shares_its_test_set(evaluate: Any, run: RunFolder) -> None:
    found = evaluate(other=run.path)
    assert set(found.compared.groups) == {UNSEEN, HELD_OUT}
    for name, both in found.compared.groups.items():
        assert both.first == both.second == found.groups[name].graders[TUNED]
        assert both.only_first == both.only_second == 0
    assert found.compared.first == run.path.name


def test_runs_without_shared_test_set_fail_before_grading(
    evaluate: Any, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = run.read_dataset_manifest()
    no_test_set = {name: split.model_copy(update={"test": ()}) for name, split in dataset.labs.items()}
    other = new_run_folder(
        tmp_path, "other", RunConfig(model="none", dataset="data", sft=SftStage()), datetime(2026, 1, 1)
    )
    other.write_dataset("0", dataset.model_copy(update={"labs": no_test_set}))
    monkeypatch.setattr(predictions, "load_grader", None)
    with raises_code("no-shared-submissions"):
        evaluate(other=other.path)
