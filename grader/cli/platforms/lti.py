"""`grader lti`: manages the course platforms that launch the tool."""

from typing import Annotated, Any

import typer

from grader.cli.help import HelpCommand, HelpGroup
from grader.terminal import notes, show

lti = typer.Typer(
    name="lti", cls=HelpGroup, no_args_is_help=True, help="Connects course platforms through LTI 1.3: Moodle, Canvas."
)
Id = Annotated[str, typer.Argument(metavar="ID", help="Platform id, from 'grader lti list'.")]


@lti.command(cls=HelpCommand)
def register(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Display name of the platform.")],
    client_id: Annotated[str, typer.Option(metavar="ID", help="Client id that the platform gave the tool.")],
    deployment: Annotated[list[str] | None, typer.Option(metavar="ID", help="Deployment id; repeatable.")] = None,
    moodle: Annotated[
        str | None, typer.Option(metavar="URL", help="URL of a Moodle site; sets the URLs below.")
    ] = None,
    canvas: Annotated[
        str | None, typer.Option(metavar="URL", help="URL of a school's Canvas; sets the URLs below.")
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(metavar="URL", help="The platform's issuer: `iss` of its tokens.")
    ] = None,
    authorization_url: Annotated[str | None, typer.Option(metavar="URL", help="OIDC authorization endpoint.")] = None,
    token_url: Annotated[str | None, typer.Option(metavar="URL", help="Access token endpoint.")] = None,
    keys_url: Annotated[str | None, typer.Option(metavar="URL", help="The platform's key set (JWKS).")] = None,
    token_audience: Annotated[
        str | None, typer.Option(metavar="TEXT", help="`aud` of token requests. Default: the token URL.")
    ] = None,
    frame_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="Another host whose pages show the tool in a frame; repeatable."),
    ] = None,
    student_id: Annotated[
        str,
        typer.Option(
            metavar="CLAIM",
            help="The platform's value that is a student's id in the lab: custom (the parameter student_id), sis, "
            "username, email, email-name (the part before the @) or user (the platform's own id).",
        ),
    ] = "custom",
) -> None:
    """Registers a platform, or replaces its registration.

    First add the tool on the platform, which gives it a client id: [bold]grader lti configuration[/] prints the values
    to enter there. Each side fetches the other's public keys, so there is no shared secret to copy.

    Example: [bold]grader lti register "Campus Moodle" --moodle https://moodle.example --client-id uX2b[/]
    """
    from grader.service.local_store import cli_actor, local_store
    from grader.service.lti import platform_details
    from serving.lti.platforms.platforms import Platforms
    from serving.outbound.policy import configured_policy

    given: dict[str, Any] = {
        "name": name,
        "client_id": client_id,
        "deployments": tuple(deployment or ()),
        "issuer": issuer,
        "authorization_url": authorization_url,
        "token_url": token_url,
        "keys_url": keys_url,
        "token_audience": token_audience,
        "frame_origins": tuple(frame_origin or ()),
        "student_id": student_id,
    }
    details = platform_details(given, moodle=moodle, canvas=canvas)
    with local_store() as store:
        made = Platforms(store, cli_actor()).register(details, configured_policy())
    if not made.deployments:
        notes().print(f"It has no deployment yet. Add it with grader lti deployment {made.id} ID.")
    show(made, f"platform {made.id}: {made.name}, issuer {made.issuer}, client id {made.client_id}")


@lti.command("list", cls=HelpCommand)
def list_platforms() -> None:
    """Lists the platforms, their deployments and their connected courses.

    Example: [bold]grader lti list[/]
    """
    from grader.service.local_store import local_store
    from serving.lti.platforms.courses import PlatformCourses
    from serving.lti.platforms.platforms import Platforms

    with local_store() as store:
        platforms, courses = Platforms(store).all(), PlatformCourses(store).all()
    lines = []
    for each in platforms:
        deployments = ", ".join(each.deployments) or "none"
        lines.append(f"{each.id}  {each.name}  {each.issuer}  client id {each.client_id}  deployments {deployments}")
        lines += [
            f"          {one.course}: course {one.context or '(none)'} of deployment {one.deployment}"
            for one in courses
            if one.platform == each.id
        ]
    found = [{**each.model_dump(), "courses": [c for c in courses if c.platform == each.id]} for each in platforms]
    show(found, *(lines or ["No platforms yet. Register one with grader lti register."]))


@lti.command(cls=HelpCommand)
def deployment(
    platform: Id,
    deployment: Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="The platform's id of the deployment.")],
) -> None:
    """Adds a deployment: one installation of the tool on the platform.

    Example: [bold]grader lti deployment 1f0c22ab 3[/]
    """
    from grader.service.local_store import cli_actor, local_store
    from serving.lti.platforms.platforms import Platforms

    with local_store() as store:
        made = Platforms(store, cli_actor()).add_deployment(platform, deployment)
    show(made, f"platform {made.id} has the deployments {', '.join(made.deployments)}")


