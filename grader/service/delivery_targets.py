"""The platforms of `grader send`, and the assignments or columns on them that get the grades."""

from collections.abc import Callable
from typing import NamedTuple

from grader.service.local_store import local_store
from grader.service.lti_delivery import LtiColumns
from grader.service.moodle import moodle_token
from labs_schema.frozen import Frozen
from labs_schema.settings import Settings
from serving.deliveries.platform import Platform
from serving.deliveries.platforms.canvas import CanvasPlatform
from serving.deliveries.platforms.canvas_api import CanvasApi
from serving.deliveries.platforms.codegrade import CodeGradePlatform
from serving.deliveries.platforms.github_classroom import GitHubClassroomPlatform
from serving.deliveries.platforms.moodle.assignment import parse_address
from serving.deliveries.platforms.moodle.platform import MoodlePlatform
from serving.deliveries.sending import Source
from serving.outbound.client import OutboundClient

GITHUB_API = "https://api.github.com"


class Target(Frozen):
    """The options that name the assignment, empty if not given; see `grader send --help`."""

    url: str = ""
    platform_course: str = ""
    assignment: str = ""
    line_item: str = ""


class TargetPlatform(NamedTuple):
    """`needs` and `takes`: the options that are required and allowed, without those that all platforms have.

    `open` raises DeliveryError for a target or a token that cannot be used.
    """

    open: Callable[[Target, Source, OutboundClient], Platform]
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


def _canvas(target: Target, _: Source, client: OutboundClient) -> Platform:
    api = CanvasApi(client, target.url, Settings().canvas_token.get_secret_value())
    return CanvasPlatform(api, target.platform_course, target.assignment)


def _moodle(target: Target, _: Source, client: OutboundClient) -> Platform:
    return MoodlePlatform(parse_address(target.url), moodle_token(), client)


def _codegrade(target: Target, _: Source, client: OutboundClient) -> Platform:
    return CodeGradePlatform(client, target.url, Settings().codegrade_token.get_secret_value(), target.assignment)


def _github_classroom(target: Target, _: Source, client: OutboundClient) -> Platform:
    token = Settings().github_token.get_secret_value()
    return GitHubClassroomPlatform(client, token, target.assignment, target.url or GITHUB_API)


def _lti(target: Target, source: Source, client: OutboundClient) -> Platform:
    with local_store() as store:
        columns = LtiColumns(store)
        return columns.open(source, columns.chosen(source, target.line_item or None), client)


PLATFORMS = {
    "canvas": TargetPlatform(_canvas, ("url", "platform_course", "assignment"), ("scale", "remap")),
    "moodle": TargetPlatform(_moodle, ("url",), ("scale", "remap")),
    "codegrade": TargetPlatform(_codegrade, ("url", "assignment"), ("remap",)),
    "github-classroom": TargetPlatform(_github_classroom, ("assignment",), ("url",)),
    "lti": TargetPlatform(_lti, (), ("line_item", "scale")),
}
