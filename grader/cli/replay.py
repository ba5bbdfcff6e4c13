"""`grader replay`: a stored grade, given again."""

from typing import Annotated

import typer

from grader.cli.engine_option import Engine


def replay(
    grade: Annotated[str, typer.Argument(help="The grade_id in the service's answer or in grades.jsonl.")],
    model: Annotated[str, typer.Option(help="A run folder, merged weights, a model's folder or a hub id.")],
    engine: Engine = "auto",
) -> None:
    """Grades a stored program again, by the rubric of its day, and says what is different, if anything.

    Example: [bold]grader replay 5d1f09c2a7e84f7d9b7b0a2c6a1d3e4f --model runs/latest[/]
    """
    from grader.regrade.replay import replay as replay_grade
    from grader.service.local_store import local_store
    from serving.model.loading import GraderOptions, load_grader

    with local_store() as store:
        store.read_history(grade)  # an id that is not there is told before the model is loaded
        replayed = replay_grade(store, grade, load_grader(model, GraderOptions(engine=engine)))
    for difference in (*replayed.provenance, *replayed.answers):
        typer.echo(f"{difference.what}: then {difference.then}, now {difference.now}")
    typer.echo("the same grade" if replayed.same else "not the same grade")
    typer.echo(f"largest difference of a probability: {replayed.gap:.2g}")
    raise typer.Exit(not replayed.same)
