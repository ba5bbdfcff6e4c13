"""`grader attack`: measures robustness against prompt injection."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import Engine, LabFolder, Model, Seed
from grader.terminal import show


def attack(
    lab: LabFolder,
    model: Model,
    attacks: Annotated[str, typer.Option(metavar="NAMES", help="all, or names such as request,verdict.")] = "all",
    submissions: Annotated[
        int, typer.Option(min=1, help="Programs to attack. Those that the model was trained on are skipped.")
    ] = 20,
    accept_from: Annotated[
        float | None, typer.Option(min=0, max=1, help="Count answers with at least this confidence as auto-accepted.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Output folder for attack.json and attack.png.")] = Path(
        "attack"
    ),
    engine: Engine = "auto",
    seed: Seed = 0,
) -> None:
    """Measures how often prompt injection raises a grade.

    Injects attacks into copies of submissions without changing their behaviour, and grades both. Reports how many
    answers are raised (minus those that a repeated grading raises), how many of these are auto-accepted, which guard
    stopped the others, and how often the guards disturb clean programs.

    Example: [bold]grader attack labs/square --model runs/latest --attacks request,verdict --submissions 10[/]

    The model's calibration decides what is auto-accepted. Without a calibration, everything that no guard stops counts
    as accepted: the worst case. The attack families are in docs/guide/prompt-injection.md.
    """
    from grader.experiments.attack import AttackOptions, attack_lab
    from grader.experiments.attack_report import shown

    options = AttackOptions(
        attacks=tuple(name.strip() for name in attacks.split(",")),
        submissions=submissions,
        accept_from=accept_from,
        engine=engine,
        seed=seed,
    )
    report = attack_lab(lab, model, out, options)
    show(report, shown(report), f"Written to {out}")
