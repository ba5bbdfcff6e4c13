"""The webhooks of a course: an admin adds, lists and disables receivers, and replays messages that were given up.

Additions take no Idempotency-Key, because stored answers would contain secrets.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Path, Query, Response

from labs_schema.errors import GraderError
from labs_schema.limits import WebhookLimits
from serving.api.authorization import AdminCaller, Caller, admin, api_router
from serving.api.schemas.examples import BODY, DEAD_MESSAGE, WEBHOOK, WEBHOOK_SECRET, responses
from serving.api.schemas.parts import ID_PATTERN
from serving.api.schemas.problems import FieldProblem, ProblemError, excerpt
from serving.api.schemas.webhooks import (
    DeadMessageList,
    NewWebhook,
    ReplayIn,
    ReplayResult,
    WebhookIn,
    WebhookList,
    WebhookSecret,
)
from serving.api.service import CourseService, Service
from serving.outbound.errors import OutboundRefusedError
from serving.outbound.policy import configured_policy
from serving.store.errors import UnknownError
from serving.webhooks.endpoints import Endpoints, WebhookEndpoint

LIMITS = WebhookLimits()
router = api_router(admin, "webhooks")
WebhookId = Annotated[
    str, Path(max_length=64, pattern=ID_PATTERN, description="The webhook's id.", examples=[WEBHOOK["id"]])
]
Limit = Annotated[int, Query(ge=1, le=LIMITS.listed_max, description="The number of messages to list.")]
NOT_STORED = {"Cache-Control": "no-store"}


def _endpoints(service: CourseService, caller: AdminCaller) -> Endpoints:
    return Endpoints(service.store, caller.actor)


Webhooks = Annotated[Endpoints, Depends(_endpoints)]


def _find(webhook_id: WebhookId, webhooks: Webhooks, service: CourseService, caller: AdminCaller) -> WebhookEndpoint:
    """Raises UnknownError, also for a webhook of another course."""
    found = webhooks.read(webhook_id)
    if not _is_visible(found, service, caller):
        raise UnknownError(f"There is no webhook {webhook_id!r}.")
    return found


Webhook = Annotated[WebhookEndpoint, Depends(_find)]


@router.get(
    "/webhooks",
    summary="List webhooks",
    responses=responses("The webhooks of the course.", {"webhooks": [WEBHOOK]}),
)
def list_webhooks(webhooks: Webhooks, service: CourseService, caller: AdminCaller) -> WebhookList:
    """An all-courses key also lists the webhooks of all courses."""
    return WebhookList(webhooks=tuple(each for each in webhooks.all() if _is_visible(each, service, caller)))


@router.post(
    "/webhooks",
    summary="Add a webhook",
    status_code=201,
    responses=responses(
        "The webhook with its secret, shown once.",
        {**WEBHOOK, "secret": WEBHOOK_SECRET},
        *("outbound-refused", "bad-session-key", *BODY),
        status=201,
    ),
)
def add_webhook(
    body: WebhookIn, webhooks: Webhooks, service: CourseService, caller: AdminCaller, response: Response
) -> NewWebhook:
    """Only events from now on are sent. A repeated request adds another webhook."""
    if body.all_courses and caller.course is not None:
        raise ProblemError("wrong-course", "A webhook of all courses needs an all-courses key.")
    course = None if body.all_courses else service.course.name
    try:
        with _deriving():
            made, secret = webhooks.add(body.url, body.events, course, configured_policy())
    except OutboundRefusedError as error:
        expected = "an address that messages may go to, such as https://bot.example.edu/grader"
        wrong = FieldProblem(field="url", found=excerpt(body.url), expected=expected, hint=str(error))
        raise ProblemError("outbound-refused", "No message may go to this address.", [wrong]) from error
    response.headers.update(NOT_STORED)
    return NewWebhook(**made.model_dump(), secret=secret)


@router.post(
    "/webhooks/{webhook_id}/rotate-secret",
    summary="Replace a webhook's secret",
    responses=responses("The new secret, shown once.", {"secret": WEBHOOK_SECRET}, "not-found", "bad-session-key"),
)
def rotate_webhook_secret(webhook: Webhook, webhooks: Webhooks, response: Response) -> WebhookSecret:
    """For a day, messages are also signed with the old secret."""
    response.headers.update(NOT_STORED)
    with _deriving():
        return WebhookSecret(secret=webhooks.rotate(webhook.id))


@router.post(
    "/webhooks/{webhook_id}/disable",
    summary="Stop sending to a webhook",
    responses=responses(
        "The disabled webhook.",
        {**WEBHOOK, "disabled_at": WEBHOOK["at"], "disabled_reason": "by hand"},
        "not-found",
    ),
)
def disable_webhook(webhook: Webhook, webhooks: Webhooks) -> WebhookEndpoint:
    """Events while the webhook is disabled are never sent. Waiting messages are sent once it is enabled again."""
    return webhooks.disable(webhook.id)


@router.post(
    "/webhooks/{webhook_id}/enable",
    summary="Send to a disabled webhook again",
    responses=responses("The enabled webhook.", WEBHOOK, "not-found"),
)
def enable_webhook(webhook: Webhook, webhooks: Webhooks) -> WebhookEndpoint:
    """Events from now on, and waiting messages, are sent."""
    return webhooks.enable(webhook.id)


@router.get(
    "/webhooks/{webhook_id}/dead-messages",
    summary="List messages that could not be delivered",
    responses=responses("The oldest dead messages.", {"messages": [DEAD_MESSAGE]}, "not-found"),
)
def list_dead_messages(webhook: Webhook, webhooks: Webhooks, limit: Limit = LIMITS.listed) -> DeadMessageList:
    """Messages that no attempt delivered within about three days, or that a receiver refused for good."""
    return DeadMessageList(messages=tuple(webhooks.dead(webhook.id, limit)))


@router.post(
    "/webhooks/{webhook_id}/replay",
    summary="Send dead messages again",
    responses=responses("The number of messages that are sent again.", {"replayed": 1}, "not-found", *BODY),
)
def replay_dead_messages(webhook: Webhook, body: ReplayIn, webhooks: Webhooks) -> ReplayResult:
    """The messages have the same ids and a new schedule. Enable a disabled webhook first."""
    return ReplayResult(replayed=webhooks.replay(body.message or webhook.id, of=webhook.id))


@contextmanager
def _deriving() -> Iterator[None]:
    """Secrets are derived from a file, which may have become unusable since the service started."""
    try:
        yield
    except GraderError as error:
        if error.code != "bad-session-key":
            raise
        raise ProblemError("bad-session-key", str(error)) from error


def _is_visible(found: WebhookEndpoint, service: Service, caller: Caller) -> bool:
    """A webhook of all courses belongs to those who may act in all courses."""
    return caller.course is None if found.course is None else found.course == service.course.name
