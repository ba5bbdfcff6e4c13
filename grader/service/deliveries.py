"""Runs confirmed deliveries to course platforms while a service runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from serving.deliveries.configured import open_platform
from serving.deliveries.delivery_worker import DeliveryWorker
from serving.outbound.client import OutboundClient
from serving.outbound.policy import configured_policy
from serving.store.store import Store


@contextmanager
def running_deliveries(store: Store) -> Iterator[None]:
    """Raises OutboundRefusedError if GRADER_OUTBOUND_ALLOW has an entry that is no origin."""
    with OutboundClient(configured_policy()) as client:
        worker = DeliveryWorker(store, lambda name, address: open_platform(name, address, client))
        with worker.running():
            yield
