"""The one model of a service or a worker that names it, on an engine's thread."""

import time

from rich.console import Console
from rich.markup import escape

from labs_schema.limits import LabLimits
from serving.engines.engine_choice import EngineName
from serving.grading.grader import Grader
from serving.model.loading import GraderOptions, load_grader
from serving.observability.telemetry import Telemetry
from serving.scheduler.engine_thread import EngineThread

HOPELESS = 32
"""Characters a token: no program is as dense, so what has more of them cannot be read by the model."""


def open_engine_thread(
    model: str, engine: EngineName, orders: int | None, queue: int, screen: Console, observed: Telemetry | None = None
) -> tuple[EngineThread, int]:
    """The thread, and how many characters a program may have before no reading of it could fit."""
    started, context = time.monotonic(), [0]

    def opened() -> Grader:
        grader = load_grader(model, GraderOptions(engine=engine, orders=orders))
        context[0] = grader.encoder.context_length
        return observed.metrics.watched(grader) if observed else grader

    with screen.status(f"loading {escape(model)}"):
        thread = EngineThread(opened, capacity=queue, observers=observed.observers if observed else ())
        if observed:
            observed.metrics.watch_queue(thread)
        thread.wait_until_open()
    screen.print(f"model: {escape(model)}, loaded in {time.monotonic() - started:.1f} s")
    return thread, min(HOPELESS * context[0], LabLimits().submission_bytes)