@lti.command(cls=HelpCommand)
def connect(
    platform: Id,
    context: Annotated[
        str, typer.Argument(metavar="CONTEXT", help="The platform's id of the course, as the tool's page shows it.")
    ],
    course: Annotated[str, typer.Option(metavar="NAME", help="Name of the course in this service.")],
    deployment: Annotated[str, typer.Option(metavar="ID", help="The deployment of that course.")],
) -> None:
    """Connects a course of the platform to a course of this service.

    Teachers of that course on the platform become TAs of this one. Until then, a launch shows them this command.

    Example: [bold]grader lti connect 1f0c22ab 42 --deployment 3 --course cs101[/]
    """
    from grader.service.local_store import cli_actor, local_store
    from grader.service.lti import known_courses
    from serving.lti.platforms.courses import PlatformCourses
    from serving.lti.platforms.platforms import Platforms

    with local_store() as store:
        known = known_courses(store)
        found = Platforms(store).read(platform)
        made = PlatformCourses(store, cli_actor()).connect(found, deployment, context, course)
    text = f"course {made.context} of {found.name} is {made.course}"
    if course not in known:
        named = f" It has grades or keys of: {', '.join(known)}." if known else ""
        text += f"\nWarning: the store has no grade and no API key of a course {course} yet.{named}"
    show(made, text)


@lti.command(cls=HelpCommand)
def disconnect(
    platform: Id,
    context: Annotated[str, typer.Argument(metavar="CONTEXT", help="The platform's id of the course.")],
    deployment: Annotated[str, typer.Option(metavar="ID", help="The deployment of that course.")],
) -> None:
    """Disconnects a course and revokes the keys of its TAs.

    Example: [bold]grader lti disconnect 1f0c22ab 42 --deployment 3[/]
    """
    from grader.service.local_store import cli_actor, local_store
    from serving.lti.platforms.courses import Context, PlatformCourses

    ended = Context(platform=platform, deployment=deployment, context=context)
    with local_store() as store:
        revoked = PlatformCourses(store, cli_actor()).disconnect(ended)
    lines = f"course {context} is no longer connected", f"revoked keys of TAs: {', '.join(revoked) or 'none'}"
    show({**ended.model_dump(), "revoked_keys": revoked}, *lines)


@lti.command(cls=HelpCommand)
def remove(platform: Id) -> None:
    """Removes a platform: its launches are refused, and the keys of its TAs are revoked.

    Example: [bold]grader lti remove 1f0c22ab[/]
    """
    from grader.service.local_store import cli_actor, local_store
    from serving.lti.platforms.platforms import Platforms

    with local_store() as store:
        removed, revoked = Platforms(store, cli_actor()).remove(platform)
    lines = f"removed {removed.name}", f"revoked keys of TAs: {', '.join(revoked) or 'none'}"
    show({**removed.model_dump(), "revoked_keys": revoked}, *lines)


@lti.command(cls=HelpCommand)
def invite() -> None:
    """Prints a single-use link with which a platform registers itself (dynamic registration).

    The link works for a day. In Moodle, an administrator pastes it under Manage tools, as the tool's URL.

    Example: [bold]grader lti invite[/]
    """
    from urllib.parse import quote

    from grader.service.local_store import cli_actor, local_store
    from labs_schema.settings import Settings
    from serving.lti.platforms.registration import RegistrationLinks
    from serving.lti.tool import configured_tool

    tool = configured_tool(Settings().public_url)
    with local_store() as store:
        token = RegistrationLinks(store, cli_actor()).create()
    url = f"{tool.registration_url}?token={quote(token)}"
    show({"url": url}, url)


@lti.command("rotate-key", cls=HelpCommand)
def rotate_key(
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once", help="Remove the old key and sign with the new one now, because the old one may have leaked."
        ),
    ] = False,
) -> None:
    """Creates a new signing key for the tool.

    It is published now and signs after a day; the old one stays published for three more days, because platforms cache
    keys. The platforms need no change.

    Example: [bold]grader lti rotate-key[/]
    """
    from grader.service.local_store import local_store
    from grader.service.lti import tool_keys

    with local_store() as store:
        keys = tool_keys(store)
    kid = keys.rotate(at_once=at_once)
    show({"kid": kid, "file": str(keys.path)}, f"new key {kid} in {keys.path}")


@lti.command(cls=HelpCommand)
def configuration(
    canvas: Annotated[bool, typer.Option("--canvas", help="Print the JSON for a Canvas developer key.")] = False,
) -> None:
    """Prints the values to enter on a platform when you add the tool.

    Example: [bold]grader lti configuration --canvas[/]
    """
    import json

    from labs_schema.settings import Settings
    from serving.lti.tool import configured_tool

    tool = configured_tool(Settings().public_url)
    if canvas:
        return show(tool.canvas_configuration(), json.dumps(tool.canvas_configuration(), indent=2))
    return show(tool.addresses(), *(f"{label}: {value}" for label, value in tool.addresses().items()))
