"""The retries of requests to platforms, one policy for reading and for sending."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from labs_schema.errors import GraderError
from labs_schema.limits import DeliveryLimits
from serving.deliveries.errors import DeliveryError, ErrorKind
from serving.outbound.errors import OutboundFailedError, OutboundRefusedError, OutboundTooLargeError

LIMITS = DeliveryLimits()
Result = TypeVar("Result")


class Retries:
    """Repeats what fails with an error of the class `retry`: after the time that the platform stated, or longer each
    time. `sleep` is replaced in tests."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep

    def call(self, act: Callable[[], Result]) -> Result:
        """`act` must be harmless to repeat. Raises DeliveryError, also for errors of the network."""
        pause = LIMITS.pause_seconds
        for attempts_left in reversed(range(LIMITS.attempts)):
            try:
                return act()
            except (DeliveryError, OutboundFailedError, OutboundRefusedError, OutboundTooLargeError) as error:
                failure = _as_delivery_error(error)
                too_long = (failure.wait or 0) > LIMITS.longest_wait_seconds
                if failure.kind is not ErrorKind.RETRY or not attempts_left or too_long:
                    raise failure from error
                self._sleep(failure.wait if failure.wait is not None else pause * random.uniform(0.5, 1.5))
                pause = min(2 * pause, LIMITS.longest_pause_seconds)
        raise AssertionError("unreachable")


def _as_delivery_error(error: GraderError) -> DeliveryError:
    if isinstance(error, DeliveryError):
        return error
    failed = isinstance(error, OutboundFailedError)
    return DeliveryError("platform-unavailable" if failed else "platform-unexpected", str(error))
