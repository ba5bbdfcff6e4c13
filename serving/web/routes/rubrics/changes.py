"""Grades that another model proposes for a lab: what would change, putting them in use, and taking them back."""

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from labs_schema.errors import GraderError
from labs_schema.limits import PageLimits
from labs_schema.models import Lab
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.jobs.in_process.adoption import adopt, take_back
from serving.jobs.job import work_hash
from serving.review.changes import RatingChanges, by_student, current_ratings, rating_changes, visible_changes
from serving.review.index import LabReview
from serving.review.labelling.proposed_grades import ProposedGrades, read_proposal
from serving.web.form_posts import PageRoute, SentForm, text
from serving.web.rendering import redirect
from serving.web.review_state import LabPage, OpenLab, served_lab
from serving.web.team import key_names
from serving.web.visitors import TaVisitor, course_service, ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])
LISTED = PageLimits().listed_changes


@router.get("/lab/changes")
def changes(opened: OpenLab) -> Response:
    found = read_proposal(opened.service.store, opened.review.course, opened.review.lab)
    context = {} if found is None else _proposed(opened, found)
    return opened.render("changes.html", found=found, **context)


@router.post("/lab/changes")
def put_in_use(request: Request, caller: TaVisitor, form: SentForm) -> Response:
    """Stores the proposed grades, if the form is about the proposal that there is now."""
    service, found, lab = _confirmed(request, form)
    if work_hash(lab) != found.proposal.work:
        raise ProblemError("proposal-outdated", "The lab's rubric or its submissions have changed since.")
    try:
        adopt(service.store, service.course.name, lab, found.grades, proposal=found.proposal.id, actor=caller.actor)
    except GraderError as error:
        if error.code != "job-locked":
            raise
        raise ProblemError("proposal-outdated", "Someone else is applying these grades.") from None
    return redirect(request, "/lab", course=service.course.name, lab=text(form, "lab"))


@router.post("/lab/changes/undo")
def undo(request: Request, caller: TaVisitor, form: SentForm) -> Response:
    """Makes the grades before the proposal the current ones again. Newer grades and decisions stay."""
    service, found, lab = _confirmed(request, form)
    take_back(service.store, service.course.name, lab, proposal=found.proposal.id, actor=caller.actor)
    return redirect(request, "/lab/changes", course=service.course.name, lab=text(form, "lab"))


def _proposed(opened: LabPage, found: ProposedGrades) -> dict[str, Any]:
    review, proposal, lab = opened.review, found.proposal, opened.service.course.labs.load(opened.review.lab)
    changed = _changes(found, review, lab)
    return {
        **list_changes(opened, changed, LISTED),
        "proposal": proposal,
        "first": sum(each.before is None and each.now is not None for each in changed.effective),
        "lost": sum(each.now is None for each in changed.effective),
        "is_current": lab is not None and proposal.work == work_hash(lab),
        "in_use": any(item.request == proposal.id for item in review.items.values()),
        "taken_back": any(item.request == f"undo{proposal.id}" for item in review.items.values()),
    }


def list_changes(opened: LabPage, changed: RatingChanges, most: int) -> dict[str, Any]:
    """The context of a list with at most `most` changes, and of the links in it."""
    shown, concealed = visible_changes(changed, opened.review, opened.hidden)
    return {
        "changed": changed,
        "shown": shown[:most],
        "more": max(0, len(shown) - most),
        "concealed": concealed,
        "grades": {item.name: item.grade for item in opened.review.items.values() if item.name},
        "names": key_names(opened.service),
    }


def _changes(found: ProposedGrades, review: LabReview, lab: Lab | None) -> RatingChanges:
    members = {each.student: each.students for each in lab.submissions} if lab else {}
    return rating_changes(current_ratings(review), by_student(found.grades, members))


def _confirmed(request: Request, form: FormData) -> tuple[Service, ProposedGrades, Lab]:
    """Raises ProblemError if the form was about another proposal than there is now."""
    service, lab_name = course_service(request, text(form, "course")), text(form, "lab")
    found = read_proposal(service.store, service.course.name, lab_name)
    if found is None or found.proposal.id != text(form, "proposal") or not found.grades:
        raise ProblemError("proposal-outdated", "There is another proposal now, or none.")
    return service, found, served_lab(service, lab_name)
