"""Doubts about the rubric that several submissions raise, answered once: the answer is a proposal at first."""

from fastapi import APIRouter, Request, Response

from labs_schema.hashes import submission_hash
from labs_schema.limits import PageLimits
from serving.api.schemas.problems import ProblemError
from serving.review.doubts import Doubt, doubts
from serving.review.index import LabReview
from serving.store.review.clarifications import Clarifications
from serving.web.form_posts import PageRoute, SentForm, limited_text, sent_request, text
from serving.web.rendering import new_request_id, redirect
from serving.web.review_state import FormLab, LabPage, OpenLab, served_lab
from serving.web.routes.rubrics.clarifications import progress_of, start_grading
from serving.web.team import key_names
from serving.web.visitors import TaVisitor, ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])
LIMITS = PageLimits()


@router.get("/lab/doubts")
def list_doubts(opened: OpenLab) -> Response:
    service, review = opened.service, opened.review
    context = {
        "review": review,
        "doubts": doubts(service.store.database, review, opened.hidden),
        "searched": min(LIMITS.doubts_read, sum(item.waiting > 0 for item in review.items.values())),
        "undecided": {criterion.title: len(_undecided(review, criterion.title)) for criterion in review.criteria},
        "answered": Clarifications(service.store.database).of_lab(review.course, review.lab),
        "editable": review.lab in service.course.labs.folders,
        "names": key_names(service),
        "most": LIMITS.clarification_chars,
        "request_id": new_request_id(),
    }
    return opened.render("doubts.html", **context)


@router.post("/lab/doubts")
def answer(request: Request, caller: TaVisitor, opened: FormLab, form: SentForm) -> Response:
    """Starts to grade the concerned submissions by the rubric with the answer. Changes no grade."""
    doubt_id, scope = text(form, "doubt"), text(form, "scope")
    words = limited_text(form, "text", LIMITS.clarification_chars)
    request_id = sent_request(form, doubt_id, words, scope)
    if not words or scope not in ("these", "all"):
        raise ProblemError("invalid-request", "An answer must have a text.")
    service, review = opened.service, opened.review
    clarifications = Clarifications(service.store.database)
    found = clarifications.of_request(request_id)
    if found is None or not progress_of(service, found):
        doubt = _find(opened, doubt_id)
        concerned = _undecided(review, doubt.criterion) if scope == "all" else list(doubt.grades)
        lab = served_lab(service, review.lab)
        programs = {student: submission_hash(each) for each in lab.submissions for student in each.students}
        items = [review.items[each] for each in concerned]
        same = [each.grade for each in items if each.name and programs.get(each.name) == each.program]
        if not same:
            gone = "The graded files of these submissions are no longer in the lab's folder."
            raise ProblemError("lab-unreadable", gone)
        place = review.course, review.lab
        found = clarifications.add(place, doubt.criterion, words, same, request=request_id, actor=caller.actor)
        start_grading(service, found, lab, caller)
    return redirect(request, f"/clarifications/{found.id}")


def _undecided(review: LabReview, criterion: str) -> list[str]:
    """The ids of the model's grades on which no person has decided the criterion."""
    return [
        item.grade
        for item in review.items.values()
        if item.program and item.name
        for each in item.criteria
        if each.title == criterion and each.decision.rating is None
    ]


def _find(opened: LabPage, doubt_id: str) -> Doubt:
    """Raises ProblemError if the submissions no longer raise the doubt, such as after decisions."""
    every = doubts(opened.service.store.database, opened.review, opened.hidden)
    found = next((each for each in every if each.id == doubt_id), None)
    if found is None:
        raise ProblemError("form-outdated", "These submissions no longer raise the same question.")
    return found
