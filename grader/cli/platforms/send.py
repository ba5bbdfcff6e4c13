"""`grader send`: sends grades from the store to course platforms."""

from pathlib import Path
from typing import Annotated

import typer

from grader.cli.options import CourseName

PlatformName = Annotated[
    str, typer.Argument(metavar="PLATFORM", help="canvas, moodle, codegrade, github-classroom or lti.")
]
Lab = Annotated[Path, typer.Argument(metavar="LAB", help="Lab folder, whose grades are in the store.")]
Url = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="canvas, codegrade: address of the site, such as https://canvas.example. moodle: address of the "
        "assignment's page. github-classroom: address of GitHub's API. Default: https://api.github.com.",
    ),
]
PlatformCourse = Annotated[
    str,
    typer.Option(metavar="ID", help="canvas: number of the course in the platform's addresses."),
]
Assignment = Annotated[
    str,
    typer.Option(
        metavar="ID",
        help="canvas, codegrade: number of the assignment in the platform's addresses. github-classroom: its number, "
        "as gh classroom assignments lists it.",
    ),
]
LineItem = Annotated[str, typer.Option(metavar="URL", help="lti: URL of the gradebook column, if the lab has several.")]
Confirm = Annotated[bool, typer.Option("--confirm", help="Send. Without it, only the differences are shown.")]
IncludeReview = Annotated[bool, typer.Option("--include-review", help="Also send grades that still need human review.")]
Scale = Annotated[
    bool,
    typer.Option(
        "--scale",
        help="canvas, moodle, lti: convert totals to the platform's maximum, for assignments without a rubric.",
    ),
]
Overwrite = Annotated[
    list[str] | None,
    typer.Option(metavar="STUDENT", help="Replace this student's value although someone changed it there."),
]
Remap = Annotated[
    bool,
    typer.Option("--remap", help="canvas, moodle, codegrade: accept the platform's changed rubric and map it again."),
]


def send(
    platform: PlatformName,
    lab: Lab,
    url: Url = "",
    platform_course: PlatformCourse = "",
    assignment: Assignment = "",
    line_item: LineItem = "",
    course: CourseName = None,
    confirm: Confirm = False,
    include_review: IncludeReview = False,
    scale: Scale = False,
    overwrite: Overwrite = None,
    remap: Remap = False,
) -> None:
    """Sends a lab's grades to a course platform.

    Shows what would change; --confirm sends it. Running it again is harmless. Tokens are in GRADER_CANVAS_TOKEN,
    GRADER_MOODLE_TOKEN, GRADER_CODEGRADE_TOKEN and GRADER_GITHUB_TOKEN.

    Canvas and Moodle get the rubric's ratings and comments, CodeGrade its selected rubric items, LTI the total and a
    comment. GitHub Classroom has no grades to write: total and feedback become a comment on the pull request
    "Feedback" of each repository, which a later run changes.

    Example: [bold]grader send canvas labs/square --url https://canvas.example --platform-course 101 --assignment 202[/]

    [bold]grader send moodle labs/square --url "https://moodle.example/mod/assign/view.php?id=501"[/]

    [bold]grader send codegrade labs/square --url https://university.codegra.de --assignment 77[/]

    [bold]grader send github-classroom labs/square --assignment 4711[/]

    [bold]grader send lti labs/square --course cs101[/]
    """
    from grader.service.delivery import Delivery, deliver, next_steps
    from grader.service.delivery_targets import PLATFORMS, Target
    from labs_schema.errors import check_known
    from serving.deliveries.plan import ReleasePolicy
    from serving.outbound.client import OutboundClient
    from serving.outbound.policy import configured_policy

    target = Target(url=url, platform_course=platform_course, assignment=assignment, line_item=line_item)
    check_known("unknown-platform", "PLATFORM", platform, PLATFORMS)
    chosen = PLATFORMS[platform]
    given = {name for name, value in (*target, ("scale", scale), ("remap", remap)) if value}
    if missing := [name for name in chosen.needs if name not in given]:
        raise typer.BadParameter(f"{platform} needs {flags(missing)}")
    if foreign := sorted(given.difference(chosen.needs, chosen.takes)):
        raise typer.BadParameter(f"{platform} does not take {flags(foreign)}")
    policy = ReleasePolicy(include_review=include_review, scale=scale, overwrite=frozenset(overwrite or ()))
    delivery = Delivery(lab=lab, course=course, policy=policy, remap=remap, confirm=confirm)
    with next_steps(), OutboundClient(configured_policy()) as client:
        failed = deliver(delivery, chosen.open(target, delivery.source, client))
    raise typer.Exit(1 if failed else 0)


def flags(names: list[str]) -> str:
    return ", ".join(f"--{name.replace('_', '-')}" for name in names)
