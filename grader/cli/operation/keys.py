"""`grader keys`: manages API keys."""

from typing import Annotated

import typer

from grader.cli.help import HelpCommand, HelpGroup
from grader.cli.options import OneCourse
from grader.terminal import notes, show
from labs_schema.limits import PageLimits
from serving.store.access.roles import Role

keys = typer.Typer(name="keys", cls=HelpGroup, no_args_is_help=True, help="Manages the API keys of the service.")


@keys.command(cls=HelpCommand)
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Owner of the key, for the list and the audit log.")],
    role: Annotated[Role, typer.Option(help="platform: grade; ta: also regrade and override; admin: everything.")],
    course: OneCourse = None,
) -> None:
    """Creates an API key and prints it once.

    The store holds only its hash, so it cannot be shown again.

    Example: [bold]grader keys create moodle --role platform --course cs101[/]
    """
    from grader.service.local_store import cli_actor, local_store

    with local_store() as store:
        token, key = store.create_key(name, role, course, actor=cli_actor())
    notes().print(f"key {key.id}, shown only once:")
    show({"token": token, **key.model_dump()}, token)


@keys.command(cls=HelpCommand)
def link(
    key: Annotated[str, typer.Argument(metavar="ID", help="Key id, from 'grader keys list'.")],
    url: Annotated[
        str, typer.Option(metavar="URL", help="Address of the service, as its visitors reach it.")
    ] = "http://127.0.0.1:8000",
    minutes: Annotated[int, typer.Option(min=1, help="How long the link is valid.")] = PageLimits().link_minutes,
) -> None:
    """Prints a link that signs a person in to the review pages once, as a key.

    Opening the link shows a button; pressing it uses the link up.

    Example: [bold]grader keys link 1f0c22ab --url https://grader.example.edu[/]
    """
    from datetime import timedelta
    from urllib.parse import quote

    from grader.service.local_store import cli_actor, local_store

    with local_store() as store:
        token = store.create_link(key, timedelta(minutes=minutes), actor=cli_actor())
    address = f"{url.rstrip('/')}/app/sign-in?link={quote(token)}"
    show({"url": address}, address)


@keys.command(cls=HelpCommand)
def revoke(key: Annotated[str, typer.Argument(metavar="ID", help="Key id, from 'grader keys list'.")]) -> None:
    """Revokes an API key immediately.

    Example: [bold]grader keys revoke 1f0c22ab[/]
    """
    from grader.service.local_store import cli_actor, local_store

    with local_store() as store:
        revoked = store.revoke_key(key, actor=cli_actor())
    show(revoked, f"revoked at {revoked.revoked_at}")


@keys.command("list", cls=HelpCommand)
def list_keys() -> None:
    """Lists all keys, without their secrets.

    Example: [bold]grader keys list[/]
    """
    from grader.service.local_store import local_store

    with local_store() as store:
        found = store.list_keys()
    if not found:
        notes().print("No keys yet. Create one with grader keys create.")
    states = [f"revoked {key.revoked_at}" if key.revoked_at else "active" for key in found]
    lines = (
        f"{key.id}  {key.role:8}  {key.course or 'all courses':16}  {state:35}  {key.name}"
        for key, state in zip(found, states, strict=True)
    )
    show(found, *lines)
