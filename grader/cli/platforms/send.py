"""`grader send`: sends grades from the store to course platforms."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.help import HelpCommand, HelpGroup
from grader.cli.options import CourseName

send = typer.Typer(
    name="send", cls=HelpGroup, no_args_is_help=True, help="Sends grades to a course platform, after a dry run."
)

Lab = Annotated[Path, typer.Argument(metavar="LAB", help="Lab folder, whose grades are in the store.")]
Url = Annotated[str, typer.Option("--url", metavar="URL", help="Address of the platform: https://canvas.example.")]
PlatformCourse = Annotated[
    str, typer.Option("--platform-course", metavar="ID", help="Number of the course in the platform's addresses.")
]
Assignment = Annotated[
    str, typer.Option("--assignment", metavar="ID", help="Number of the assignment in the platform's addresses.")
]
AssignmentPage = Annotated[
    str,
    typer.Option(
        "--url",
        metavar="URL",
        help="Address of the assignment's page: https://moodle.example/mod/assign/view.php?id=501.",
    ),
]
Confirm = Annotated[bool, typer.Option("--confirm", help="Send. Without it, only the differences are shown.")]
IncludeReview = Annotated[bool, typer.Option("--include-review", help="Also send grades that still need human review.")]
Scale = Annotated[
    bool, typer.Option("--scale", help="Convert totals to the platform's maximum, for assignments without a rubric.")
]
Overwrite = Annotated[
    list[str] | None,
    typer.Option(
        "--overwrite", metavar="STUDENT", help="Replace this student's value although someone changed it there."
    ),
]
LineItem = Annotated[
    str | None,
    typer.Option("--line-item", metavar="URL", help="URL of the gradebook column, if the lab has several."),
]
Remap = Annotated[bool, typer.Option("--remap", help="Accept the platform's changed rubric and map it again.")]


@send.command(cls=HelpCommand)
def canvas(
    lab: Lab,
    url: Url,
    platform_course: PlatformCourse,
    assignment: Assignment,
    course: CourseName = None,
    confirm: Confirm = False,
    include_review: IncludeReview = False,
    scale: Scale = False,
    overwrite: Overwrite = None,
    remap: Remap = False,
) -> None:
    """Sends a lab's grades, rubric ratings and comments to a Canvas assignment.

    Shows what would change; --confirm sends it. Running it again is harmless. The token is in GRADER_CANVAS_TOKEN.

    Example: [bold]grader send canvas labs/square --url https://canvas.example --platform-course 101 --assignment 202[/]
    """
    from grader.service.delivery import Delivery, deliver, next_steps
    from labs_schema.settings import Settings
    from serving.deliveries.plan import ReleasePolicy
    from serving.deliveries.platforms.canvas import CanvasPlatform
    from serving.deliveries.platforms.canvas_api import CanvasApi
    from serving.outbound.client import OutboundClient
    from serving.outbound.policy import configured_policy

    policy = ReleasePolicy(include_review=include_review, scale=scale, overwrite=frozenset(overwrite or ()))
    delivery = Delivery(lab=lab, course=course, policy=policy, remap=remap, confirm=confirm)
    with next_steps(), OutboundClient(configured_policy()) as client:
        api = CanvasApi(client, url, Settings().canvas_token.get_secret_value())
        failed = deliver(delivery, CanvasPlatform(api, platform_course, assignment))
    raise typer.Exit(1 if failed else 0)


@send.command(cls=HelpCommand)
def moodle(
    lab: Lab,
    url: AssignmentPage,
    course: CourseName = None,
    confirm: Confirm = False,
    include_review: IncludeReview = False,
    scale: Scale = False,
    overwrite: Overwrite = None,
    remap: Remap = False,
) -> None:
    """Sends a lab's grades, rubric levels and remarks to a Moodle assignment.

    Shows what would change; --confirm sends it. Running it again is harmless. The token is in GRADER_MOODLE_TOKEN.

    Example: [bold]grader send moodle labs/square --url "https://moodle.example/mod/assign/view.php?id=501"[/]
    """
    from grader.service.delivery import Delivery, deliver, next_steps
    from grader.service.moodle import moodle_token
    from serving.deliveries.plan import ReleasePolicy
    from serving.deliveries.platforms.moodle.assignment import parse_address
    from serving.deliveries.platforms.moodle.platform import MoodlePlatform
    from serving.outbound.client import OutboundClient
    from serving.outbound.policy import configured_policy

    policy = ReleasePolicy(include_review=include_review, scale=scale, overwrite=frozenset(overwrite or ()))
    delivery = Delivery(lab=lab, course=course, policy=policy, remap=remap, confirm=confirm)
    with next_steps(), OutboundClient(configured_policy()) as client:
        failed = deliver(delivery, MoodlePlatform(parse_address(url), moodle_token(), client))
    raise typer.Exit(1 if failed else 0)


@send.command(cls=HelpCommand)
def codegrade(
    lab: Lab,
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="Address of the site: https://university.codegra.de.")
    ],
    assignment: Assignment,
    course: CourseName = None,
    confirm: Confirm = False,
    include_review: IncludeReview = False,
    overwrite: Overwrite = None,
    remap: Remap = False,
) -> None:
    """Sends a lab's grades to a CodeGrade assignment by selecting its rubric items.

    Shows what would change; --confirm sends it. Running it again is harmless. The token is in GRADER_CODEGRADE_TOKEN.

    Example: [bold]grader send codegrade labs/square --url https://university.codegra.de --assignment 77[/]
    """
    from grader.service.delivery import Delivery, deliver, next_steps
    from labs_schema.settings import Settings
    from serving.deliveries.plan import ReleasePolicy
    from serving.deliveries.platforms.codegrade import CodeGradePlatform
    from serving.outbound.client import OutboundClient
    from serving.outbound.policy import configured_policy

    policy = ReleasePolicy(include_review=include_review, overwrite=frozenset(overwrite or ()))
    delivery = Delivery(lab=lab, course=course, policy=policy, remap=remap, confirm=confirm)
    with next_steps(), OutboundClient(configured_policy()) as client:
        token = Settings().codegrade_token.get_secret_value()
        failed = deliver(delivery, CodeGradePlatform(client, url, token, assignment))
    raise typer.Exit(1 if failed else 0)


@send.command("github-classroom", cls=HelpCommand)
def github_classroom(
    lab: Lab,
    assignment: Annotated[
        str, typer.Option("--assignment", metavar="ID", help="Number of the assignment: gh classroom assignments.")
    ],
    api: Annotated[
        str, typer.Option("--url", metavar="URL", help="Address of GitHub's API.")
    ] = "https://api.github.com",
    course: CourseName = None,
    confirm: Confirm = False,
    include_review: IncludeReview = False,
    overwrite: Overwrite = None,
) -> None:
    """Sends totals and feedback as comments on the pull request "Feedback" of each repository.

    Shows what would change; --confirm sends it. A later run changes the same comment. GitHub Classroom has no grades to
    write. The token is in GRADER_GITHUB_TOKEN.

    Example: [bold]grader send github-classroom labs/square --assignment 4711[/]
    """
    from grader.service.delivery import Delivery, deliver, next_steps
    from labs_schema.settings import Settings
    from serving.deliveries.plan import ReleasePolicy
    from serving.deliveries.platforms.github_classroom import GitHubClassroomPlatform
    from serving.outbound.client import OutboundClient
    from serving.outbound.policy import configured_policy

    policy = ReleasePolicy(include_review=include_review, overwrite=frozenset(overwrite or ()))
    delivery = Delivery(lab=lab, course=course, policy=policy, remap=False, confirm=confirm)
    with next_steps(), OutboundClient(configured_policy()) as client:
        token = Settings().github_token.get_secret_value()
        failed = deliver(delivery, GitHubClassroomPlatform(client, token, assignment, api))
    raise typer.Exit(1 if failed else 0)


@send.command(cls=HelpCommand)
def lti(
    lab: Lab,
    course: CourseName = None,
    line_item: LineItem = None,
    confirm: Confirm = False,
    include_review: IncludeReview = False,
    scale: Scale = False,
    overwrite: Overwrite = None,
) -> None:
    """Sends a lab's totals and comments to the LTI platform that links to the lab.

    Shows what would change; --confirm sends it. Running it again is harmless. Grades that wait for review are marked as
    pending. Rubric ratings stay on the tool's pages, because LTI has no rubrics.

    Example: [bold]grader send lti labs/square --course cs101[/]
    """
    from grader.service.delivery import Delivery, deliver, next_steps
    from grader.service.lti_delivery import lti_platform
    from serving.deliveries.plan import ReleasePolicy

    policy = ReleasePolicy(include_review=include_review, scale=scale, overwrite=frozenset(overwrite or ()))
    delivery = Delivery(lab=lab, course=course, policy=policy, remap=False, confirm=confirm)
    with next_steps(), lti_platform(delivery.source, line_item) as platform:
        failed = deliver(delivery, platform)
    raise typer.Exit(1 if failed else 0)
