"""Rating a new lab: one program after the other, the most informative first, while a head learns from the ratings.

The form of a program is that of its page (`choices`). `ReviewState.labelling` proposes programs and learns.
"""

from collections.abc import Iterable, Mapping
from threading import Lock
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from labs_schema.hashes import rubric_hash
from labs_schema.limits import PageLimits
from labs_schema.models import Lab, Submission
from serving.api.schemas.problems import ProblemError
from serving.api.second_markings import SecondMarkingOpenError
from serving.api.service import Service
from serving.jobs.in_process.ungraded_lab import add_ungraded
from serving.review.filters import Filter, Ratings
from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.review.labelling.labelling import MIN_PROGRAMS, TARGET, Labelling, LabelState, LabPlace, Stage, readiness
from serving.review.labelling.proposed_grades import has_proposal
from serving.web.charts import agreement_curve
from serving.web.form_posts import PageRoute, SentForm, text
from serving.web.rendering import redirect, render
from serving.web.review_state import LabPage, lab_place, review_state, served_lab
from serving.web.routes.submissions import submission_context
from serving.web.visitors import Name, TaVisitor, course_service, ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])
_starting = Lock()


@router.get("/lab/rate")
def rate(request: Request, caller: TaVisitor, course: Name, lab: Name, grade: Name = "", after: Name = "") -> Response:
    """Writes nothing. Without `grade` it leads to the program to rate next; `after`: another one than that."""
    service, labelling, place = _open(request, course, lab)
    shared = _progress(service, labelling, place)
    state: LabelState = shared["state"]
    review = review_state(request).index.lab(course, lab)
    if not labelling or state.stage is Stage.CLOSED or not review.items:
        return render(request, "rate_start.html", **shared, started=False, finished=False)
    rated = service.course.labs.ta_ratings(lab)
    if grade in review.items:
        if first := review.open_second_marking(review.items[grade], caller.actor):
            raise SecondMarkingOpenError(first)
        opened = LabPage(request, service, review)
        context = _program(opened, review.items[grade], state, rated)
        return opened.render("rate.html", **(shared | context))
    following = _next(review, state, rated, caller.actor, after)
    if following is None:
        finished = bool(state.versions) and not state.busy
        return render(request, "rate_start.html", **shared, started=True, finished=finished)
    return redirect(request, "/lab/rate", course=course, lab=lab, grade=following.grade)


@router.get("/lab/rate/progress")
def progress(request: Request, course: Name, lab: Name) -> Response:
    """The estimate and the state of the fit, as a part of the page."""
    return render(request, "rate_progress.html", **_progress(*_open(request, course, lab)))


@router.post("/lab/rate/start")
def start(request: Request, caller: TaVisitor, form: SentForm) -> Response:
    """Adds the lab's programs to the review, ungraded where no model has graded them, and opens a session."""
    service, labelling, place = _learning(request, form)
    lab = served_lab(service, place.lab)
    with _starting:  # two TAs at once add each program once
        review = review_state(request).index.lab(place.course, place.lab)
        folders = set(_without_grade(service, lab, review))
        add_ungraded(service.store, place.course, lab, folders, actor=caller.actor)
    labelling.refresh(place)
    return redirect(request, "/lab/rate", course=place.course, lab=place.lab)


@router.post("/lab/rate/rest")
def grade_rest(request: Request, caller: TaVisitor, form: SentForm) -> Response:
    """Grades the rest in the background; a person then sees the grades and puts them in use."""
    _, labelling, place = _learning(request, form)
    labelling.grade_rest(place, actor=caller.actor)
    return redirect(request, "/lab/rate", course=place.course, lab=place.lab)


