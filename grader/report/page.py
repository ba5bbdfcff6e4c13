"""Renders the report of an evaluation as one HTML file.

A Content-Security-Policy lets the page load nothing but images in data URLs, and names its only script by its hash, so
that text from a student's program could not run even if it were not escaped.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grader.evaluation import MAJORITY, P_VALUE_NOTE, Evaluation, Group, shown_p
from grader.report import figures
from grader.report.misgraded import differing, misgraded
from labs_schema.files.atomic import write_atomically
from labs_schema.models import Lab
from prompts.manifest import read_manifest
from serving.measures.agreement import METRICS
from serving.measures.decisions import Decision
from serving.measures.resampling import Estimate
from serving.web.source_code import highlight_style, visible
from training.run_folder import RunFolder


class ReportSource(NamedTuple):
    """The content of a report. `decisions`: group -> the tuned model's decisions. `labs`: by name, all labs of them.
    `run`: run folder, for its settings and learning curve. `command`: the command line that made the evaluation."""

    evaluation: Evaluation
    decisions: Mapping[str, Sequence[Decision]]
    labs: Mapping[str, Lab]
    run: Path | None = None
    command: str | None = None


def write_report(source: ReportSource, path: Path) -> None:
    """Writes the report to `path`. Unknown facts are left out. Students appear by the pseudonym of their submission,
    never by their id. Raises ModelError if `source.run` is not a run folder."""
    script = _asset("page.js")
    evaluation = source.evaluation
    html = (
        templates()
        .get_template("page.html")
        .render(
            facts=_facts(source),
            groups=[
                _group(f"g{i}", name, group, source.decisions.get(name, ()), source.labs)
                for i, (name, group) in enumerate(evaluation.groups.items(), start=1)
            ],
            compared=evaluation.compared,
            learning=figures.learning_curve(RunFolder(source.run).metrics) if source.run else None,
            cost=evaluation.cost,
            metrics=METRICS,
            style=_asset("page.css") + highlight_style(),
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        )
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, html)


def _facts(source: ReportSource) -> dict[str, str]:
    """Label -> value of the report's first table, in order."""
    found = _run_facts(source.run) if source.run is not None else {}
    for group, members in source.decisions.items():
        students = len({d.student for d in members})
        submissions = len({(d.lab, d.student) for d in members})
        found[group.capitalize()] = (
            f"{len(members):,} decisions on {submissions:,} submissions of {students:,} students"
        )
        if group in source.evaluation.groups and (left_out := source.evaluation.groups[group].left_out):
            found[group.capitalize()] += f". {left_out}"
    measured = {d.lab for d in chain(*source.decisions.values())}
    found["Labs"] = ", ".join(f"{name} ({source.labs[name].language})" for name in sorted(measured))
    found["Written"] = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, by grader {version('grader')}"
    if source.command:
        found["Command"] = source.command
    return found


def _run_facts(run: Path) -> dict[str, str]:
    manifest = read_manifest(run)
    dataset = RunFolder(run).read_dataset_manifest()
    base = Path(manifest.trained_from or manifest.base_model).name
    trained = [len(split.train) for split in dataset.labs.values()]
    return {
        "Run": run.resolve().name,
        "Base model": f"{base} ({manifest.base_licence or 'unknown licence'})",
        "Training stages": ", ".join(manifest.stages) or "none",
        "Training data": f"{sum(trained):,} submissions in {sum(map(bool, trained)):,} labs",
    }


def _group(
    slug: str, name: str, group: Group, decisions: Sequence[Decision], labs: Mapping[str, Lab]
) -> dict[str, Any]:
    """The template variables of one group: its figures and misgraded submissions."""
    first = next(iter(group.graders))
    confidence = group.confidence.get(first)
    reliable = {"Uncalibrated": confidence.before} if confidence else {}
    if confidence and confidence.after:
        reliable["Calibrated"] = confidence.after
    curves = {title: each.curve for title, each in group.confidence.items()}
    majority = group.graders[MAJORITY].figures["agreement"].value if MAJORITY in group.graders else None
    majority_risk = None if majority is None else 1 - majority
    return {
        "slug": slug,
        "name": name,
        "group": group,
        "first": first,
        "by_lab": figures.agreement_by_slice(group.by_lab, of="lab"),
        "by_criterion": figures.agreement_by_slice(group.by_criterion, of="criterion"),
        "confusions": figures.confusion_images(decisions),
        "reliability": figures.reliability_diagram(reliable) if reliable else None,
        "risk": figures.risk_coverage_curves(curves, majority_risk) if curves else None,
        "misgraded": misgraded(decisions, labs),
        "misgraded_in_all": len(differing(decisions)),
    }


def templates() -> Environment:
    """Text of labs and submissions is escaped, and its control characters are visible."""
    environment = Environment(
        loader=PackageLoader("grader.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_without_controls,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(figure=shown_figure, interval=shown_interval, p=shown_p)
    environment.globals["p_value_note"] = P_VALUE_NOTE
    return environment


def _without_controls(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset(name: str) -> Markup:
    """A style sheet or script of the templates folder, which is trusted and not escaped."""
    return Markup((files("grader.report") / "templates" / name).read_text(encoding="utf-8"))


def shown_figure(value: float | None, sign: bool = False) -> str:
    """Three decimals, or a dash where the figure is undefined."""
    return "-" if value is None else f"{value:+.3f}" if sign else f"{value:.3f}"


def shown_interval(estimate: Estimate, sign: bool = False) -> str:
    """`[0.774, 0.850]`; empty if there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{shown_figure(estimate.low, sign)}, {shown_figure(estimate.high, sign)}]"
