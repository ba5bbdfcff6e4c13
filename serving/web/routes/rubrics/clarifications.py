"""An answer to a doubt about the rubric: what it would change, applying it to the lab, and discarding it."""

from contextlib import nullcontext
from pathlib import Path

from fastapi import APIRouter, Request, Response

from labs_schema.files.edits import edit_lock
from labs_schema.hashes import rubric_hash
from labs_schema.limits import PageLimits
from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from labs_schema.rubrics.clarifying import add_clarification
from labs_schema.writing.lab_editor import save_texts
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.jobs.clarified import clarified, clarified_lab, complete, left_to_use
from serving.jobs.job import Progress, RequestedState, work_hash
from serving.review.changes import RatingChanges, by_student, current_ratings, rating_changes
from serving.review.index import LabReview
from serving.store.errors import UnknownError
from serving.store.grades.grades import StoredGrade
from serving.store.review.clarifications import Clarification, Clarifications, Event
from serving.web.form_posts import PageRoute
from serving.web.rendering import redirect
from serving.web.review_state import LabPage, review_state, served_lab
from serving.web.routes.lab_editor.lab_texts import lab_folder, saved_texts
from serving.web.routes.rubrics.changes import list_changes
from serving.web.visitors import TaVisitor, course_service, ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])
LIMITS = PageLimits()


@router.get("/clarifications/{clarification}")
def show(request: Request, clarification: str) -> Response:
    service, found = _read(request, clarification)
    review = review_state(request).index.lab(found.course, found.lab)
    opened, progress = LabPage(request, service, review), progress_of(service, found)
    proposed = [each for each in service.store.read_grades(found.job) if each.grade and each.by_model]
    can_apply, can_discard = _possible(request, service, found, progress)
    interrupted = can_apply and not can_discard
    if interrupted:
        left = left_to_use(service.store.database, found, served_lab(service, found.lab))
    elif found.last is Event.APPLIED:
        left = [each for each in service.store.read_grades(found.id) if each.grade]
    else:
        left = proposed
    changed = _changes(service, left if interrupted else proposed, review)
    context = {
        **list_changes(opened, changed, LIMITS.listed_submissions),
        "found": found,
        "progress": progress,
        "graded": progress is not None and _is_graded(progress),
        "can_apply": can_apply,
        "can_discard": can_discard,
        "interrupted": interrupted,
        "unchanged": len(proposed) - len(left),
        "effective": changed.effective,
        "elsewhere": sum(each.criterion != found.criterion for each in changed.effective),
        "stay": len(changed.changes) - len(changed.effective),
        "reads_text": _reads_text(proposed),
    }
    return opened.render("clarification.html", **context)


@router.post("/clarifications/{clarification}/start")
def start(request: Request, caller: TaVisitor, clarification: str) -> Response:
    """Creates the job if an interruption prevented it, and resumes one that failed."""
    service, found = _read(request, clarification)
    if progress_of(service, found) is None:
        start_grading(service, found, served_lab(service, found.lab), caller)
    else:
        service.start_job(service.jobs.request(found.job, RequestedState.RUN, actor=caller.actor))
    return redirect(request, f"/clarifications/{clarification}")


@router.post("/clarifications/{clarification}/apply")
def apply(request: Request, caller: TaVisitor, clarification: str) -> Response:
    """Adds the text to the rubric and puts the proposed grades in use. Sent again, it resumes."""
    service, found = _read(request, clarification)
    with edit_lock(lab_folder(service, found.lab)):
        found = Clarifications(service.store.database).read(found.id)  # someone else may have applied it since
        if found.last is not Event.APPLIED:
            _apply(request, service, found, caller.actor)
    return redirect(request, f"/clarifications/{clarification}")


@router.post("/clarifications/{clarification}/discard")
def discard(request: Request, caller: TaVisitor, clarification: str) -> Response:
    service, found = _read(request, clarification)
    clarifications, folder = Clarifications(service.store.database), service.course.labs.folders.get(found.lab)
    with edit_lock(folder) if folder else nullcontext():
        now = clarifications.read(found.id)
        if now.last is Event.APPLYING and _is_interrupted(served_lab(service, found.lab), now):
            raise ProblemError("proposal-outdated", "The text is in the rubric: apply the answer again to complete it.")
        if not clarifications.record(found.id, Event.DISCARDED, actor=caller.actor):
            raise ProblemError("proposal-outdated", "The answer was applied.")
    return redirect(request, f"/clarifications/{clarification}")


