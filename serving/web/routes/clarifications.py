"""An answer to a doubt about the rubric: what it would change, applying it to the lab, and discarding it."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from labs_schema.errors import GraderError, InputError
from labs_schema.hashes import rubric_hash
from labs_schema.lab_editor import save_texts
from labs_schema.limits import PageLimits
from labs_schema.models import Lab
from labs_schema.reading.edits import edit_lock
from labs_schema.reading.validate import load_lab
from labs_schema.rubrics.clarifying import add_clarification
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.jobs.adoption import adopt
from serving.jobs.clarified import clarified, clarified_lab
from serving.jobs.job import Progress, RequestedState, work_hash
from serving.review.changes import RatingChanges, by_student, current_ratings, rating_changes
from serving.review.index import LabReview
from serving.store.clarifications import Clarification, Clarifications, Event
from serving.store.errors import UnknownError
from serving.store.grades import StoredGrade
from serving.web.form_posts import PageRoute
from serving.web.rendering import redirect, render
from serving.web.review_state import hidden_for, review_state
from serving.web.routes.lab_texts import lab_folder, saved_texts
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
LIMITS = PageLimits()
Name = Annotated[str, Query(max_length=500)]


@router.get("/clarifications/{clarification}")
async def show(request: Request, caller: TaVisitor, clarification: str) -> Response:
    del caller
    return render(request, "clarification.html", **await run_in_threadpool(_page, request, clarification))


@router.post("/clarifications/{clarification}/start")
async def start(request: Request, caller: TaVisitor, clarification: str) -> Response:
    """Creates the job if an interruption prevented it, and resumes one that failed."""
    await run_in_threadpool(_restart, request, caller, clarification)
    return redirect(request, f"/clarifications/{clarification}")


@router.post("/clarifications/{clarification}/apply")
async def apply(request: Request, caller: TaVisitor, clarification: str) -> Response:
    """Adds the text to the rubric and puts the proposed grades in use. Sent again, it resumes."""
    await run_in_threadpool(_apply, request, caller, clarification)
    return redirect(request, f"/clarifications/{clarification}")


@router.post("/clarifications/{clarification}/discard")
async def discard(request: Request, caller: TaVisitor, clarification: str) -> Response:
    await run_in_threadpool(_discard, request, caller, clarification)
    return redirect(request, f"/clarifications/{clarification}")


def start_grading(service: Service, clarification: Clarification, lab: Lab, caller: Caller) -> None:
    """Idempotent: the job's id is that of the clarification's record."""
    concerned = Clarifications(service.store.database).students(clarification)
    proposed = clarified_lab(lab, clarification, concerned).model_copy(update={"name": clarification.proposal})
    job = service.jobs.add(service.course.name, proposed, actor=caller.actor, job_id=clarification.job)
    service.start_job(job)


def _restart(request: Request, caller: Caller, clarification_id: str) -> None:
    service, found = _read(request, clarification_id)
    if progress_of(service, found) is None:
        start_grading(service, found, served_lab(service, found.lab), caller)
    else:
        service.start_job(service.jobs.request(found.job, RequestedState.RUN, actor=caller.actor))


def progress_of(service: Service, found: Clarification) -> Progress | None:
    """None without a job: the service ended after the answer was recorded."""
    try:
        return service.jobs.progress(found.job)
    except UnknownError:
        return None


def _page(request: Request, clarification_id: str) -> dict[str, Any]:
    service, found = _read(request, clarification_id)
    review = review_state(request).index.lab(found.course, found.lab)
    progress = progress_of(service, found)
    changed = _changes(service, found, review)
    hide = hidden_for(request, review)
    blind = {(item.name, each.title) for item in review.items.values() for each in item.criteria if hide(item, each)}
    effective = changed.effective
    shown = [each for each in effective if (each.student, each.criterion) not in blind]
    return {
        "course": found.course,
        "lab": found.lab,
        "found": found,
        "progress": progress,
        "graded": progress is not None and _is_graded(progress),
        "changed": changed,
        "effective": effective,
        "elsewhere": sum(each.criterion != found.criterion for each in effective),
        "stay": len(changed.changes) - len(effective),
        "shown": shown[: LIMITS.listed_submissions],
        "more": max(0, len(shown) - LIMITS.listed_submissions),
        "concealed": len(effective) - len(shown),
        "grades": {item.name: item.grade for item in review.items.values() if item.name},
        "reads_text": _reads_text(service, found),
        "names": {each.id: each.name for each in service.store.list_keys()},
    }


def _is_graded(progress: Progress) -> bool:
    return progress.job.finished_at is not None and progress.job.failure is None


def _reads_text(service: Service, found: Clarification) -> bool:
    """Whether the model that proposed the grades reads the rubric's text: a head was fitted to ratings."""
    proposed = service.store.read_grades(found.job)
    return not any(each.grade and each.grade.provenance and each.grade.provenance.engine == "head" for each in proposed)


def _changes(service: Service, found: Clarification, review: LabReview) -> RatingChanges:
    proposed = [
        each.grade.model_copy(update={"student": student})
        for each in service.store.read_grades(found.job)
        if each.grade and each.by_model and (student := service.store.read_student(each.student).student)
    ]
    return rating_changes(current_ratings(review), by_student(proposed, {}))


