"""Sends webhooks and confirmed deliveries while a service or a worker runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from serving.deliveries.configured import Columns, open_place
from serving.deliveries.delivery_jobs import DeliveryJob
from serving.deliveries.delivery_worker import DeliveryWorker
from serving.deliveries.platform import Platform
from serving.deliveries.sending import Source
from serving.outbound.client import OutboundClient
from serving.outbound.policy import configured_policy
from serving.store.store import Store
from serving.webhooks.sender import WebhookSender


@contextmanager
def running_deliveries(store: Store, columns: Columns) -> Iterator[None]:
    """Raises OutboundRefusedError if GRADER_OUTBOUND_ALLOW has an entry that is not an origin."""

    def open_job(job: DeliveryJob) -> Platform:
        return open_place(Source(course=job.course, lab=job.lab), job.platform, job.address, client, columns)

    with OutboundClient(configured_policy()) as client, DeliveryWorker(store, open_job).running():
        yield


@contextmanager
def sending_webhooks(store: Store) -> Iterator[None]:
    """Raises OutboundRefusedError like `running_deliveries`."""
    with OutboundClient(configured_policy()) as client, WebhookSender(store, client).running():
        yield