def start_grading(service: Service, clarification: Clarification, lab: Lab, caller: Caller) -> None:
    """Idempotent: the job's id is that of the clarification's record."""
    concerned = Clarifications(service.store.database).students(clarification)
    proposed = clarified_lab(lab, clarification, concerned).model_copy(update={"name": clarification.proposal})
    job = service.jobs.add(service.course.name, proposed, actor=caller.actor, job_id=clarification.job)
    service.start_job(job)


def progress_of(service: Service, found: Clarification) -> Progress | None:
    """None without a job: the service ended after the answer was recorded."""
    try:
        return service.jobs.progress(found.job)
    except UnknownError:
        return None


def _is_graded(progress: Progress) -> bool:
    return progress.job.finished_at is not None and progress.job.failure is None


def _reads_text(proposed: list[StoredGrade]) -> bool:
    """Whether the model that proposed the grades reads the rubric's text: a head was fitted to ratings."""
    return not any(each.grade and each.grade.provenance and each.grade.provenance.engine == "head" for each in proposed)


def _changes(service: Service, proposed: list[StoredGrade], review: LabReview) -> RatingChanges:
    named = [
        each.grade.model_copy(update={"student": student})
        for each in proposed
        if each.grade and (student := service.store.read_student(each.student).student)
    ]
    return rating_changes(current_ratings(review), by_student(named, {}))


def _apply(request: Request, service: Service, found: Clarification, actor: str) -> None:
    database, lab = service.store.database, served_lab(service, found.lab)
    if not _is_interrupted(lab, found):
        _check_unchanged(request, service, found, lab)
        if not Clarifications(database).record(found.id, Event.APPLYING, actor=actor):
            raise ProblemError("proposal-outdated", "The answer was discarded.")
        _write(service, lab, found)
    if not complete(database, found, served_lab(service, found.lab), actor=actor):
        raise ProblemError("proposal-outdated", "The answer was discarded.")


def _is_interrupted(lab: Lab, found: Clarification) -> bool:
    """Whether applying was interrupted after the text was written: then it can only be completed."""
    return found.last is Event.APPLYING and _is_in_rubric(lab, found)


def _check_unchanged(request: Request, service: Service, found: Clarification, lab: Lab) -> None:
    """Raises ProblemError unless everything that the proposal rests on is as it was."""
    progress = progress_of(service, found)
    if progress is None or not _is_graded(progress):
        raise ProblemError("proposal-outdated", "The submissions have not been graded with the new text yet.")
    if work_hash(_proposed(service, lab, found)) != progress.job.work or not _are_current(request, found):
        raise ProblemError("proposal-outdated", "The rubric or a submission has changed since. Answer again.")


def _proposed(service: Service, lab: Lab, found: Clarification) -> Lab:
    """Raises ProblemError if the rubric lost the criterion."""
    try:
        return clarified_lab(lab, found, Clarifications(service.store.database).students(found))
    except UnknownError:
        raise ProblemError("proposal-outdated", "The rubric no longer has the criterion.") from None


def _are_current(request: Request, found: Clarification) -> bool:
    items = review_state(request).index.lab(found.course, found.lab).items
    return all(each in items for each in found.grades)


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


def _possible(request: Request, service: Service, found: Clarification, progress: Progress | None) -> tuple[bool, bool]:
    """Whether the answer can be applied, and whether it can be discarded."""
    if found.last in (Event.APPLIED, Event.DISCARDED):
        return False, False
    if found.last is None and not (progress and _is_graded(progress)):
        return False, True  # without reading the lab: the page is reloaded while it is graded
    try:
        lab = served_lab(service, found.lab)
        if _is_interrupted(lab, found):
            return True, False
        _check_unchanged(request, service, found, lab)
    except ProblemError as error:
        unreadable = error.problem.code != "proposal-outdated"
        return False, not (unreadable and found.last is Event.APPLYING)
    return True, True


def _read(request: Request, clarification_id: str) -> tuple[Service, Clarification]:
    """Raises UnknownError, also for one of a course that the visitor may not see."""
    found = Clarifications(request.app.state.service.store.database).read(clarification_id)
    if request.state.caller.course not in (None, found.course):
        raise UnknownError(f"There is no clarification {clarification_id!r}.")
    return course_service(request, found.course), found
