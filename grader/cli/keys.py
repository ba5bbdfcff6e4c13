"""`grader keys`: who may use the service."""

from typing import Annotated

import typer

from serving.store.roles import Role

keys = typer.Typer(no_args_is_help=True, help="Makes, revokes and lists the service's keys.")


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is, for the list and the audit log.")],
    role: Annotated[Role, typer.Option(help="platform: sends work; ta: overrides too; admin: all.")],
    course: Annotated[str | None, typer.Option(help="The only course it opens; every course without it.")] = None,
) -> None:
    """Makes a key and prints it. It is not kept and cannot be shown again.

    Example: [bold]grader keys create moodle --role platform --course cs101[/]
    """
    from grader.service.local_store import at_terminal, local_store

    with local_store() as store:
        token, key = store.create_key(name, role, course, actor=at_terminal())
    typer.echo(f"key {key.id}, shown this once:", err=True)
    typer.echo(token)


@keys.command()
def revoke(key: Annotated[str, typer.Argument(help="The key's id, as grader keys list shows it.")]) -> None:
    """From now on the key opens nothing.

    Example: [bold]grader keys revoke 1f0c22ab[/]
    """
    from grader.service.local_store import at_terminal, local_store

    with local_store() as store:
        typer.echo(f"revoked at {store.revoke_key(key, actor=at_terminal()).revoked_at}")


@keys.command("list")
def list_keys() -> None:
    """Lists all keys ever made, without the keys themselves.

    Example: [bold]grader keys list[/]
    """
    from grader.service.local_store import local_store

    with local_store() as store:
        found = store.list_keys()
        if not found:
            typer.echo("no keys yet; grader keys create makes one", err=True)
        for key in found:
            state = f"revoked {key.revoked_at}" if key.revoked_at else "open"
            typer.echo(f"{key.id}  {key.role:8}  {key.course or 'every course':16}  {state:35}  {key.name}")
