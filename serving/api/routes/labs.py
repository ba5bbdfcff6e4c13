"""Registered labs and their rubrics."""

from typing import Annotated

from fastapi import APIRouter, Path
from starlette.concurrency import run_in_threadpool

from labs_schema.errors import did_you_mean
from labs_schema.models import Lab
from serving.api.authorization import AuthorizedRoute, platform
from serving.api.schemas.examples import KEYED, LAB_LIST, LAB_RUBRIC, problems, success
from serving.api.schemas.grades import LabList, LabRubric, lab_rubric, lab_summary
from serving.api.schemas.problems import FieldProblem, ProblemError, excerpt
from serving.api.service import CourseService
from serving.courses.lab_registry import LabRegistry

router = APIRouter(dependencies=[platform], route_class=AuthorizedRoute, tags=["labs"])

LabName = Annotated[str, Path(description="The lab's name.", examples=["square"])]


@router.get(
    "/labs",
    operation_id="list_labs",
    summary="List the registered labs",
    responses={**success("The labs.", LAB_LIST), **problems(*KEYED)},
)
async def list_labs(service: CourseService) -> LabList:
    """`warnings` are those of `grader check`, also about submissions and the TAs' tables."""
    labs = service.course.labs
    found = await run_in_threadpool(lambda: [labs.with_warnings(name) for name in list(labs)])
    return LabList(labs=tuple(map(lab_summary, found)))


@router.get(
    "/labs/{lab}",
    operation_id="get_lab",
    summary="Get a lab's rubric",
    responses={**success("The rubric.", LAB_RUBRIC), **problems("unknown-lab", *KEYED)},
)
async def get_lab(lab: LabName, service: CourseService) -> LabRubric:
    found = find_lab(service.course.labs, lab)
    return lab_rubric(await run_in_threadpool(service.course.labs.with_warnings, found.name))


def find_lab(labs: LabRegistry, name: str) -> Lab:
    """Raises ProblemError: a 404 that lists the registered labs."""
    try:
        return labs[name]
    except KeyError:
        expected, hint = f"one of {', '.join(labs) or 'no lab'}", "Name one of them." + did_you_mean(name, labs)
        wrong = FieldProblem(field="lab", found=excerpt(name), expected=expected, hint=hint)
        raise ProblemError("unknown-lab", "No lab of this name is registered.", [wrong]) from None