def _apply(request: Request, caller: Caller, clarification_id: str) -> None:
    service, found = _read(request, clarification_id)
    store, progress = service.store, progress_of(service, found)
    if found.last is Event.APPLIED:
        return
    if progress is None or not _is_graded(progress):
        raise ProblemError("proposal-outdated", "The submissions have not been graded by the new text yet.")
    with edit_lock(lab_folder(service, found.lab)):
        lab = served_lab(service, found.lab)
        proposed = _proposed(service, lab, found)
        if work_hash(proposed) != progress.job.work or not _are_current(request, found):
            raise ProblemError("proposal-outdated", "The rubric or a submission has changed since. Answer again.")
        if not Clarifications(store.database).record(found.id, Event.APPLYING, actor=caller.actor):
            raise ProblemError("proposal-outdated", "The answer was discarded.")
        _write(service, lab, found)
    graded = [each for each in store.read_grades(found.job) if each.grade and each.by_model]
    named = [each.grade.model_copy(update={"lab": found.lab}) for each in graded if each.grade]
    if named:
        try:
            adopt(
                store, found.course, _observed(service, proposed, graded), named, proposal=found.id, actor=caller.actor
            )
        except GraderError as error:
            if error.code != "job-locked":
                raise
            raise ProblemError("proposal-outdated", "Someone else is applying the answer.") from None
    Clarifications(store.database).record(found.id, Event.APPLIED, actor=caller.actor)


def _observed(service: Service, proposed: Lab, graded: list[StoredGrade]) -> Lab:
    """The lab with the outcomes that the proposed grades rest on: checks may have been run for them."""
    observed = {}
    for each in graded:
        submitted, student = service.store.read_submission(each.id), service.store.read_student(each.student).student
        if submitted is not None and student is not None:
            observed[student] = submitted.observations
    submissions = tuple(
        each.model_copy(update={"observations": observed[known[0]]})
        for each in proposed.submissions
        if (known := [student for student in each.students if student in observed])
    )
    return proposed.model_copy(update={"submissions": submissions})


def _proposed(service: Service, lab: Lab, found: Clarification) -> Lab:
    """Raises ProblemError if the rubric lost the criterion."""
    try:
        return clarified_lab(lab, found, Clarifications(service.store.database).students(found))
    except UnknownError:
        raise ProblemError("proposal-outdated", "The rubric no longer has the criterion.") from None


def _are_current(request: Request, found: Clarification) -> bool:
    """Whether every concerned grade is still current, or was replaced by this answer's own before an interruption."""
    items = review_state(request).index.lab(found.course, found.lab).items
    own = {item.student for item in items.values() if item.request == found.id}
    store = request.app.state.service.store
    missing = [each for each in found.grades if each not in items]
    return all(store.read_history(each).grade.student in own for each in missing)


def _write(service: Service, lab: Lab, found: Clarification) -> None:
    """Adds the text to the lab's rubric, unless it is there."""
    titles = [each.title for each in lab.criteria]
    if _is_in_rubric(lab, found):
        return
    folder = lab_folder(service, found.lab)
    texts = saved_texts(folder)
    try:
        rubric = add_clarification(texts.rubric, titles.index(found.criterion), found.text)
    except ValueError as error:
        raise ProblemError("rubric-not-editable", f"The rubric's file was not changed: {error}.") from None
    if save_texts(folder, texts.model_copy(update={"rubric": rubric})) or not _is_written(folder, lab, found):
        raise ProblemError("rubric-not-editable", "The lab would not be valid with the new text.")
    service.course.labs.add(folder)


def _is_in_rubric(lab: Lab, found: Clarification) -> bool:
    return any(each.title == found.criterion and found.text in each.clarifications for each in lab.criteria)


def _is_written(folder: Path, lab: Lab, found: Clarification) -> bool:
    wanted = lab.model_copy(update={"criteria": clarified(lab.criteria, found)})
    return rubric_hash(load_lab(folder)) == rubric_hash(wanted)


def _discard(request: Request, caller: Caller, clarification_id: str) -> None:
    service, found = _read(request, clarification_id)
    folder = service.course.labs.folders.get(found.lab)
    with edit_lock(folder) if folder else nullcontext():
        applying = Clarifications(service.store.database).read(found.id).last is Event.APPLYING
        if applying and _is_in_rubric(served_lab(service, found.lab), found):
            raise ProblemError("proposal-outdated", "The text is in the rubric: apply the answer again to complete it.")
        if not Clarifications(service.store.database).record(found.id, Event.DISCARDED, actor=caller.actor):
            raise ProblemError("proposal-outdated", "The answer was applied.")


def _read(request: Request, clarification_id: str) -> tuple[Service, Clarification]:
    """Raises UnknownError, also for one of a course that the visitor may not see."""
    found = Clarifications(request.app.state.service.store.database).read(clarification_id)
    if request.state.caller.course not in (None, found.course):
        raise UnknownError(f"There is no clarification {clarification_id!r}.")
    return course_service(request, found.course), found


def served_lab(service: Service, lab_name: str) -> Lab:
    """Raises ProblemError if it cannot be read."""
    try:
        return load_lab(lab_folder(service, lab_name))
    except (InputError, OSError):
        raise ProblemError("lab-unreadable", "The lab's folder cannot be read here. See grader check.") from None