def _program(opened: LabPage, item: ReviewItem, state: LabelState, rated: Ratings) -> dict[str, Any]:
    history = opened.service.store.read_history(item.grade)
    context = submission_context(opened, history, item, hidden=lambda *_: True)
    for each in context["criteria"]:
        each["unrated"] = each["review"].decision.rating is None
        each["in_files"] = rated.get(item.name or "", {}).get(each["criterion"].title)
    return {
        **context,
        "chosen": Filter(),
        "why": next((each for each in state.proposals if each.student == item.name), None),
        "complete": _is_complete(item, rated),
    }


def _next(review: LabReview, state: LabelState, rated: Ratings, actor: str, after: str) -> ReviewItem | None:
    """The most informative program that no one has rated or is rating; then what another TA left unfinished.

    All programs that are left are proposed after each fit, up to a number.
    """
    by_name = {item.name: item for item in review.items.values() if item.name}
    proposed = [by_name[each.student] for each in state.proposals if each.student in by_name]
    if after in [item.grade for item in proposed]:  # another one was requested: the following ones first
        position = [item.grade for item in proposed].index(after) + 1
        proposed = [*proposed[position:], *proposed[:position]]
    visible = (item for item in proposed if not review.is_sealed(item, actor))
    unrated = [item for item in visible if not _is_complete(item, rated) and item.grade != after]
    own = (item for item in unrated if not _others(item, actor))
    return next(own, None) or next(iter(unrated), None)


def _is_complete(item: ReviewItem, rated: Ratings) -> bool:
    given = rated.get(item.name or "", {})
    return all(each.decision.rating or each.title in given for each in item.criteria)


def _others(item: ReviewItem, actor: str) -> bool:
    return any(record.actor != actor for each in item.criteria for record in each.decision.active)


def _progress(service: Service, labelling: Labelling | None, place: LabPlace) -> dict[str, Any]:
    state = labelling.state(place) if labelling else LabelState()
    version = state.versions[-1] if state.versions else None
    estimates = [each.estimate for each in state.versions if each.estimate]
    return {
        "course": place.course,
        "lab": place.lab,
        "available": labelling is not None,
        "state": state,
        "version": version,
        "estimate": version.estimate if version else None,
        "curve": agreement_curve(estimates),
        "readiness": readiness(version.estimate if version else None),
        "min_programs": MIN_PROGRAMS,
        "target": TARGET,
        "proposed": has_proposal(service.store, place.course, place.lab),
        "poll_seconds": PageLimits().label_poll_seconds,
    }


def _open(request: Request, course: str, lab: str) -> tuple[Service, Labelling | None, LabPlace]:
    """Raises ProblemError for a lab without a folder."""
    service = course_service(request, course)
    place = lab_place(service, lab)
    if place is None:
        raise ProblemError("not-found", "This course has no lab with this name whose folder is on this machine.")
    return service, review_state(request).labelling, place


def _learning(request: Request, form: FormData) -> tuple[Service, Labelling, LabPlace]:
    """Raises ProblemError also if the service does not learn from ratings."""
    service, labelling, place = _open(request, text(form, "course"), text(form, "lab"))
    if labelling is None:
        raise ProblemError("invalid-request", "This service cannot learn from ratings.")
    return service, labelling, place


def _without_grade(service: Service, lab: Lab, review: LabReview) -> Iterable[str]:
    """The folders of the submissions without a grade. A model's grade stays, also one of earlier files or rubrics; an
    ungraded one of these is replaced."""
    items: Mapping[str, ReviewItem] = {item.name: item for item in review.items.values() if item.name}
    current = rubric_hash(lab)
    for submission in lab.submissions:
        known = [items[student] for student in submission.students if student in items]
        if len(known) < len(submission.students) or not all(
            each.program or (rubric_hash(review.rubrics[each.rubric]) == current and _is_of(service, each, submission))
            for each in known
        ):
            yield submission.folder
    yield from (each.folder for each in lab.unreadable if each.student not in items)


def _is_of(service: Service, item: ReviewItem, submission: Submission) -> bool:
    stored = service.store.read_submission(item.grade)
    return stored is not None and stored.files == submission.files
