"""The webhooks of a course: an admin adds, lists and disables receivers, and replays messages that were given up.

Additions take no Idempotency-Key, because stored answers would contain secrets.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Path, Query, Response

from labs_schema.errors import GraderError
from labs_schema.limits import WebhookLimits
from serving.api.authorization import AdminCaller, Caller, admin, api_router
from serving.api.schemas.examples import BODY, DEAD_MESSAGE, KEYED, WEBHOOK, WEBHOOK_SECRET, problems, success
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


@router.get(
    "/webhooks",
    summary="List webhooks",
    responses={**success("The webhooks of the course.", {"webhooks": [WEBHOOK]}), **problems(*KEYED)},
)
def list_webhooks(service: CourseService, caller: AdminCaller) -> WebhookList:
    """An all-courses key also lists the webhooks of all courses."""
    found = _endpoints(service, caller).all()
    return WebhookList(webhooks=tuple(each for each in found if _is_visible(each, service, caller)))


@router.post(
    "/webhooks",
    summary="Add a webhook",
    status_code=201,
    responses={
        **success("The webhook with its secret, shown once.", {**WEBHOOK, "secret": WEBHOOK_SECRET}, 201),
        **problems("outbound-refused", "bad-session-key", *BODY, *KEYED),
    },
)
def add_webhook(body: WebhookIn, service: CourseService, caller: AdminCaller, response: Response) -> NewWebhook:
    """Only events from now on are sent. A repeated request adds another webhook."""
    if body.all_courses and caller.course is not None:
        raise ProblemError("wrong-course", "A webhook of all courses needs an all-courses key.")
    course = None if body.all_courses else service.course.name
    try:
        with _deriving():
            made, secret = _endpoints(service, caller).add(body.url, body.events, course, configured_policy())
    except OutboundRefusedError as error:
        expected = "an address that messages may go to, such as https://bot.example.edu/grader"
        wrong = FieldProblem(field="url", found=excerpt(body.url), expected=expected, hint=str(error))
        raise ProblemError("outbound-refused", "No message may go to this address.", [wrong]) from error
    response.headers.update(NOT_STORED)
    return NewWebhook(**made.model_dump(), secret=secret)


@router.post(
    "/webhooks/{webhook_id}/rotate-secret",
    summary="Replace a webhook's secret",
    responses={
        **success("The new secret, shown once.", {"secret": WEBHOOK_SECRET}),
        **problems("not-found", "bad-session-key", *KEYED),
    },
)
def rotate_webhook_secret(
    webhook_id: WebhookId, service: CourseService, caller: AdminCaller, response: Response
) -> WebhookSecret:
    """For a day, messages are also signed with the old secret."""
    found = _find(webhook_id, service, caller)
    response.headers.update(NOT_STORED)
    with _deriving():
        return WebhookSecret(secret=_endpoints(service, caller).rotate(found.id))


@router.post(
    "/webhooks/{webhook_id}/disable",
    summary="Stop sending to a webhook",
    responses={
        **success("The disabled webhook.", {**WEBHOOK, "disabled_at": WEBHOOK["at"], "disabled_reason": "by hand"}),
        **problems("not-found", *KEYED),
    },
)
def disable_webhook(webhook_id: WebhookId, service: CourseService, caller: AdminCaller) -> WebhookEndpoint:
    """Events while the webhook is disabled are never sent. Waiting messages are sent once it is enabled again."""
    return _endpoints(service, caller).disable(_find(webhook_id, service, caller).id)


@router.post(
    "/webhooks/{webhook_id}/enable",
    summary="Send to a disabled webhook again",
    responses={**success("The enabled webhook.", WEBHOOK), **problems("not-found", *KEYED)},
)
def enable_webhook(webhook_id: WebhookId, service: CourseService, caller: AdminCaller) -> WebhookEndpoint:
    """Events from now on, and waiting messages, are sent."""
    return _endpoints(service, caller).enable(_find(webhook_id, service, caller).id)


@router.get(
    "/webhooks/{webhook_id}/dead-messages",
    summary="List messages that could not be delivered",
    responses={
        **success("The oldest dead messages.", {"messages": [DEAD_MESSAGE]}),
        **problems("not-found", *KEYED),
    },
)
def list_dead_messages(
    webhook_id: WebhookId, service: CourseService, caller: AdminCaller, limit: Limit = LIMITS.listed
) -> DeadMessageList:
    """Messages that no attempt delivered within about three days, or that a receiver refused for good."""
    found = _find(webhook_id, service, caller)
    return DeadMessageList(messages=tuple(_endpoints(service, caller).dead(found.id, limit)))


@router.post(
    "/webhooks/{webhook_id}/replay",
    summary="Send dead messages again",
    responses={
        **success("The number of messages that are sent again.", {"replayed": 1}),
        **problems("not-found", *BODY, *KEYED),
    },
)
def replay_dead_messages(
    webhook_id: WebhookId, body: ReplayIn, service: CourseService, caller: AdminCaller
) -> ReplayResult:
    """The messages have the same ids and a new schedule. Enable a disabled webhook first."""
    found = _find(webhook_id, service, caller)
    return ReplayResult(replayed=_endpoints(service, caller).replay(body.message or found.id, of=found.id))


@contextmanager
def _deriving() -> Iterator[None]:
    """Secrets are derived from a file, which may have become unusable since the service started."""
    try:
        yield
    except GraderError as error:
        if error.code != "bad-session-key":
            raise
        raise ProblemError("bad-session-key", str(error)) from error


def _endpoints(service: Service, caller: Caller) -> Endpoints:
    return Endpoints(service.store, caller.actor)


def _find(webhook_id: str, service: Service, caller: Caller) -> WebhookEndpoint:
    """Raises UnknownError, also for a webhook of another course."""
    found = _endpoints(service, caller).read(webhook_id)
    if not _is_visible(found, service, caller):
        raise UnknownError(f"There is no webhook {webhook_id!r}.")
    return found


def _is_visible(found: WebhookEndpoint, service: Service, caller: Caller) -> bool:
    """A webhook of all courses belongs to those who may act in all courses."""
    return caller.course is None if found.course is None else found.course == service.course.name
