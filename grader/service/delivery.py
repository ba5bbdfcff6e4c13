"""Runs a delivery for a command: the dry run, then the sending if it is confirmed."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grader.progress_bars import step_bars
from grader.service.local_store import cli_actor, local_store
from grader.tables.deliveries import hints, outcome_table, plan_table
from grader.terminal import show
from labs_schema.errors import GraderError
from labs_schema.frozen import Frozen
from serving.deliveries.errors import DeliveryError
from serving.deliveries.plan import ReleasePolicy
from serving.deliveries.platform import Platform
from serving.deliveries.sending import Sender, Source


class Delivery(Frozen):
    """`course`: by default the name of the folder that holds the lab."""

    lab: Path
    course: str | None
    policy: ReleasePolicy
    remap: bool
    confirm: bool

    @property
    def source(self) -> Source:
        folder = self.lab.absolute()
        return Source(course=self.course or folder.parent.name or "course", lab=folder.name)


def deliver(delivery: Delivery, platform: Platform) -> bool:
    """Prints the plan or the outcome; returns whether a grade that was to be sent did not arrive.

    Raises GraderError, also DeliveryError, if nothing can be sent.
    """
    with local_store() as store:
        sender = Sender(store, platform, actor=cli_actor())
        plan = sender.plan(delivery.source, delivery.policy, remap=delivery.remap)
        if not delivery.confirm:
            show(plan, plan_table(plan))
            return False
        with step_bars() as progress:
            total, done = len(plan.students), itertools.count(1)
            outcomes = sender.send(
                delivery.source, plan, delivery.policy, lambda: progress("sending", next(done), total)
            )
    show(outcomes, outcome_table(outcomes))
    return any(each.code and each.action in ("failed", "conflict") for each in outcomes)


@contextmanager
def next_steps() -> Iterator[None]:
    """Adds class and next step to the error of a delivery."""
    try:
        yield
    except DeliveryError as error:
        stated = f" The platform answered: {error.platform_text!a}." if error.platform_text else ""
        step = f"{error.kind} error {hints([error.code])[0]}"
        raise GraderError(f"{error}{stated}\n{step}", code=error.code) from error
