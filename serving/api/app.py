"""Assembles the HTTP service: routes, middleware and error handlers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from serving.api import routes
from serving.api.authorization import operator
from serving.api.error_handlers import install_error_handlers
from serving.api.middleware.access_log import AccessLog
from serving.api.middleware.body_limit import BodyLimit
from serving.api.middleware.json_bodies import JsonBodies
from serving.api.middleware.loopback_only import LoopbackOnly
from serving.api.rate_limits import RateLimiter
from serving.api.schemas.parts import LIMITS
from serving.api.service import Service, ServiceOptions
from serving.courses.served import Courses
from serving.jobs.job import Job
from serving.observability.telemetry import Telemetry
from serving.review.index import ReviewIndex
from serving.scheduler.engine_thread import EngineThread
from serving.scheduler.preparation import PreparationPool
from serving.store.store import Store

DESCRIPTION = """Grades programs by a rubric, criterion by criterion, as the TAs of a course do.

Errors are RFC 9457 problem details with a stable `code`.

**Versions.** Paths, fields and codes are only added, never removed or changed in meaning; ignore unknown fields.
A breaking change is published at a new path such as `/v1/grade`, and the old path stays: `POST /grade` keeps its path.
"""
TAGS = [
    {"name": "grading", "description": "Grade a submission."},
    {"name": "labs", "description": "Registered labs and their rubrics."},
    {"name": "grades", "description": "Stored grades, their history and overrides."},
    {"name": "regrade requests", "description": "Students' regrade requests and their answers."},
    {"name": "jobs", "description": "Regrading of whole labs."},
    {"name": "webhooks", "description": "Receivers of signed notices of events."},
    {"name": "health", "description": "Liveness and readiness."},
]


CORS_METHODS = ("GET", "POST")
CORS_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID")
EXPOSED_HEADERS = ("X-Request-Id", "Retry-After", "Location")


def leave_to_workers(_: Job) -> None:
    """Without a worker in this process, a job waits for those of other processes."""


def create_app(
    engine: EngineThread,
    courses: Courses,
    store: Store,
    options: ServiceOptions | None = None,
    *,
    start_job: Callable[[Job], None] = leave_to_workers,
    telemetry: Telemetry | None = None,
) -> FastAPI:
    """The service over an engine thread, which it drains and closes when it shuts down, and a store, which it does not.

    Keys are required if the store ever had one. `telemetry` is closed with the service.
    """
    options = options or ServiceOptions()
    preparation = PreparationPool(engine.prepare)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(engine.close)
        await asyncio.to_thread(preparation.close)
        if telemetry:
            await asyncio.to_thread(telemetry.close)

    app = FastAPI(
        title="grader",
        version=version("grader"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    keyed = bool(store.list_keys())
    app.state.service = Service(
        engine,
        preparation,
        store,
        ReviewIndex(store.database),
        courses,
        options,
        RateLimiter(options.rate),
        start_job,
        keyed,
    )
    app.state.import_lock = asyncio.Lock()  # an import may take seconds of processor time, which grading needs too
    install_error_handlers(app)
    app.add_middleware(BodyLimit, limit_bytes=LIMITS.body_bytes, upload_bytes=LIMITS.upload_bytes)
    app.add_middleware(JsonBodies)
    if not keyed:
        app.add_middleware(LoopbackOnly)
    app.add_middleware(AccessLog, on_request=telemetry.metrics.request if telemetry else lambda *_: None)
    if telemetry:
        telemetry.install(app, operator)
    if options.allow_origins:
        # Outermost, so that a page can read every response, errors too. Never with credentials: a key is a header that
        # the page sends, and with cookies every allowed page would act as its visitor.
        app.add_middleware(
            CORSMiddleware,
            allow_origins=options.allow_origins,
            allow_methods=CORS_METHODS,
            allow_headers=CORS_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            allow_credentials=False,
        )
    for router in routes.ROUTERS:
        app.router.routes.extend(router.routes)  # include_router would analyse every signature again: 0.1 s
    return app
