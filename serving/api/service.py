"""The service's state and options, which routes get as a FastAPI dependency."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Depends, Request
from pydantic import Field

from labs_schema.frozen import Frozen
from labs_schema.limits import LabLimits, ServiceLimits
from serving.api.rate_limits import RateLimiter
from serving.courses.served import Courses, ServedCourse
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.review.index import ReviewIndex
from serving.scheduler.engine_thread import EngineThread
from serving.scheduler.preparation import PreparationPool
from serving.store.store import Store


class ServiceOptions(Frozen):
    timeout_seconds: float = Field(
        ServiceLimits().grading_timeout_seconds, description="How long a request waits for its grade."
    )
    rate: str = Field("50/second", description="How often one key may call.")
    allow_origins: tuple[str, ...] = Field((), description="Web pages of these origins may call from browsers (CORS).")
    max_chars: int = Field(
        LabLimits().submission_bytes, description="Of a program and its problem statement; no model could read more."
    )


@dataclass(frozen=True)
class Service:
    """`keyed`: whether a key is required. `reviews`: the labs with people's decisions. `start_job` hands a job to a
    worker. `stopping` ends open streams.

    `course` is the caller's: routes get a copy of the service that has it, once the caller is known.
    """

    engine: EngineThread
    preparation: PreparationPool
    store: Store
    reviews: ReviewIndex
    courses: Courses
    options: ServiceOptions
    rate_limiter: RateLimiter
    start_job: Callable[[Job], None]
    keyed: bool
    course: ServedCourse = field(default_factory=lambda: ServedCourse(""))
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def jobs(self) -> JobRepository:
        return JobRepository(self.store.database)

    def for_course(self, course: ServedCourse) -> "Service":
        return replace(self, course=course)


def _course_service(request: Request) -> Service:
    """The service for the caller's course if the route requires a key; `authorization` determines it beforehand."""
    service: Service = getattr(request.state, "service", request.app.state.service)
    return service


CourseService = Annotated[Service, Depends(_course_service)]
