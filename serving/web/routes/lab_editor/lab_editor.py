"""The lab editor: an admin changes statement, rubric and checks of a lab. A new rubric is a new version."""

from pathlib import Path
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response

from labs_schema.files.edits import edit_lock
from labs_schema.hashes import canonical_hash, rubric_hash
from labs_schema.models import Criterion
from labs_schema.writing.lab_editor import Checked, LabTexts, check_texts, save_texts
from serving.api.service import Service
from serving.review.index import LabReview
from serving.review.rubric_effects import RubricEffects, rubric_effects
from serving.web.form_posts import PageRoute, SentForm, text
from serving.web.rendering import redirect
from serving.web.review_state import review_state
from serving.web.routes.lab_editor.lab_texts import (
    FAULTLESS,
    given_texts,
    lab_folder,
    render_form,
    render_imported,
    saved_texts,
)
from serving.web.visitors import Name, admin, course_service

router = APIRouter(route_class=PageRoute, dependencies=[admin])
SAVED = "Saved. New grades use this version."


class Outcome(NamedTuple):
    """`theirs`: the texts that another person has saved since. `effects`: to be confirmed before the texts are saved.
    `saved` is true if they are."""

    checked: Checked
    theirs: LabTexts | None = None
    effects: RubricEffects | None = None
    saved: bool = False


@router.get("/lab/edit")
def edit(request: Request, course: Name, lab: Name, saved: bool = False) -> Response:
    return render_form(request, notice=SAVED if saved else "", **_shown(request, course, lab))


@router.post("/lab/edit")
def save(request: Request, form: SentForm) -> Response:
    """Faults, conflicts and effects show the form again with the visitor's texts."""
    course, lab, act = (text(form, name) for name in ("course", "lab", "act"))
    context = _shown(request, course, lab)
    mine = given_texts(form, context["texts"])
    context |= {"texts": mine, "revision": text(form, "revision")}
    if act == "import":
        return render_imported(request, form, **context)
    wanted = context["revision"], text(form, "confirmed"), act == "check"
    found = _save(request, course, lab, mine, wanted)
    if found.saved:
        return redirect(request, "/lab/edit", course=course, lab=lab, saved=True)
    if found.theirs:
        context["revision"] = found.theirs.revision
    notice = FAULTLESS if act == "check" and not found.checked.errors and not found.theirs else ""
    return render_form(
        request,
        **context,
        errors=found.checked.errors,
        warnings=found.checked.warnings,
        theirs=found.theirs,
        effects=found.effects,
        confirmed=_confirmation(mine) if found.effects and act != "check" else "",
        notice=notice,
    )


def _save(request: Request, course: str, lab: str, mine: LabTexts, wanted: tuple[str, str, bool]) -> Outcome:
    """Saves, unless there are faults, another person's changes, or effects that are not confirmed yet."""
    (revision, confirmed, dry), service = wanted, course_service(request, course)
    folder = lab_folder(service, lab)
    with edit_lock(folder):
        now, checked = saved_texts(folder), check_texts(mine, folder)
        if now.revision != revision and not dry:
            return Outcome(checked, theirs=now)
        if checked.errors:
            return Outcome(checked)
        effects = _effects(request, service, lab, checked.criteria or ())
        if dry or (effects.concerns_someone and confirmed != _confirmation(mine)):
            return Outcome(checked, effects=effects if effects.concerns_someone else None)
        save_texts(folder, mine)
        service.course.labs.add(folder)
    return Outcome(checked, saved=True)


def _confirmation(texts: LabTexts) -> str:
    """Identifies the rubric whose effects were shown."""
    return canonical_hash(texts.rubric)[:16]


def _effects(request: Request, service: Service, lab: str, new: tuple[Criterion, ...]) -> RubricEffects:
    registered = service.course.labs.get(lab)
    return rubric_effects(_review(request, service, lab), registered.criteria if registered else (), new)


def _review(request: Request, service: Service, lab: str) -> LabReview:
    return review_state(request).index.lab(service.course.name, lab)


def _shown(request: Request, course: str, lab: str) -> dict[str, Any]:
    """`earlier`: submissions graded by another version of the rubric than the current one."""
    service = course_service(request, course)
    folder: Path = lab_folder(service, lab)
    texts, registered, review = saved_texts(folder), service.course.labs.get(lab), _review(request, service, lab)
    current = rubric_hash(registered) if registered else ""
    versions = {version: rubric_hash(each) for version, each in review.rubrics.items()}
    earlier = sum(versions.get(each.rubric) != current for each in review.items.values())
    own = {"course": course, "lab": lab, "texts": texts, "revision": texts.revision}
    return {**own, "earlier": earlier, "graded": len(review.items)}
