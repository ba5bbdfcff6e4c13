"""Second marking: a TA rates a submission without knowing any other rating; then both are shown."""

import re
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from labs_schema.limits import PageLimits
from labs_schema.models import Criterion
from serving.api.schemas.problems import ProblemError
from serving.api.second_markings import SecondMarkingOpenError
from serving.review.items import ReviewItem
from serving.review.team.second_markings import comparisons
from serving.review.team.team import Marking, Team
from serving.store.errors import ForgottenError
from serving.web.form_posts import PageRoute, SentForm, limited_text, sent_request, text
from serving.web.rendering import new_request_id, redirect
from serving.web.review_state import LabPage, OpenLab, find_submission
from serving.web.source_code import listings
from serving.web.team import key_names
from serving.web.visitors import TaVisitor, ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])
MOST = PageLimits().comment_chars


@router.get("/lab/second-markings")
def second_markings(opened: OpenLab) -> Response:
    review, actor = opened.review, opened.actor
    mine = [item for item in review.items.values() if review.ta(item, Marking.SECOND) == actor]
    left = [item for item in mine if review.second_rating(item, actor) is None]
    visible = comparisons(opened.visible)
    context = {
        "items": review.items,
        "open": left,
        "done": len(mine) - len(left),
        "differences": [each for each in visible if not each.agrees],
        "compared": len(visible),
        "names": key_names(opened.service),
    }
    return opened.render("second_markings.html", **context)


@router.get("/second-markings/{grade_id}")
def second_marking(request: Request, _: TaVisitor, grade_id: str) -> Response:
    return _form(*_find(request, grade_id), chosen={}, comment="", missing=())


@router.post("/second-markings/{grade_id}")
def rate(request: Request, caller: TaVisitor, grade_id: str, form: SentForm) -> Response:
    """Records the ratings of all criteria together; a form without one of them is shown again."""
    comment = limited_text(form, "comment", MOST)
    chosen = {name: text(form, name) for name in form if re.fullmatch(r"rating-\d{1,3}", name)}
    request_id = sent_request(form, chosen, comment)
    opened, item = _find(request, grade_id)
    team = Team(request.app.state.service.store.database)
    if not team.has_rated(request_id, caller.actor):
        if text(form, "rubric") != item.rubric or item.grade != grade_id:
            raise ProblemError("form-outdated", "The submission was graded again since you opened the page.")
        criteria = opened.review.rubrics[item.rubric].criteria
        ratings = _ratings(criteria, chosen)
        if missing := tuple(each.title for each in criteria if each.title not in ratings):
            return _form(opened, item, 422, chosen=chosen, comment=comment, missing=missing)
        if not team.rate(item.grade, ratings, comment, request=request_id, actor=caller.actor):
            raise ProblemError("second-marking-done", "You have already rated this submission as its second marker.")
    return redirect(request, f"/second-markings/{grade_id}")


def _form(opened: LabPage, item: ReviewItem, status: int = 200, /, **sent: Any) -> Response:
    """The code and the rubric only, until the visitor has rated; then both ratings."""
    review, submitted = opened.review, opened.service.store.read_submission(item.grade)
    if submitted is None:
        raise ForgottenError(f"The student of grade {item.grade} was forgotten.")
    rubric = review.rubrics[item.rubric]
    mine = review.second_rating(item, opened.actor)
    if mine and (equal := review.open_second_marking(item, opened.actor)):
        raise SecondMarkingOpenError(equal)
    context = {
        "item": item,
        "files": listings(submitted.files, rubric.language),
        "criteria": rubric.criteria,
        "mine": mine,
        "first": [each.decision for each in item.criteria] if mine else [],
        "names": key_names(opened.service) if mine else {},
        "request_id": new_request_id(),
        "most": MOST,
    }
    return opened.render("second_marking.html", status, **sent, **context)


def _ratings(criteria: Sequence[Criterion], chosen: dict[str, str]) -> dict[str, str]:
    """Criterion title -> chosen rating, for the criteria that have one."""
    ratings = {}
    for position, criterion in enumerate(criteria):
        titles = {str(number): rating.title for number, rating in enumerate(criterion.ratings)}
        if (title := titles.get(chosen.get(f"rating-{position}", ""))) is not None:
            ratings[criterion.title] = title
    return ratings


def _find(request: Request, grade_id: str) -> tuple[LabPage, ReviewItem]:
    """Raises ProblemError unless the visitor is, or was, the second marker."""
    opened, _, item = find_submission(request, grade_id, sealed=True)
    review, actor = opened.review, opened.actor
    if review.ta(item, Marking.SECOND) != actor and review.second_rating(item, actor) is None:
        raise ProblemError("not-found", "You are not the second marker of this submission.")
    return opened, item
