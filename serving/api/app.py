"""The HTTP service: `POST /grade`, the labs it knows, and whether it is well. The engine works behind a thread."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Body, Depends, FastAPI, Path, Request

from labs_schema.grades import Grade
from labs_schema.models import Criterion, Lab, Rating, SourceFile, Submission
from serving.api.access_log import AccessLog, log_failure
from serving.api.answers import GradeResponse, Health, LabList, LabRubric, graded, rubric, summary
from serving.api.body_limit import BodyLimit, too_large
from serving.api.engine_thread import ClosedError, EngineThread, QueueFullError
from serving.api.examples import ANSWER, GRADE_REQUESTS, LAB_LIST, LAB_RUBRIC, answered, problems
from serving.api.lab_registry import LabRegistry
from serving.api.problems import FieldProblem, ProblemError, busy, excerpt, install_problems
from serving.api.requests import LIMITS, GradeRequest, LabGradeRequest

BODY_BYTES = 2 * LIMITS.submission_bytes + LIMITS.rubric_bytes
PROBE_SECONDS = 10.0
DESCRIPTION = "Grades programs by a rubric, criterion by criterion, as the TAs of a course do. Errors are RFC 9457."

router = APIRouter()


@dataclass(frozen=True)
class Service:
    """What the routes need. `seconds`: how long a request may wait for its grade."""

    engine: EngineThread
    labs: LabRegistry
    seconds: float


def create_app(engine: EngineThread, labs: LabRegistry, *, seconds: float = 120.0) -> FastAPI:
    """The service over an engine thread, which it closes (drained) when it shuts down."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(engine.close)

    app = FastAPI(title="grader", version=version("grader"), description=DESCRIPTION, lifespan=lifespan)
    app.state.service = Service(engine, labs, seconds)
    install_problems(app)
    app.add_middleware(BodyLimit, most=BODY_BYTES)
    app.add_middleware(AccessLog)
    app.include_router(router)
    return app


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Served = Annotated[Service, Depends(_service)]


@router.post(
    "/grade", summary="Grade a submission", responses={**answered(ANSWER), **problems(400, 404, 413, 422, 503)}
)
async def grade(
    body: Annotated[GradeRequest, Body(openapi_examples=GRADE_REQUESTS)], request: Request, service: Served
) -> GradeResponse:
    """Every criterion with the rating chosen and the probability of every rating, or the reason why it is ungraded.

    A submission of which nothing could be graded is still an answer (200). 503 says when to come again.
    """
    if isinstance(body, LabGradeRequest):
        lab, ids = _known(service.labs, body.lab), {}
    else:
        lab, ids = body.rubric(), {c.title: c.id for c in body.criteria if c.id}
    submission = _admitted(body.submission.submission())
    return graded(lab, await _grade(service, request, lab, submission, body.reasoning), ids)


@router.get("/labs", summary="The labs it grades by name", responses=answered(LAB_LIST))
async def labs(service: Served) -> LabList:
    return LabList(labs=tuple(map(summary, service.labs.values())))


@router.get("/labs/{lab}", summary="A lab's rubric", responses={**answered(LAB_RUBRIC), **problems(404, 422)})
async def lab_rubric(lab: Annotated[str, Path(examples=["square"])], service: Served) -> LabRubric:
    return rubric(_known(service.labs, lab))


@router.get("/healthz", summary="Is the process alive?", responses=answered({"status": "alive"}))
async def health() -> Health:
    return Health(status="alive")


@router.get("/readyz", summary="Has the model answered?", responses={**answered({"status": "ready"}), **problems(503)})
async def ready(service: Served) -> Health:
    """200 once the model has scored a program, and as long as its last call did not fail; then it is asked again."""
    if not service.engine.answering:
        lab, submission = probe()
        await _answer(service, lab, submission, False, min(PROBE_SECONDS, service.seconds))
    if not service.engine.answering:
        raise busy("not-ready", "The model is loaded and has scored nothing yet.", 1)
    return Health(status="ready")


def probe() -> tuple[Lab, Submission]:
    """The smallest thing that can be graded."""
    works = Criterion(title="Does it work?", ratings=(Rating(title="A"), Rating(title="B")))
    lab = Lab(
        name="", problem="Do nothing.", short_problem="Do nothing.", language="C", criteria=(works,), submissions=()
    )
    return lab, Submission(student="", folder="", files=(SourceFile(path="a.c", text="int main(){}\n"),))


def _known(labs: LabRegistry, name: str) -> Lab:
    try:
        return labs[name]
    except KeyError:
        wrong = FieldProblem(field="lab", found=excerpt(name), expected=f"one of {', '.join(labs) or 'no lab'}")
        detail = "There is no lab of this name here; GET /labs lists those there are, or send the rubric itself."
        raise ProblemError(404, "unknown-lab", detail, [wrong]) from None


def _admitted(submission: Submission) -> Submission:
    """`submission`, unless it weighs more than a lab's reader would take."""
    sizes = [len(file.text.encode()) for file in submission.files]
    for file, size in zip(submission.files, sizes, strict=True):
        if size > LIMITS.source_bytes:
            raise too_large("submission.files", f"{size} bytes in {excerpt(file.path)}", LIMITS.source_bytes)
    if sum(sizes) > LIMITS.submission_bytes:
        raise too_large("submission.files", f"{sum(sizes)} bytes in all", LIMITS.submission_bytes)
    return submission


async def _grade(service: Service, request: Request, lab: Lab, submission: Submission, reasoning: bool) -> Grade:
    """Like `_answer`, but stops waiting, and drops what still waits, once the client is gone."""
    answer = asyncio.ensure_future(_answer(service, lab, submission, reasoning, service.seconds))
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ProblemError(499, "client-gone", "The client closed the connection.")
        return answer.result()
    finally:
        answer.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _answer(service: Service, lab: Lab, submission: Submission, reasoning: bool, seconds: float) -> Grade:
    """The engine's grade, or the 503 that says why there is none now."""
    engine = service.engine
    try:
        future = engine.submit(lab, submission, reasoning=reasoning)
        return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
    except QueueFullError as error:
        raise busy("queue-full", "As many submissions wait as may; come again later.", error.retry_after) from None
    except ClosedError:
        raise busy("shutting-down", "The service is shutting down.", 5) from None
    except TimeoutError:
        detail = f"There was no grade within {seconds:g} s; come again when less is waiting."
        raise busy("too-slow", detail, engine.retry_after) from None
    except Exception as error:
        log_failure(error)
        raise busy("engine-down", "The engine failed on this request.", 5) from error
