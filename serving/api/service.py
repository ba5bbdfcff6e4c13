"""What the routes work with, and how they get at it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastapi import Depends, Request

from serving.api.rate_limits import Rate
from serving.api.stream_limits import RESULTS, RESULTS_OF_ONE, OpenStreams
from serving.courses.lab_registry import LabRegistry
from serving.courses.served import Courses, ServedCourse
from serving.jobs.job import Job
from serving.jobs.repository import JobRepository
from serving.scheduler.engine_thread import EngineThread
from serving.scheduler.preparation import PreparationPool
from serving.store.store import Store


@dataclass(frozen=True)
class Service:
    """`seconds`: how long a request may wait for its grade. `characters`: of a program and its problem statement, past
    which no model here could read them. `begin` lets a job be worked on. `stopping` is set when streams should end.

    `keyed`: whether a key is needed; without, whoever reaches the service may do everything. `course` and `labs` are
    the caller's, once the caller is known: what a route is given is the service as that course sees it.
    """

    engine: EngineThread
    preparing: PreparationPool
    labs: LabRegistry
    store: Store
    course: str
    keyed: bool
    seconds: float
    characters: int
    rate: Rate
    begin: Callable[[Job], None]
    courses: Courses
    streams: OpenStreams = field(default_factory=OpenStreams)
    results: OpenStreams = field(default_factory=lambda: OpenStreams(RESULTS, RESULTS_OF_ONE, "results of jobs"))
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def book(self) -> JobRepository:
        return JobRepository(self.store.database)

    def of(self, course: ServedCourse) -> "Service":
        return replace(self, course=course.name, labs=course.labs)


def _whole(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _served(request: Request) -> Service:
    """The caller's course, once `access.Needs` has found out which; it does so before a route's own parameters."""
    service: Service = getattr(request.state, "service", request.app.state.service)
    return service


Whole = Annotated[Service, Depends(_whole)]
Served = Annotated[Service, Depends(_served)]
