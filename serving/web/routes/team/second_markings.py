"""Second marking: a TA rates a submission without knowing any other rating; then both are shown."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from labs_schema.limits import PageLimits
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError, too_large
from serving.api.second_markings import SecondMarkingOpenError
from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.review.team.second_markings import comparisons
from serving.review.team.team import Marking, Team
from serving.store.errors import ForgottenError
from serving.web.form_posts import PageRoute, form_hash, read_form, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.review_state import find_submission, review_state
from serving.web.source_code import listings
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
Name = Annotated[str, Query(max_length=500)]
MOST = PageLimits().comment_chars


@router.get("/lab/second-markings")
async def second_markings(request: Request, caller: TaVisitor, course: Name, lab: Name) -> Response:
    context = await run_in_threadpool(_list, request, caller, course, lab)
    return render(request, "second_markings.html", course=course, lab=lab, **context)


@router.get("/second-markings/{grade_id}")
async def second_marking(request: Request, caller: TaVisitor, grade_id: str) -> Response:
    try:
        context = await run_in_threadpool(_page, request, caller, grade_id)
    except SecondMarkingOpenError as error:
        return redirect(request, f"/second-markings/{error.grade}")
    return render(request, "second_marking.html", chosen={}, comment="", missing=(), **context)


@router.post("/second-markings/{grade_id}")
async def rate(request: Request, caller: TaVisitor, grade_id: str) -> Response:
    """Records the ratings of all criteria together; a form without one of them is shown again."""
    form = await read_form(request)
    comment, rubric, request_id = text(form, "comment").strip(), text(form, "rubric"), text(form, "request")
    chosen = {name: text(form, name) for name in form if re.fullmatch(r"rating-\d{1,3}", name)}
    if not re.fullmatch(r"[\w-]{16,64}", request_id):
        raise ProblemError("invalid-request", "The form has an invalid value.")
    if len(comment) > MOST:
        raise too_large("comment", f"{len(comment)} characters", MOST, "characters")
    request_id = f"{request_id}-{form_hash(chosen, comment)}"
    missing = await run_in_threadpool(_rate, request, caller, grade_id, chosen, (comment, rubric, request_id))
    if missing:
        context = await run_in_threadpool(_page, request, caller, grade_id)
        return render(request, "second_marking.html", 422, chosen=chosen, comment=comment, missing=missing, **context)
    return redirect(request, f"/second-markings/{grade_id}")


def _list(request: Request, caller: Caller, course: str, lab: str) -> dict[str, Any]:
    service = course_service(request, course)
    review = review_state(request).index.lab(course, lab)
    mine = [item for item in review.items.values() if review.ta(item, Marking.SECOND) == caller.actor]
    left = [item for item in mine if review.second_rating(item, caller.actor) is None]
    visible = comparisons(review.visible_to(caller.actor))
    return {
        "items": review.items,
        "open": left,
        "done": len(mine) - len(left),
        "differences": [each for each in visible if not each.agrees],
        "compared": len(visible),
        "names": {each.id: each.name for each in service.store.list_keys()},
    }


def _page(request: Request, caller: Caller, grade_id: str) -> dict[str, Any]:
    """The code and the rubric only, until the visitor has rated; then both ratings."""
    review, item = _find(request, caller, grade_id)
    store = request.app.state.service.store
    submitted = store.read_submission(item.grade)
    if submitted is None:
        raise ForgottenError(f"The student of grade {grade_id} was forgotten.")
    rubric = review.rubrics[item.rubric]
    mine = review.second_rating(item, caller.actor)
    if mine and (equal := review.open_second_marking(item, caller.actor)):
        raise SecondMarkingOpenError(equal)
    return {
        "course": review.course,
        "lab": review.lab,
        "item": item,
        "files": listings(submitted.files, rubric.language),
        "criteria": rubric.criteria,
        "mine": mine,
        "first": [each.decision for each in item.criteria] if mine else [],
        "names": {each.id: each.name for each in store.list_keys()} if mine else {},
        "request_id": new_request_id(),
        "most": MOST,
    }


def _rate(
    request: Request, caller: Caller, grade_id: str, chosen: dict[str, str], given: tuple[str, str, str]
) -> tuple[str, ...]:
    """The titles of the criteria without a rating; nothing is recorded then."""
    (comment, rubric, request_id), (review, item) = given, _find(request, caller, grade_id)
    team = Team(request.app.state.service.store.database)
    if team.has_rated(request_id, caller.actor):
        return ()
    if rubric != item.rubric or item.grade != grade_id:
        raise ProblemError("form-outdated", "The submission was graded again since you opened the page.")
    criteria = review.rubrics[rubric].criteria
    ratings: dict[str, str] = {}
    for position, criterion in enumerate(criteria):
        titles = {str(number): rating.title for number, rating in enumerate(criterion.ratings)}
        if (title := titles.get(chosen.get(f"rating-{position}", ""))) is not None:
            ratings[criterion.title] = title
    if len(ratings) < len(criteria):
        return tuple(each.title for each in criteria if each.title not in ratings)
    if not team.rate(item.grade, ratings, comment, request=request_id, actor=caller.actor):
        raise ProblemError("second-marking-done", "You have already rated this submission as its second marker.")
    return ()


def _find(request: Request, caller: Caller, grade_id: str) -> tuple[LabReview, ReviewItem]:
    """Raises ProblemError unless the visitor is, or was, the second marker."""
    _, _, review, item = find_submission(request, grade_id, sealed=True)
    if review.ta(item, Marking.SECOND) != caller.actor and review.second_rating(item, caller.actor) is None:
        raise ProblemError("not-found", "You are not the second marker of this submission.")
    return review, item
