"""Groups of equal answers: a list, and a page that rates the members of one group in one step."""

import difflib
import re
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from labs_schema.limits import PageLimits
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError, too_large
from serving.api.service import Service
from serving.review.copies import AnswerGroup
from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.review.steps import GROUP, active_steps, recorded_outcomes, undo_choices
from serving.store.grades.choices import Choice, Outcome
from serving.web.form_posts import PageRoute, form_hash, read_form, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.review_state import hidden_for, review_state
from serving.web.shown import Shown
from serving.web.source_code import listings, visible
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
LIMITS = PageLimits()
Name = Annotated[str, Query(max_length=500)]
PageNumber = Annotated[int, Query(ge=1, le=10**6)]
ACT = re.compile(r"rate-(\d{1,3})-(\d{1,2})")
GRADE = re.compile(r"member-([0-9a-f]{32})")


class Sent(NamedTuple):
    """The form of a group. `members`: ids of the grades that were left selected."""

    request: str
    seq: int
    position: int
    rating: int
    comment: str
    members: frozenset[str]
    shown: Shown


@router.get("/lab/groups")
async def groups(request: Request, caller: TaVisitor, course: Name, lab: Name, page: PageNumber = 1) -> Response:
    del caller
    return render(request, "groups.html", **await run_in_threadpool(_list, request, course, lab, page))


@router.post("/lab/groups/undo")
async def undo(request: Request, caller: TaVisitor) -> Response:
    """Takes a group's rating back, except where someone has decided since."""
    form = await read_form(request)
    course, lab, step, request_id = (text(form, name) for name in ("course", "lab", "step", "request"))
    await run_in_threadpool(_undo, request, caller, (course, lab), step, request_id)
    return redirect(request, "/lab/groups", course=course, lab=lab)


@router.get("/lab/groups/{grade_id}")
async def group(request: Request, caller: TaVisitor, grade_id: str, course: Name, lab: Name) -> Response:
    del caller
    context = await run_in_threadpool(_page, request, course, lab, grade_id)
    if context is None:  # the group was left by its members, such as by a new submission
        return redirect(request, "/lab/groups", course=course, lab=lab)
    return render(request, "group.html", **context)


@router.post("/lab/groups/{grade_id}")
async def rate(request: Request, caller: TaVisitor, grade_id: str) -> Response:
    form = await read_form(request)
    course, lab = text(form, "course"), text(form, "lab")
    sent = _read(form, review_state(request).shown.read(text(form, "shown"), grade_id))
    outcomes = await run_in_threadpool(_record, request, caller, (course, lab), sent)
    if conflicts := [each for each in outcomes if each.conflict]:
        context = await run_in_threadpool(_conflicts, request, course, lab, conflicts)
        recorded = len(outcomes) - len(conflicts)
        return render(request, "group_conflict.html", 409, course=course, lab=lab, recorded=recorded, **context)
    response = redirect(request, f"/lab/groups/{grade_id}", course=course, lab=lab)
    response.headers["Location"] += f"#c{sent.position}"
    return response


