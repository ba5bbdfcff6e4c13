"""The HTTP service, put together: its routes, its borders, and what they work with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from serving.api import (
    docs_page,
    grading_routes,
    health_routes,
    job_result_routes,
    job_routes,
    kept_grade_routes,
    lab_routes,
)
from serving.api.access_log import AccessLog
from serving.api.admission import Admission
from serving.api.body_limit import BodyLimit
from serving.api.engine_thread import EngineThread
from serving.api.head import HeadAsGet
from serving.api.key_first import KeyFirst
from serving.api.lab_registry import LabRegistry
from serving.api.preparing import Preparing
from serving.api.problems import install_problems
from serving.api.rates import Rate
from serving.api.requests import LIMITS
from serving.api.service import Service
from serving.api.store_problems import install_store_problems
from serving.api.this_machine import ThisMachineOnly
from serving.courses.served import Courses, OneCourse
from serving.jobs.job import Job
from serving.observability.observed import Observed
from serving.store.store import Store

BODY_BYTES = 2 * LIMITS.submission_bytes + LIMITS.rubric_bytes
SMALL_BODY_BYTES = 200_000
BODY_SECONDS = 30.0
RATE = "50/second"
DESCRIPTION = "Grades programs by a rubric, criterion by criterion, as the TAs of a course do. Errors are RFC 9457."


def create_app(
    engine: EngineThread,
    labs: LabRegistry,
    store: Store,
    *,
    course: str = "course",
    courses: Courses | None = None,
    seconds: float = 120.0,
    body_seconds: float = BODY_SECONDS,
    characters: int = LIMITS.submission_bytes,
    rate: str = RATE,
    begin: Callable[[Job], None] = lambda _: None,
    observed: Observed | None = None,
) -> FastAPI:
    """The service over an engine thread, which it closes (drained) when it shuts down, and a store, which it does not.

    Keys are needed where the store ever had one. `courses`: those that are served, by default `course` alone with its
    `labs`. `characters`: see `Service`. `rate`: how often one key may call. `begin` lets a job be worked on; without
    it, that is left to the workers of other processes.
    `observed` looks on and is closed with the service.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(engine.close)
        await asyncio.to_thread(preparing.close)
        if observed:
            await asyncio.to_thread(observed.close)

    app = FastAPI(
        title="grader",
        version=version("grader"),
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    served = courses or OneCourse(course, labs)
    keyed, preparing = bool(store.list_keys()), Preparing(engine.prepare)
    app.state.service = Service(
        engine, preparing, labs, store, course, keyed, seconds, characters, Rate(rate), begin, served
    )
    install_problems(app)
    install_store_problems(app)
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyLimit, most=SMALL_BODY_BYTES, most_for={"/grade": BODY_BYTES}, seconds=body_seconds)
    if keyed:
        app.add_middleware(KeyFirst, store=store)
    else:
        app.add_middleware(ThisMachineOnly)
    app.add_middleware(Admission, engine=engine)
    if observed:
        observed.install(app)
    app.add_middleware(AccessLog)
    for room in (grading_routes, lab_routes, kept_grade_routes, job_routes, job_result_routes, health_routes):
        app.include_router(room.router)
    app.include_router(docs_page.router)
    return app
