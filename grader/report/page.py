"""Puts the report together: an evaluation, the decisions behind it and the labs in, one HTML file out.

The page loads nothing and runs one script, its own: a Content-Security-Policy names the script by its hash, so that
nothing a student wrote could run even if it reached the page unescaped.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from grader.evaluation import COMMONEST, WHAT_P_IS, Evaluation, Group, shown_p
from grader.report import figures
from grader.report.code import highlight_style, visible
from grader.report.facts import facts
from grader.report.misgraded import differing, misgraded
from labs_schema.models import Lab
from serving.measures.agreement import METRICS
from serving.measures.decisions import Decision
from serving.measures.resampling import Estimate
from training.run_folder import RunFolder, write_whole


def write_report(
    evaluation: Evaluation,
    decisions: Mapping[str, Sequence[Decision]],
    labs: Mapping[str, Lab],
    path: Path,
    *,
    run: Path | None = None,
    command: str | None = None,
) -> None:
    """Writes the report of `evaluation` to `path`. `decisions`: group name -> the tuned model's decisions; `labs`: by
    name, every lab of them. `run`: a run folder, for its settings and its learning curve. `command`: as it was typed.

    What is not known is left out. Students are shown by the pseudonym of their work, never by their id.
    """
    script = _own("page.js")
    page = _environment().get_template("page.html")
    html = page.render(
        facts=facts(decisions, labs, run, command),
        groups=[
            _group(f"g{i}", name, group, decisions.get(name, ()), labs)
            for i, (name, group) in enumerate(evaluation.groups.items(), start=1)
        ],
        compared=evaluation.compared,
        learning=figures.learning_curve(RunFolder(run).metrics, name="learning") if run else None,
        cost=evaluation.cost,
        metrics=METRICS,
        style=_own("page.css") + highlight_style(),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, html)


def _group(
    slug: str, name: str, group: Group, decisions: Sequence[Decision], labs: Mapping[str, Lab]
) -> dict[str, Any]:
    """A group's part of the page: its figures as SVG, and its misgraded submissions."""
    first = next(iter(group.graders))
    trust = group.trust.get(first)
    reliable = {"as the model says": trust.before} if trust else {}
    if trust and trust.after:
        reliable["after calibration"] = trust.after
    curves = {title: trust.curve for title, trust in group.trust.items()}
    agreed = group.graders[COMMONEST].figures["agreement"].value if COMMONEST in group.graders else None
    alone = None if agreed is None else 1 - agreed
    return {
        "slug": slug,
        "name": name,
        "group": group,
        "first": first,
        "by_lab": figures.agreement_by_part(group.by_lab, name=f"{slug}-lab", of="lab"),
        "by_criterion": figures.agreement_by_part(group.by_criterion, name=f"{slug}-criterion", of="criterion"),
        "confusions": figures.confusions(decisions, name=f"{slug}-confusions"),
        "reliability": figures.reliability_diagram(reliable, name=f"{slug}-reliability") if reliable else None,
        "risk": figures.risk_coverage_curves(curves, alone, name=f"{slug}-risk") if curves else None,
        "misgraded": misgraded(decisions, labs),
        "misgraded_in_all": len(differing(decisions)),
    }


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("grader.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(visible=visible, figure=shown_figure, interval=shown_interval, p=shown_p)
    environment.globals["what_p_is"] = WHAT_P_IS
    return environment


def _own(name: str) -> Markup:
    """A file of the templates' folder as it is: it is ours, so it is trusted."""
    return Markup((files("grader.report") / "templates" / name).read_text(encoding="utf-8"))


def shown_figure(value: float | None, sign: bool = False) -> str:
    """Three decimals, or a dash where the figure is not defined on this data."""
    return "-" if value is None else f"{value:+.3f}" if sign else f"{value:.3f}"


def shown_interval(estimate: Estimate, sign: bool = False) -> str:
    """`[0.774, 0.850]`; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{shown_figure(estimate.low, sign)}, {shown_figure(estimate.high, sign)}]"
