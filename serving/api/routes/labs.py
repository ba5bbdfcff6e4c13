"""Registered labs and their rubrics."""

from typing import Annotated

from fastapi import Path

from labs_schema.errors import did_you_mean
from labs_schema.models import Lab
from serving.api.authorization import api_router, platform
from serving.api.schemas.examples import LAB_LIST, LAB_RUBRIC, responses
from serving.api.schemas.grades import LabList, LabRubric, lab_rubric, lab_summary
from serving.api.schemas.problems import FieldProblem, ProblemError, excerpt
from serving.api.service import CourseService
from serving.courses.lab_registry import LabRegistry

router = api_router(platform, "labs")

LabName = Annotated[str, Path(description="The lab's name.", examples=["square"])]


@router.get("/labs", summary="List the registered labs", responses=responses("The labs.", LAB_LIST))
def list_labs(service: CourseService) -> LabList:
    """`warnings` are those of `grader check`, also about submissions and the TAs' tables."""
    labs = service.course.labs
    return LabList(labs=tuple(lab_summary(labs.with_warnings(name)) for name in list(labs)))


@router.get("/labs/{lab}", summary="Get a lab's rubric", responses=responses("The rubric.", LAB_RUBRIC, "unknown-lab"))
def get_lab(lab: LabName, service: CourseService) -> LabRubric:
    return lab_rubric(service.course.labs.with_warnings(find_lab(service.course.labs, lab).name))


def find_lab(labs: LabRegistry, name: str) -> Lab:
    """Raises ProblemError: a 404 that lists the registered labs."""
    try:
        return labs[name]
    except KeyError:
        expected, hint = f"one of {', '.join(labs) or 'no lab'}", "Name one of them." + did_you_mean(name, labs)
        wrong = FieldProblem(field="lab", found=excerpt(name), expected=expected, hint=hint)
        raise ProblemError("unknown-lab", "No lab of this name is registered.", [wrong]) from None
