"""What the report's figures say of the figures they are drawn from."""

import json
from pathlib import Path

from grader.report import figures
from serving.measures.reliability import risk_coverage


def test_the_learning_curve_has_a_panel_for_what_each_stage_logged(tmp_path: Path) -> None:
    lines = [{"stage": "sft", "step": step, "loss": 2.5 / step} for step in (1, 2)]
    lines += [{"stage": "dpo", "step": 1, "loss": 0.69, "rewards/accuracies": 0.5}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    svg = figures.learning_curve(tmp_path / "metrics.jsonl", name="learning")
    assert svg is not None
    assert [svg.count(f">{text}<") for text in ("sft", "dpo", "loss (nats)", "pairs ranked right")] == [1, 2, 2, 1]
    assert "sft: loss 1.25 at the end; dpo: loss 0.69 at the end" in svg


def test_a_run_without_metrics_has_no_learning_curve(tmp_path: Path) -> None:
    assert figures.learning_curve(tmp_path / "metrics.jsonl", name="learning") is None


def test_the_risk_curve_tells_the_disagreement_with_all_accepted_and_the_baselines() -> None:
    curve = risk_coverage([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1])
    svg = figures.risk_coverage_curves({"tuned model": curve}, 0.4, name="risk")
    assert "tuned model: 0.250 with all accepted" in svg
    assert "commonest rating, all accepted" in svg
    assert "commonest rating" not in figures.risk_coverage_curves({"tuned model": curve}, None, name="risk")
