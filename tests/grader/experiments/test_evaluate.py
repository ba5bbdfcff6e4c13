"""The whole evaluation with a made-up model: what is graded, beside what, and what is written."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from grader.evaluation import COMMONEST, HELD_OUT, TUNED, UNSEEN, WORDS, Evaluation
from grader.experiments import answers
from grader.experiments import evaluate as evaluate_module
from grader.experiments.evaluate import evaluate_run
from grader.tables.evaluation import tables
from labs_schema.errors import GraderError
from labs_schema.grades import CriterionGrade, Grade, Provenance
from labs_schema.hashes import submission_key
from labs_schema.models import Lab, Submission
from prompts.style import PromptStyle
from serving.calibration.calibration import GradedWith, read_calibration, write_calibration
from serving.model.loading import GraderOptions
from training.config import RunConfig, SftStage
from training.dataset.build import build_dataset
from training.models.bases import Base
from training.run_folder import RunFolder, new_run_folder

LABS = Path(__file__).parents[3] / "labs"
KEPT_LAB = "python_parking_fee"
GRADED_WITH = GradedWith(weights="0", tokenizer="0", prompts="0", orders=1, verification_pass=True)


class KnowsHalf:
    """Gives the TA's rating to students with an even number, else the first rating; sure of what it does not know."""

    def __init__(self, model: str, options: GraderOptions, **_: object) -> None:
        self.engine: Any = self
        self.calibration, self.orders = read_calibration(Path(model)), options.orders or 1
        self.graded_with = GRADED_WITH.model_copy(update={"orders": self.orders})
        self.name, self.version, self.context_length = "fake", "1", 100

    def grade(self, lab: Lab, submissions: Sequence[Submission]) -> list[Grade]:
        origin = Provenance(**dict.fromkeys(Provenance.model_fields, "0"))
        return [
            Grade(lab=lab.name, student=s.student, criteria=self._sheet(lab, s.student), provenance=origin)
            for s in submissions
        ]

    def _sheet(self, lab: Lab, student: str) -> tuple[CriterionGrade, ...]:
        given = lab.ratings_given.get(student, {})
        knows = int(student[1:]) % 2 == 0
        sheet = []
        for criterion in lab.criteria:
            first = criterion.ratings[0].title
            rating = given.get(criterion.title, first) if knows else first
            share = 0.6 if knows else 0.9
            rest = (1 - share) / (len(criterion.ratings) - 1)
            sheet.append(
                CriterionGrade(
                    criterion=criterion.title,
                    rating=rating,
                    probabilities={r.title: share if r.title == rating else rest for r in criterion.ratings},
                    confidence=share,
                    marks=criterion.rating(rating).marks,
                    max_marks=criterion.max_marks,
                    review_reasons=() if knows else ("low confidence",),
                )
            )
        return tuple(sheet)

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run folder without weights, of a data set of the sample labs that holds one lab out."""
    folder = tmp_path_factory.mktemp("course")
    files = folder / "data" / "train.jsonl", folder / "data" / "test.jsonl"
    dataset = build_dataset(LABS, *files, style=PromptStyle(), eval_labs=[KEPT_LAB])
    made = new_run_folder(
        folder / "runs", "none", RunConfig(model="none", dataset="data", sft=SftStage()), datetime(2026, 1, 1)
    )
    made.write_dataset("0", dataset)
    return made


@pytest.fixture
def evaluate(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(answers, "load_grader", KnowsHalf)
    monkeypatch.setattr(evaluate_module, "draw_confusions", lambda *_, **__: None)

    def call(**settings: Any) -> Evaluation:
        return evaluate_run(run.path, LABS, tmp_path / "out", base=False, resamples=100, **settings)

    return call


def test_every_grader_answers_the_kept_work_and_all_of_it_is_written(
    evaluate: Any, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(evaluate_module, "write_report", lambda *given, **_: reported.append(given))
    found = evaluate(report=tmp_path / "report.html", price_per_hour=3600)
    assert set(found.groups) == {UNSEEN, HELD_OUT}
    kept = sum(len(split.test) for split in run.read_dataset_manifest().labs.values())
    assert found.cost.submissions == kept
    for group in found.groups.values():
        assert list(group.graders) == [TUNED, WORDS, COMMONEST]
        assert len({each.decisions for each in group.graders.values()}) == 1
        assert set(group.differences) == {WORDS, COMMONEST}
        assert set(group.trust) == {TUNED, WORDS}
        assert sum(part.grader.decisions for part in group.by_lab.values()) == group.graders[TUNED].decisions
        assert sum(part.given_by_ta for part in group.by_rating.values()) == group.graders[TUNED].decisions
        assert 0 < group.trust[TUNED].accepted < 1 and group.trust[TUNED].accepted_disagreement == 0
    assert Evaluation.model_validate_json((tmp_path / "out" / "evaluation.json").read_text()) == found
    rows = [json.loads(line) for line in (tmp_path / "out" / "decisions.jsonl").read_text().splitlines()]
    assert len(rows) == sum(group.graders[TUNED].decisions for group in found.groups.values())
    assert json.loads((tmp_path / "out" / "cost.json").read_text())["price_per_hour"] == 3600
    [(evaluation, decided, labs, path)] = reported
    assert (evaluation, path) == (found, tmp_path / "report.html")
    assert [json.loads(d.model_dump_json()) for group in decided.values() for d in group] == rows
    assert {row["lab"] for row in rows} == set(labs)
    assert tables(found).renderables


def test_trust_leaves_out_the_students_a_calibration_saw(
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
    lost = sum(row["student"] == student and row["lab"] != KEPT_LAB for row in rows)
    for grader in (TUNED, WORDS):
        assert after.trust[grader].decisions == before.trust[grader].decisions - lost
    assert after.trust[TUNED].after is not None and after.trust[WORDS].after is None
    assert other_orders.trust == before.trust  # made with other settings, it calibrates nothing


def test_the_untuned_model_is_asked_in_as_many_orders_as_the_tuned_one(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []

    class Calibrated(KnowsHalf):
        def __init__(self, model: str, options: GraderOptions, **_: object) -> None:
            orders = options.orders or (3 if Path(model) == run.path else 1)
            super().__init__(model, options.model_copy(update={"orders": orders}))
            asked.append(self.orders)

    monkeypatch.setattr(answers, "load_grader", Calibrated)
    monkeypatch.setattr(evaluate_module, "find_base", lambda _: Base(name="base", source="base"))
    monkeypatch.setattr(evaluate_module, "draw_confusions", lambda *_, **__: None)
    evaluate_run(run.path, LABS, tmp_path / "out", resamples=10)
    assert asked == [3, 3]


def test_a_run_is_compared_with_itself_on_all_that_it_kept(evaluate: Any, run: RunFolder) -> None:
    found = evaluate(other=run.path)
    assert set(found.compared.groups) == {UNSEEN, HELD_OUT}
    for name, both in found.compared.groups.items():
        assert both.first == both.second == found.groups[name].graders[TUNED]
        assert both.only_first == both.only_second == 0
    assert found.compared.first == run.path.name


def test_runs_of_other_students_are_refused_before_anything_is_graded(
    evaluate: Any, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = run.read_dataset_manifest()
    nothing_kept = {name: split.model_copy(update={"test": ()}) for name, split in dataset.labs.items()}
    other = new_run_folder(
        tmp_path, "other", RunConfig(model="none", dataset="data", sft=SftStage()), datetime(2026, 1, 1)
    )
    other.write_dataset("0", dataset.model_copy(update={"labs": nothing_kept}))
    monkeypatch.setattr(answers, "load_grader", None)
    with pytest.raises(GraderError, match="kept no work in common"):
        evaluate(other=other.path)
