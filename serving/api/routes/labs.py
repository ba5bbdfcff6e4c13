"""The labs that are graded by name, and their rubrics."""

from typing import Annotated

from fastapi import APIRouter, Path

from labs_schema.models import Lab
from serving.api.authorization import platform
from serving.api.schemas.examples import KEYED, LAB_LIST, LAB_RUBRIC, answered, problems
from serving.api.schemas.grades import LabList, LabRubric, rubric, summary
from serving.api.schemas.problems import FieldProblem, ProblemError, excerpt
from serving.api.service import Served
from serving.courses.lab_registry import LabRegistry

router = APIRouter(dependencies=[platform])


@router.get("/labs", summary="The labs it grades by name", responses={**answered(LAB_LIST), **problems(*KEYED)})
async def labs(service: Served) -> LabList:
    return LabList(labs=tuple(map(summary, service.labs.values())))


@router.get("/labs/{lab}", summary="A lab's rubric", responses={**answered(LAB_RUBRIC), **problems(404, *KEYED)})
async def lab_rubric(
    lab: Annotated[str, Path(examples=["square"])],
    service: Served,
) -> LabRubric:
    return rubric(known_lab(service.labs, lab))


def known_lab(labs: LabRegistry, name: str) -> Lab:
    """Raises the 404 that lists those there are."""
    try:
        return labs[name]
    except KeyError:
        wrong = FieldProblem(field="lab", found=excerpt(name), expected=f"one of {', '.join(labs) or 'no lab'}")
        detail = "There is no lab of this name here; GET /labs lists those there are, or send the rubric itself."
        raise ProblemError(404, "unknown-lab", detail, [wrong]) from None
