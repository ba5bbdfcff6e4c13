"""Second marking: a TA rates a submission without knowing any other rating; then both are shown."""

import re
from typing import Any

from fastapi import APIRouter, Request, Response

from labs_schema.limits import PageLimits
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError
from serving.api.second_markings import SecondMarkingOpenError
from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.review.team.second_markings import comparisons
from serving.review.team.team import Marking, Team
from serving.store.errors import ForgottenError
from serving.web.form_posts import PageRoute, SentForm, limited_text, sent_request, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.review_state import find_submission, open_lab
from serving.web.source_code import listings
from serving.web.team import key_names
from serving.web.visitors import Name, TaVisitor

router = APIRouter(route_class=PageRoute)
MOST = PageLimits().comment_chars


@router.get("/lab/second-markings")
def second_markings(request: Request, caller: TaVisitor, course: Name, lab: Name) -> Response:
    service, review = open_lab(request, course, lab)
    mine = [item for item in review.items.values() if review.ta(item, Marking.SECOND) == caller.actor]
    left = [item for item in mine if review.second_rating(item, caller.actor) is None]
    visible = comparisons(review.visible_to(caller.actor))
    context = {
        "items": review.items,
        "open": left,
        "done": len(mine) - len(left),
        "differences": [each for each in visible if not each.agrees],
        "compared": len(visible),
        "names": key_names(service),
    }
    return render(request, "second_markings.html", course=course, lab=lab, **context)


@router.get("/second-markings/{grade_id}")
def second_marking(request: Request, caller: TaVisitor, grade_id: str) -> Response:
    context = _context(request, caller, grade_id)
    return render(request, "second_marking.html", chosen={}, comment="", missing=(), **context)


@router.post("/second-markings/{grade_id}")
def rate(request: Request, caller: TaVisitor, grade_id: str, form: SentForm) -> Response:
    """Records the ratings of all criteria together; a form without one of them is shown again."""
    comment = limited_text(form, "comment", MOST)
    chosen = {name: text(form, name) for name in form if re.fullmatch(r"rating-\d{1,3}", name)}
    request_id = sent_request(form, chosen, comment)
    review, item = _find(request, caller, grade_id)
    team = Team(request.app.state.service.store.database)
    if not team.has_rated(request_id, caller.actor):
        if text(form, "rubric") != item.rubric or item.grade != grade_id:
            raise ProblemError("form-outdated", "The submission was graded again since you opened the page.")
        ratings = _ratings(review, item, chosen)
        missing = tuple(each.title for each in review.rubrics[item.rubric].criteria if each.title not in ratings)
        if missing:
            again = {"chosen": chosen, "comment": comment, "missing": missing}
            return render(request, "second_marking.html", 422, **again, **_context(request, caller, grade_id))
        if not team.rate(item.grade, ratings, comment, request=request_id, actor=caller.actor):
            raise ProblemError("second-marking-done", "You have already rated this submission as its second marker.")
    return redirect(request, f"/second-markings/{grade_id}")


def _context(request: Request, caller: Caller, grade_id: str) -> dict[str, Any]:
    """The code and the rubric only, until the visitor has rated; then both ratings."""
    review, item = _find(request, caller, grade_id)
    service = request.app.state.service
    submitted = service.store.read_submission(item.grade)
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
        "names": key_names(service) if mine else {},
        "request_id": new_request_id(),
        "most": MOST,
    }


def _ratings(review: LabReview, item: ReviewItem, chosen: dict[str, str]) -> dict[str, str]:
    """Criterion title -> chosen rating, for the criteria that have one."""
    ratings = {}
    for position, criterion in enumerate(review.rubrics[item.rubric].criteria):
        titles = {str(number): rating.title for number, rating in enumerate(criterion.ratings)}
        if (title := titles.get(chosen.get(f"rating-{position}", ""))) is not None:
            ratings[criterion.title] = title
    return ratings


def _find(request: Request, caller: Caller, grade_id: str) -> tuple[LabReview, ReviewItem]:
    """Raises ProblemError unless the visitor is, or was, the second marker."""
    _, _, review, item = find_submission(request, grade_id, sealed=True)
    if review.ta(item, Marking.SECOND) != caller.actor and review.second_rating(item, caller.actor) is None:
        raise ProblemError("not-found", "You are not the second marker of this submission.")
    return review, item
