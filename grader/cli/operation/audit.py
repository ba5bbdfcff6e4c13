"""`grader audit`: checks the integrity of the store."""

from typing import Annotated

import typer

from grader.cli.help import HelpCommand, HelpGroup
from grader.terminal import show

audit = typer.Typer(
    name="audit", cls=HelpGroup, no_args_is_help=True, help="Checks the integrity of the store's history."
)


@audit.callback()
def root() -> None: ...


@audit.command(cls=HelpCommand)
def verify(
    head: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:HASH", help="Head printed by an earlier run. It must still be in the log."),
    ] = None,
) -> None:
    """Verifies the audit log.

    Reads the whole store and reports each modified, deleted, inserted, reordered or truncated entry.

    Example: [bold]grader audit verify[/]. Save the printed head where the store's owner cannot change it, and pass it
    to a later [bold]grader audit verify --head NUMBER:HASH[/]

    Exit status: 0 without faults, 1 with a fault or an error, 2 for wrong options.
    """
    from grader.service.local_store import local_store

    with local_store() as store:
        report = store.verify(head)
    faults = (f"entry {fault.entry}: {fault.message}" if fault.entry else fault.message for fault in report.faults)
    summary = f"{report.entries} entries, {len(report.faults)} faults; head {report.entries}:{report.head}"
    show(report, *faults, summary)
    raise typer.Exit(bool(report.faults))
