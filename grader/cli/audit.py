"""`grader audit`: whether the store's history is as it was written."""

from typing import Annotated

import typer

audit = typer.Typer(no_args_is_help=True, help="Checks the store's history.")


@audit.callback()
def root() -> None: ...


@audit.command()
def verify(
    head: Annotated[str | None, typer.Option(help="A head noted earlier, NUMBER:HASH, which must be there.")] = None,
) -> None:
    """Reads the whole store and finds any edit, deletion, addition, other order or cut tail, with its entry.

    Example: [bold]grader audit verify[/]. Note the head it prints where the store's owner cannot change it, and give
    it to a later [bold]grader audit verify --head NUMBER:HASH[/]
    """
    from grader.service.local_store import local_store

    with local_store() as store:
        report = store.verify(head)
    for fault in report.faults:
        typer.echo(f"entry {fault.entry}: {fault.message}" if fault.entry else fault.message)
    typer.echo(f"{report.entries} entries, {len(report.faults)} faults; head {report.entries}:{report.head}")
    raise typer.Exit(bool(report.faults))
