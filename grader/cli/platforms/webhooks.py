"""`grader webhooks`: manages the receivers of events."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from grader.cli.help import HelpCommand, HelpGroup
from grader.cli.options import OneCourse
from grader.terminal import notes, show

if TYPE_CHECKING:
    from serving.webhooks.endpoints import Endpoints

webhooks = typer.Typer(
    name="webhooks", cls=HelpGroup, no_args_is_help=True, help="Manages webhooks: signed notices of events."
)
Id = Annotated[str, typer.Argument(metavar="ID", help="Webhook id, from 'grader webhooks list'.")]


@contextmanager
def endpoints() -> "Iterator[Endpoints]":
    from grader.service.local_store import cli_actor, local_store
    from serving.webhooks.endpoints import Endpoints

    with local_store() as store:
        yield Endpoints(store, cli_actor())


@webhooks.command(cls=HelpCommand)
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the receiver.")],
    event: Annotated[
        list[str] | None, typer.Option(metavar="EVENT", help="Event to send; repeatable. Default: all.")
    ] = None,
    course: OneCourse = None,
) -> None:
    """Adds a receiver and prints the secret of its signatures.

    Events: grade.accepted, grade.needs_review, grade.overridden, regrade.requested, regrade.answered,
    delivery.conflict, delivery.failed, job.completed, job.failed.

    Example: [bold]grader webhooks add https://bot.example.edu/grader --event regrade.requested --course cs101[/]
    """
    from serving.outbound.policy import configured_policy

    with endpoints() as known:
        endpoint, secret = known.add(url, event or (), course, configured_policy())
    notes().print(f"webhook {endpoint.id}; its secret:")
    show({"secret": secret, **endpoint.model_dump()}, secret)


@webhooks.command("list", cls=HelpCommand)
def list_webhooks() -> None:
    """Lists all receivers with their waiting and dead messages.

    Example: [bold]grader webhooks list[/]
    """
    with endpoints() as known:
        found = known.all()
    lines = [
        f"{each.id}  {each.disabled_reason or (each.fault and each.fault.code) or 'active':10}  "
        f"{each.waiting} waiting, {each.dead} dead  {each.course or 'all courses'}  {each.url}"
        for each in found
    ]
    lines += [f"{fault.code}: {fault.message} {fault.hint}" for each in found if (fault := each.fault)]
    show(found, *(lines or ["No webhooks yet. Add one with grader webhooks add."]))


@webhooks.command(cls=HelpCommand)
def rotate(webhook: Id) -> None:
    """Prints a new secret. For a day, messages are also signed with the old one.

    Example: [bold]grader webhooks rotate 1f0c22ab93d1e0aa[/]
    """
    with endpoints() as known:
        secret = known.rotate(webhook)
    show({"secret": secret}, secret)


@webhooks.command(cls=HelpCommand)
def disable(webhook: Id) -> None:
    """Stops sending to a receiver.

    Example: [bold]grader webhooks disable 1f0c22ab93d1e0aa[/]
    """
    with endpoints() as known:
        found = known.disable(webhook)
    show(found, f"disabled at {found.disabled_at}")


@webhooks.command(cls=HelpCommand)
def enable(webhook: Id) -> None:
    """Sends to a disabled receiver again: events from now on, and waiting messages.

    Example: [bold]grader webhooks enable 1f0c22ab93d1e0aa[/]
    """
    with endpoints() as known:
        found = known.enable(webhook)
    show(found, "enabled")


@webhooks.command(cls=HelpCommand)
def dead(
    webhook: Annotated[str | None, typer.Option(metavar="ID", help="Only messages of this receiver.")] = None,
) -> None:
    """Lists the messages that could not be delivered after all attempts.

    Example: [bold]grader webhooks dead[/]
    """
    with endpoints() as known:
        found = known.dead(webhook)
    lines = [f"{each.id}  {each.endpoint}  {each.event}  {each.at}  {each.result}" for each in found]
    show(found, *(lines or ["No dead messages."]))


@webhooks.command(cls=HelpCommand)
def replay(
    message: Annotated[
        str, typer.Argument(metavar="ID", help="Message id from 'grader webhooks dead', or a webhook id for all.")
    ],
) -> None:
    """Sends dead messages again, under their ids.

    Example: [bold]grader webhooks replay 1f0c22ab93d1e0aa[/]
    """
    with endpoints() as known:
        count = known.replay(message)
    show({"replayed": count}, f"{count} messages are sent again")
