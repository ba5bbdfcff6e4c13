"""Bodies about webhooks. A secret is in the answer that creates it, and in no other."""

from typing import Annotated

from pydantic import BeforeValidator, FailFast, Field

from labs_schema.frozen import Frozen
from serving.api.schemas.parts import RequestPart, Text, Title, at_most
from serving.store.ledger import NAME_CHARS
from serving.webhooks.endpoints import EVENTS, DeadMessage, EventName, WebhookEndpoint


class WebhookIn(RequestPart):
    """A receiver to add."""

    url: Annotated[Text, Field(min_length=1, max_length=NAME_CHARS)] = Field(
        description="Where messages are sent: https, or an origin that the operator allowed."
    )
    events: Annotated[
        tuple[EventName, ...],
        FailFast(),
        Field(max_length=len(EVENTS), description="The events to send; none: all of them."),
        BeforeValidator(at_most(len(EVENTS))),
    ] = ()
    all_courses: bool = Field(
        default=False, strict=True, description="Events of all courses, not of this one. Needs an all-courses key."
    )


class ReplayIn(RequestPart):
    """The dead messages to send again."""

    message: Title | None = Field(default=None, description="One message; null: all of the webhook.")


class NewWebhook(WebhookEndpoint):
    """A receiver that was just added."""

    secret: str = Field(description="With it the receiver verifies signatures. It cannot be read again.")


class WebhookSecret(Frozen):
    secret: str = Field(description="The new secret. It cannot be read again.")


class WebhookList(Frozen):
    webhooks: tuple[WebhookEndpoint, ...] = Field(description="Oldest first, with those that are disabled.")


class DeadMessageList(Frozen):
    messages: tuple[DeadMessage, ...] = Field(description="Oldest first. Messages that are sent again leave the list.")


class ReplayResult(Frozen):
    replayed: int = Field(description="The number of messages that are sent again.")
