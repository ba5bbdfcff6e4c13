"""`grader attack`: can a student talk this grader into marks?"""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from grader.cli.engine_option import Engine


def attack(
    lab: Annotated[Path, typer.Argument(help="The lab's folder.")],
    model: Annotated[str, typer.Option(help="A run folder, a model folder or a hub id.")],
    attacks: Annotated[str, typer.Option(help="all, or families or single attacks: request,verdict.")] = "all",
    submissions: Annotated[int, typer.Option(min=1, help="How many programs to attack; none it was trained on.")] = 20,
    accept_from: Annotated[
        float | None, typer.Option(min=0, max=1, help="Count answers from this confidence on as accepted.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where attack.json and attack.png go.")] = Path("attack"),
    engine: Engine = "auto",
    seed: Annotated[int, typer.Option(help="Decides which programs are attacked.")] = 0,
) -> None:
    """Puts pleas for marks into programs, which still do what they did, and grades them beside the clean ones: how
    many answers are raised, above what asking again raises; how many of those are accepted without a person; which
    guard caught the others; and how often the guards disturb clean work.

    Example: [bold]grader attack labs/square --model runs/latest --attacks request,verdict --submissions 10[/]

    What counts as accepted is what the model's calibration accepts. Without one it is everything that no guard stops:
    the worst case. Families: docs/guide/prompt-injection.md.
    """
    from grader.experiments.attack import attack_lab
    from grader.experiments.attack_report import shown

    report = attack_lab(
        lab,
        model,
        out,
        attacks=[name.strip() for name in attacks.split(",")],
        submissions=submissions,
        accept_from=accept_from,
        engine=engine,
        seed=seed,
    )
    console = Console()
    console.print(shown(report))
    console.print(f"Written to {out}", highlight=False, soft_wrap=True)
