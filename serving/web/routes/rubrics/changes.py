"""Grades that another model proposes for a lab: what would change, putting them in use, and taking them back."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from labs_schema.errors import GraderError, InputError
from labs_schema.limits import PageLimits
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.jobs.in_process.adoption import adopt, take_back
from serving.jobs.job import work_hash
from serving.review.changes import RatingChanges, by_student, current_ratings, rating_changes
from serving.review.filters import Hidden
from serving.review.index import LabReview
from serving.review.labelling.proposed_grades import ProposedGrades, read_proposal
from serving.web.form_posts import PageRoute, read_form, text
from serving.web.rendering import redirect, render
from serving.web.review_state import hidden_for, lab_place, review_state
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
Name = Annotated[str, Query(max_length=500)]
LISTED = PageLimits().listed_changes


@router.get("/lab/changes")
async def changes(request: Request, caller: TaVisitor, course: Name, lab: Name) -> Response:
    del caller
    return render(request, "changes.html", **await run_in_threadpool(_page, request, course, lab))


@router.post("/lab/changes")
async def put_in_use(request: Request, caller: TaVisitor) -> Response:
    """Stores the proposed grades, if the form is about the proposal that there is now."""
    form = await read_form(request)
    course, lab, proposal = (text(form, name) for name in ("course", "lab", "proposal"))
    await run_in_threadpool(_adopt, request, caller, course, lab, proposal)
    return redirect(request, "/lab", course=course, lab=lab)


@router.post("/lab/changes/undo")
async def undo(request: Request, caller: TaVisitor) -> Response:
    """Makes the grades before the proposal the current ones again. Newer grades and decisions stay."""
    form = await read_form(request)
    course, lab, proposal = (text(form, name) for name in ("course", "lab", "proposal"))
    await run_in_threadpool(_take_back, request, caller, course, lab, proposal)
    return redirect(request, "/lab/changes", course=course, lab=lab)


def _page(request: Request, course: str, lab_name: str) -> dict[str, Any]:
    service = course_service(request, course)
    review = review_state(request).index.lab(service.course.name, lab_name)
    found = read_proposal(service.store, service.course.name, lab_name)
    shared: dict[str, Any] = {"course": service.course.name, "lab": lab_name, "found": found}
    if found is None:
        return shared
    current = found.proposal.work == _work(service, lab_name)
    changed = _changes(found, review, service, lab_name)
    shown, concealed = _visible(changed, review, hidden_for(request, review))
    grades = {item.name: item.grade for item in review.items.values() if item.name}
    return {
        **shared,
        "proposal": found.proposal,
        "changed": changed,
        "shown": shown[:LISTED],
        "more": max(0, len(shown) - LISTED),
        "concealed": concealed,
        "first": sum(each.before is None and each.now is not None for each in changed.effective),
        "lost": sum(each.now is None for each in changed.effective),
        "grades": grades,
        "names": {each.id: each.name for each in service.store.list_keys()},
        "is_current": current,
        "in_use": any(item.request == found.proposal.id for item in review.items.values()),
        "taken_back": any(item.request == f"undo{found.proposal.id}" for item in review.items.values()),
    }


def _changes(found: ProposedGrades, review: LabReview, service: Service, lab_name: str) -> RatingChanges:
    lab = _lab(service, lab_name)
    members = {each.student: each.students for each in lab.submissions} if lab else {}
    return rating_changes(current_ratings(review), by_student(found.grades, members))


def _visible(changed: RatingChanges, review: LabReview, hidden: Hidden) -> tuple[list[Any], int]:
    """The changes that take effect, without those of criteria that the visitor is to rate blind; and their number."""
    blind = {(item.name, each.title) for item in review.items.values() for each in item.criteria if hidden(item, each)}
    shown = [each for each in changed.effective if (each.student, each.criterion) not in blind]
    return shown, len(changed.effective) - len(shown)


def _adopt(request: Request, caller: Caller, course: str, lab_name: str, proposal: str) -> None:
    service, found, lab = _confirmed(request, course, lab_name, proposal)
    if work_hash(lab) != found.proposal.work:
        raise ProblemError("proposal-outdated", "The lab's rubric or its submissions have changed since.")
    try:
        adopt(service.store, service.course.name, lab, found.grades, proposal=proposal, actor=caller.actor)
    except GraderError as error:
        if error.code != "job-locked":
            raise
        raise ProblemError("proposal-outdated", "Someone else is applying these grades.") from None


def _take_back(request: Request, caller: Caller, course: str, lab_name: str, proposal: str) -> None:
    service, _, lab = _confirmed(request, course, lab_name, proposal)
    take_back(service.store, service.course.name, lab, proposal=proposal, actor=caller.actor)


def _confirmed(request: Request, course: str, lab_name: str, proposal: str) -> tuple[Service, ProposedGrades, Lab]:
    """Raises ProblemError if the form was about another proposal than there is now."""
    service = course_service(request, course)
    found = read_proposal(service.store, service.course.name, lab_name)
    if found is None or found.proposal.id != proposal or not found.grades:
        raise ProblemError("proposal-outdated", "There is another proposal now, or none.")
    lab = _lab(service, lab_name)
    if lab is None:
        raise ProblemError("lab-unreadable", "The lab's folder can no longer be read. Run grader check.")
    return service, found, lab


def _work(service: Service, lab_name: str) -> str | None:
    lab = _lab(service, lab_name)
    return work_hash(lab) if lab else None


def _lab(service: Service, lab_name: str) -> Lab | None:
    place = lab_place(service, lab_name)
    try:
        return load_lab(place.folder) if place else None
    except (InputError, OSError):
        return None
