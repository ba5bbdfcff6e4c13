"""Doubts about the rubric that several submissions raise, answered once: the answer is a proposal at first."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from labs_schema.hashes import submission_hash
from labs_schema.limits import PageLimits
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError, too_large
from serving.api.service import Service
from serving.review.doubts import Doubt, doubts
from serving.review.index import LabReview
from serving.store.review.clarifications import Clarifications
from serving.web.form_posts import PageRoute, form_hash, read_form, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.review_state import hidden_for, review_state
from serving.web.routes.rubrics.clarifications import progress_of, served_lab, start_grading
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
LIMITS = PageLimits()
Name = Annotated[str, Query(max_length=500)]


@router.get("/lab/doubts")
async def list_doubts(request: Request, caller: TaVisitor, course: Name, lab: Name) -> Response:
    del caller
    return render(request, "doubts.html", **await run_in_threadpool(_list, request, course, lab))


@router.post("/lab/doubts")
async def answer(request: Request, caller: TaVisitor) -> Response:
    """Starts to grade the concerned submissions by the rubric with the answer. Changes no grade."""
    form = await read_form(request)
    course, lab, doubt, words, request_id, scope = (
        text(form, name).strip() for name in ("course", "lab", "doubt", "text", "request", "scope")
    )
    if not words or not re.fullmatch(r"[\w-]{16,64}", request_id) or scope not in ("these", "all"):
        raise ProblemError("invalid-request", "An answer must have a text.")
    if len(words) > LIMITS.clarification_chars:
        raise too_large("text", f"{len(words)} characters", LIMITS.clarification_chars, "characters")
    given = (doubt, words, f"{request_id}-{form_hash(doubt, words, scope)}", scope)
    found = await run_in_threadpool(_answer, request, caller, (course, lab), given)
    return redirect(request, f"/clarifications/{found}")


def _list(request: Request, course: str, lab_name: str) -> dict[str, Any]:
    service = course_service(request, course)
    review = review_state(request).index.lab(course, lab_name)
    return {
        "course": course,
        "lab": lab_name,
        "review": review,
        "doubts": doubts(service.store.database, review, hidden_for(request, review)),
        "searched": min(LIMITS.doubts_read, sum(item.waiting > 0 for item in review.items.values())),
        "undecided": {criterion.title: len(_undecided(review, criterion.title)) for criterion in review.criteria},
        "answered": Clarifications(service.store.database).of_lab(course, lab_name),
        "editable": lab_name in service.course.labs.folders,
        "names": {each.id: each.name for each in service.store.list_keys()},
        "most": LIMITS.clarification_chars,
        "request_id": new_request_id(),
    }


def _undecided(review: LabReview, criterion: str) -> list[str]:
    """The ids of the model's grades on which no person has decided the criterion."""
    return [
        item.grade
        for item in review.items.values()
        if item.program and item.name
        for each in item.criteria
        if each.title == criterion and each.decision.rating is None
    ]


def _answer(request: Request, caller: Caller, place: tuple[str, str], given: tuple[str, str, str, str]) -> str:
    (course, lab_name), (doubt_id, words, request_id, scope) = place, given
    service = course_service(request, course)
    if (known := Clarifications(service.store.database).of_request(request_id)) and progress_of(service, known):
        return known.id
    review = review_state(request).index.lab(course, lab_name)
    found = _find(service, review, doubt_id, request)
    concerned = _undecided(review, found.criterion) if scope == "all" else list(found.grades)
    lab = served_lab(service, lab_name)
    programs = {student: submission_hash(each) for each in lab.submissions for student in each.students}
    items = [review.items[each] for each in concerned]
    same = [each.grade for each in items if each.name and programs.get(each.name) == each.program]
    if not same:
        raise ProblemError("lab-unreadable", "The graded files of these submissions are no longer in the lab's folder.")
    clarification = Clarifications(service.store.database).add(
        place, found.criterion, words, same, request=request_id, actor=caller.actor
    )
    start_grading(service, clarification, lab, caller)
    return clarification.id


def _find(service: Service, review: LabReview, doubt_id: str, request: Request) -> Doubt:
    """Raises ProblemError if the submissions no longer raise the doubt, such as after decisions."""
    every = doubts(service.store.database, review, hidden_for(request, review))
    found = next((each for each in every if each.id == doubt_id), None)
    if found is None:
        raise ProblemError("form-outdated", "These submissions no longer raise the same question.")
    return found
