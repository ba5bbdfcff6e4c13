"""Alternative texts and data tables of the report's figures, and the confusion matrix picture."""

import json
from pathlib import Path

from grader.evaluation import MAJORITY
from grader.report import figures
from serving.measures.reliability import reliability, risk_coverage
from tests.grader.report.test_images import svg_of
from tests.harness.courses.decisions import decision


def test_learning_curve_has_a_panel_for_each_logged_metric(tmp_path: Path) -> None:
    lines = [{"stage": "sft", "step": step, "loss": 2.5 / step} for step in (1, 2)]
    lines += [{"stage": "dpo", "step": 1, "loss": 0.69, "rewards/accuracies": 0.5}]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    image = figures.learning_curve(tmp_path / "metrics.jsonl")
    assert image is not None and image.data is not None
    svg = svg_of(image.light)
    assert [svg.count(f">{text}<") for text in ("sft", "dpo", "loss (nats)")] == [1, 2, 2]
    assert "sft: final loss 1.25; dpo: final loss 0.69" in image.alt
    assert [*image.data.rows] == [("sft", "1", "2.5"), ("sft", "2", "1.25"), ("dpo", "1", "0.69")]


def test_no_learning_curve_without_metrics(tmp_path: Path) -> None:
    assert figures.learning_curve(tmp_path / "metrics.jsonl") is None


def test_risk_coverage_figure_shows_curve_and_majority_baseline() -> None:
    curve = risk_coverage([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 1])
    image = figures.risk_coverage_curves({"tuned model": curve}, 0.4)
    assert "tuned model: 0.250 with all accepted" in image.alt
    assert f"{MAJORITY}, all accepted" in svg_of(image.light)
    assert MAJORITY not in svg_of(figures.risk_coverage_curves({"tuned model": curve}, None).light)
    assert image.data is not None
    rows = {accepted: risk for _, accepted, risk in image.data.rows}
    assert (rows["50%"], rows["70%"], rows["100%"]) == ("0.000", "0.333", "0.250")


def test_reliability_data_lists_the_filled_bins() -> None:
    found = reliability([decision(confidence=0.8), decision(confidence=0.8, human=1)])
    assert found is not None
    data = figures.reliability_diagram({"Uncalibrated": found}).data
    assert data is not None
    assert [*data.rows] == [("Uncalibrated", "0.73 to 0.80", "2", "0.800", "0.500")]


def test_confusion_data_lists_the_non_zero_cells() -> None:
    decisions = [decision(grader=0), decision(grader=1), decision(grader=1), decision(human=2, grader=None)]
    [image] = figures.confusion_images(decisions)
    assert image.data is not None
    assert [*image.data.rows] == [("c", "A", "A", "1"), ("c", "A", "B", "2"), ("c", "C", "?", "1")]
    assert "c: 1 of 4 agree" in image.alt


def test_confusions_are_pooled_by_title_and_number_of_ratings() -> None:
    decisions = [decision(lab="a"), decision(lab="b"), decision(lab="c", ratings=2)]
    tables = figures.pooled_confusions(decisions)
    assert {name: table.sum() for name, table in tables.items()} == {"c (3 ratings)": 2, "c (2 ratings)": 1}


def test_confusion_picture_is_a_png(tmp_path: Path) -> None:
    figures.write_confusions([decision(criterion=f"c{i} $x$") for i in range(5)], tmp_path / "a.png", title="all")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
