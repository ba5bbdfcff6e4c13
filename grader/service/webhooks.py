"""Sends webhooks while a service or a worker runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from serving.outbound.client import OutboundClient
from serving.outbound.policy import configured_policy
from serving.store.store import Store
from serving.webhooks.sender import WebhookSender


@contextmanager
def sending_webhooks(store: Store) -> Iterator[None]:
    """Raises OutboundRefusedError if GRADER_OUTBOUND_ALLOW has an entry that is not an origin."""
    with OutboundClient(configured_policy()) as client, WebhookSender(store, client).running():
        yield
