"""`grader replay`: reproduces a stored grade."""

from typing import Annotated

import typer

from grader.cli.options import Engine, Model
from grader.terminal import show


def replay(
    grade: Annotated[str, typer.Argument(metavar="GRADE", help="The grade_id of an API response or of grades.jsonl.")],
    model: Model,
    engine: Engine = "auto",
) -> None:
    """Grades a stored program again and compares.

    Uses the rubric version the program was graded with.

    Example: [bold]grader replay 5d1f09c2a7e84f7d9b7b0a2c6a1d3e4f --model runs/latest[/]

    Exit status: 0 for the same grade, 1 for another one or for an error, 2 for wrong options.
    """
    from grader.regrade.replay import replay as replay_grade
    from grader.service.local_store import local_store
    from serving.model.loading import GraderOptions, load_grader

    with local_store() as store:
        store.read_history(grade)  # an unknown id fails before the model is loaded
        replayed = replay_grade(store, grade, load_grader(model, GraderOptions(engine=engine)))
    differences = (f"{each.what}: then {each.then}, now {each.now}" for each in replayed.provenance + replayed.answers)
    verdict = "the same grade" if replayed.same else "not the same grade"
    gap = f"largest difference of a probability: {replayed.gap:.2g}"
    show({"same": replayed.same, **replayed.model_dump()}, *differences, verdict, gap)
    raise typer.Exit(not replayed.same)
