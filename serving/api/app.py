"""The HTTP service, put together: its routes, its borders, and what they work with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI

from serving.api import routes
from serving.api.authorization import operator
from serving.api.middleware.access_log import AccessLog
from serving.api.middleware.auth_before_body import AuthBeforeBody
from serving.api.middleware.body_limit import BodyLimit
from serving.api.middleware.head_requests import HeadAsGet
from serving.api.middleware.load_shedding import Admission
from serving.api.middleware.loopback_only import LoopbackOnly
from serving.api.rate_limits import Rate
from serving.api.schemas.problems import install_problems
from serving.api.schemas.requests import LIMITS
from serving.api.service import Service
from serving.api.store_problems import install_store_problems
from serving.courses.lab_registry import LabRegistry
from serving.courses.served import Courses, OneCourse
from serving.jobs.job import Job
from serving.observability.telemetry import Telemetry
from serving.scheduler.engine_thread import EngineThread
from serving.scheduler.preparation import PreparationPool
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
    observed: Telemetry | None = None,
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
    keyed, preparing = bool(store.list_keys()), PreparationPool(engine.prepare)
    app.state.service = Service(
        engine, preparing, labs, store, course, keyed, seconds, characters, Rate(rate), begin, served
    )
    install_problems(app)
    install_store_problems(app)
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyLimit, most=SMALL_BODY_BYTES, most_for={"/grade": BODY_BYTES}, seconds=body_seconds)
    if keyed:
        app.add_middleware(AuthBeforeBody, store=store)
    else:
        app.add_middleware(LoopbackOnly)
    app.add_middleware(Admission, engine=engine)
    if observed:
        observed.install(app, operator)
    app.add_middleware(AccessLog)
    for router in routes.ROUTERS:
        app.include_router(router)
    return app
