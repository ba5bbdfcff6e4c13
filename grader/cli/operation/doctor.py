"""`grader doctor`: checks this machine and its configuration."""

import typer

from grader.terminal import show


def doctor() -> None:
    """Checks this machine and the configuration.

    Prints a line for each check, with a fix: ok, warning (missing for some tasks) or fault (does not work as
    configured). Covers packages, GPU, memory, disk, sandbox, models and their licences, labs, database, API keys and
    the reverse proxy. Changes nothing; a database is neither created nor upgraded.

    Example: [bold]grader doctor[/]

    Exit status: 0 without faults, 1 with a fault, 2 for wrong options.
    """
    from grader.doctor.finding import State, findings_text
    from grader.doctor.machine import check_machine
    from grader.doctor.service import check_service

    findings = [*check_machine(), *check_service()]
    show({"findings": findings}, findings_text(findings))
    raise typer.Exit(any(each.state == State.FAULT for each in findings))