def _list(request: Request, course: str, lab: str, page: int) -> dict[str, Any]:
    service, review = _review(request, course, lab)
    found = review_state(request).copies.groups(review)
    rows = LIMITS.listed_submissions
    pages = max(1, -(-len(found.groups) // rows))
    page = min(page, pages)
    return {
        "course": course,
        "lab": lab,
        "rows": found.groups[(page - 1) * rows : page * rows],
        "found": found,
        "covered": sum(len(each.items) for each in found.groups),
        "submissions": len(review.items),
        "page": page,
        "pages": pages,
        "steps": active_steps(review, GROUP),
        "names": {each.id: each.name for each in service.store.list_keys()},
        "request_id": new_request_id(),
    }


def _page(request: Request, course: str, lab: str, grade_id: str) -> dict[str, Any] | None:
    service, review = _review(request, course, lab)
    found = next(
        (
            each
            for each in review_state(request).copies.groups(review).groups
            if any(item.grade == grade_id for item in each.items)
        ),
        None,
    )
    if found is None:
        return None
    leader = found.leader
    submitted = service.store.read_submission(leader.grade)
    if submitted is None:
        return None
    hide = hidden_for(request, review)
    rubric = review.rubrics[leader.rubric]
    same = [each for each in found.items if _fits(each, leader)]
    blind = tuple(
        position
        for position, _ in enumerate(leader.criteria)
        if any(hide(item, item.criteria[position]) for item in same)
    )
    return {
        "course": course,
        "lab": lab,
        "leader": leader,
        "group": found,
        "files": listings(submitted.files, rubric.language),
        "members": same[: LIMITS.group_members],
        "more": len(same) - LIMITS.group_members,
        "other_rubric": len(found.items) - len(same),
        "criteria": [_criterion(position, review, same, position in blind) for position in range(len(leader.criteria))],
        "blind": blind,
        "differences": _differences(service, found),
        "seq": review.seq,
        "shown_token": review_state(request).shown.sign(grade_id, blind),
        "request_id": GROUP + new_request_id(),
        "grade_id": grade_id,
        "steps": [each for each in active_steps(review, GROUP) if _step_is_of(each.request, found)],
        "undo_id": new_request_id(),
    }


def _criterion(position: int, review: LabReview, items: list[ReviewItem], hidden: bool) -> dict[str, Any]:
    """`counts`: rating -> decisions and proposals of the members."""
    criterion = review.rubrics[items[0].rubric].criteria[position]
    counts = {
        rating.title: (
            sum(item.criteria[position].decision.rating == rating.title for item in items),
            sum(
                item.criteria[position].decision.rating is None and item.criteria[position].rating == rating.title
                for item in items
            ),
        )
        for rating in criterion.ratings
    }
    return {"position": position, "criterion": criterion, "counts": counts, "hidden": hidden}


def _differences(service: Service, group: AnswerGroup) -> dict[str, list[str] | None]:
    """Grade id -> the lines that differ from the leader's, for the first of each other text; None if it is too long."""
    by_program = {item.program: item for item in reversed(group.items)}
    by_program.pop(group.leader.program)
    leader = _lines(service, group.leader)
    found: dict[str, list[str] | None] = {}
    for item in list(by_program.values())[::-1][: LIMITS.group_differences]:
        other = _lines(service, item)
        if max(len(leader), len(other)) > LIMITS.compared_lines:
            found[item.grade] = None
        else:
            found[item.grade] = [*difflib.unified_diff(leader, other, n=0, lineterm="")][2:]
    return found


def _lines(service: Service, item: ReviewItem) -> list[str]:
    submitted = service.store.read_submission(item.grade)
    files = submitted.files if submitted else ()
    return [visible(line) for file in files for line in (f"{file.path}:", *file.text.splitlines())]


def _read(form: FormData, shown: Shown | None) -> Sent:
    """Raises ProblemError for a form that the page did not make, or without a member."""
    act, request_id, seq, comment = (text(form, name) for name in ("act", "request", "seq", "comment"))
    found = ACT.fullmatch(act)
    members = frozenset(each[1] for name in form if (each := GRADE.fullmatch(name)))
    if not found or not re.fullmatch(rf"{GROUP}[\w-]{{16,64}}", request_id) or not re.fullmatch(r"\d{1,15}", seq):
        raise ProblemError("invalid-request", "The form has an invalid value.")
    if shown is None or not 0 < len(members) <= LIMITS.group_members:
        raise ProblemError("invalid-request", "Select at least one submission of the group.")
    if len(comment) > LIMITS.comment_chars:
        raise too_large("comment", f"{len(comment)} characters", LIMITS.comment_chars, "characters")
    request = f"{request_id}-{form_hash(act, seq, comment.strip(), sorted(members))}"
    return Sent(request, int(seq), int(found[1]), int(found[2]), comment.strip(), members, shown)


def _record(request: Request, caller: Caller, place: tuple[str, str], sent: Sent) -> list[Outcome]:
    service, review = _review(request, *place)
    if recorded := recorded_outcomes(review, sent.request, caller.actor):
        return recorded
    items = [item for item in review.items.values() if item.grade in sent.members]
    leader = next((item for item in review.items.values() if item.grade == sent.shown.grade), None)
    if leader is None or len(items) < len(sent.members) or not all(_fits(item, leader) for item in items):
        raise ProblemError("form-outdated", "A submission of the group was graded again since you opened the page.")
    criteria = review.rubrics[leader.rubric].criteria
    if sent.position >= len(criteria) or sent.rating >= len(criteria[sent.position].ratings):
        raise ProblemError("invalid-request", "The rubric has no such rating.")
    rating = criteria[sent.position].ratings[sent.rating].title
    choices = [_choice(item, sent, rating) for item in items]
    return service.store.record_choices(choices, request=sent.request, actor=caller.actor)


def _choice(item: ReviewItem, sent: Sent, rating: str) -> Choice:
    """A member that someone changed since the page was shown becomes a conflict: its revision is then another one."""
    each = item.criteria[sent.position]
    return Choice(
        grade=item.grade,
        criterion=each.title,
        rating=rating,
        comment=sent.comment or each.decision.comment,
        revision=min(item.revision(each), sent.seq),
        blind=sent.position in sent.shown.blind,
        shown_at=sent.shown.at,
    )


def _conflicts(request: Request, course: str, lab: str, conflicts: list[Outcome]) -> dict[str, Any]:
    service, review = _review(request, course, lab)
    names = {each.id: each.name for each in service.store.list_keys()}
    both = [(review.items[each.record.grade], each) for each in conflicts if each.record.grade in review.items]
    return {"both": both, "names": names}


def _undo(request: Request, caller: Caller, place: tuple[str, str], step: str, request_id: str) -> None:
    service, review = _review(request, *place)
    if step.startswith(GROUP) and (choices := undo_choices(review, step)):
        service.store.record_choices(choices, request=request_id, actor=caller.actor)


def _review(request: Request, course: str, lab: str) -> tuple[Service, LabReview]:
    """Without the submissions that the visitor is to rate as second marker."""
    service = course_service(request, course)
    review = review_state(request).index.lab(course, lab)
    if not review.items and lab not in service.course.labs:
        raise ProblemError("not-found", "This course has no lab with this name.")
    return service, review.visible_to(request.state.caller.actor)


def _fits(item: ReviewItem, leader: ReviewItem) -> bool:
    """Graded by the same version of the rubric: positions of criteria and ratings mean the same."""
    return item.rubric == leader.rubric


def _step_is_of(step: str, group: AnswerGroup) -> bool:
    records = (r for item in group.items for each in item.criteria for r in each.decision.active)
    return any(record.request == step for record in records)
