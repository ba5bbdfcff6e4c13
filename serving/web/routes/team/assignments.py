"""Assignments of a lab: by hand, evenly, by filter, and a random sample for second marking."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData

from labs_schema.limits import PageLimits
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.review.filters import Filter, Order, Show, selected
from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.review.team.sharing import evenly, second_markers, second_sample
from serving.review.team.team import Marking, NewAssignment, Team
from serving.web.form_posts import PageRoute, form_hash, read_form, text
from serving.web.rendering import new_request_id, redirect, render
from serving.web.review_state import hidden_for, read_filter, review_state, tas_ratings
from serving.web.team import tas_of
from serving.web.visitors import TaVisitor, course_service

router = APIRouter(route_class=PageRoute)
ROWS = PageLimits().listed_submissions
Name = Annotated[str, Query(max_length=500)]
Count = Annotated[int, Query(ge=0, le=10**6)]
REQUEST = re.compile(r"[\w-]{16,64}")


@router.get("/lab/assignments")
async def assignments(
    request: Request,
    caller: TaVisitor,
    course: Name,
    lab: Name,
    page: Annotated[int, Query(ge=1, le=10**6)] = 1,
    assigned_now: Count = 0,
    conflicts: Count = 0,
) -> Response:
    del caller
    chosen = read_filter({"show": Show.ALL, **request.query_params})
    context = await run_in_threadpool(_page, request, course, lab, chosen, page)
    return render(request, "assignments.html", done=assigned_now, conflicts=conflicts, **context)


@router.post("/lab/assignments/first")
async def assign(request: Request, caller: TaVisitor) -> Response:
    """Assigns the selected submissions, or all that match the filter, to the selected TAs in turn."""
    form = await read_form(request)
    course, lab = text(form, "course"), text(form, "lab")
    chosen = read_filter({name: text(form, name) for name in Filter.model_fields if name in form})
    done, conflicts = await run_in_threadpool(_assign, request, caller, (course, lab), chosen, form)
    query = {"show": chosen.show.value, **chosen.query, "assigned_now": done, "conflicts": conflicts or None}
    return redirect(request, "/lab/assignments", course=course, lab=lab, **query)


@router.post("/lab/assignments/second")
async def sample(request: Request, caller: TaVisitor) -> Response:
    """Assigns a random sample to second markers. Submissions that have one keep it."""
    form = await read_form(request)
    course, lab = text(form, "course"), text(form, "lab")
    done, conflicts = await run_in_threadpool(_sample, request, caller, (course, lab), form)
    return redirect(request, "/lab/assignments", course=course, lab=lab, assigned_now=done, conflicts=conflicts or None)


def _page(request: Request, course: str, lab: str, chosen: Filter, page: int) -> dict[str, Any]:
    service, review = _review(request, course, lab)
    items = _selected(request, service, review, chosen)
    pages = max(1, -(-len(items) // ROWS))
    page = min(page, pages)
    tas = tas_of(service)
    return {
        "course": course,
        "lab": lab,
        "review": review,
        "chosen": chosen,
        "query": {"show": str(chosen.show)} | chosen.query,
        "found": len(items),
        "rows": [(item, review.ta(item), review.ta(item, Marking.SECOND)) for item in _part(items, page)],
        "page": page,
        "pages": pages,
        "tas": [_ta(review, each.id, each.name) for each in tas.values()],
        "names": {each.id: each.name for each in service.store.list_keys()},
        "second": sum(review.ta(item, Marking.SECOND) is not None for item in review.items.values()),
        "hidden": hidden_for(request, review),
        "request_id": new_request_id(),
        "orders": Order,
    }


def _part(items: Sequence[ReviewItem], page: int) -> Sequence[ReviewItem]:
    return items[(page - 1) * ROWS : page * ROWS]


def _ta(review: LabReview, ta: str, name: str) -> dict[str, Any]:
    mine = [item for item in review.items.values() if review.ta(item) == ta]
    second = [item for item in review.items.values() if review.ta(item, Marking.SECOND) == ta]
    done = sum(review.second_rating(item, ta) is not None for item in second)
    return {
        "id": ta,
        "name": name,
        "assigned": len(mine),
        "waiting": sum(item.waiting > 0 for item in mine),
        "second": len(second),
        "second_done": done,
    }


def _assign(
    request: Request, caller: Caller, place: tuple[str, str], chosen: Filter, form: FormData
) -> tuple[int, int]:
    service, review = _review(request, *place)
    seq, request_id = _sent(form, chosen.query, text(form, "act"), text(form, "scope"))
    items = _selected(request, service, review, chosen)
    if text(form, "scope") != "all":
        wanted = {name.removeprefix("grade-") for name in form if name.startswith("grade-")}
        items = [item for item in review.items.values() if item.grade in wanted]
    if text(form, "act") == "remove":
        given: dict[str, str | None] = dict.fromkeys(item.grade for item in items)
    else:
        given = {**evenly(review, items, _tas(service, form))}
    return _record(service, given, Marking.FIRST, seq, request_id, caller)


def _sample(request: Request, caller: Caller, place: tuple[str, str], form: FormData) -> tuple[int, int]:
    service, review = _review(request, *place)
    seq, request_id = _sent(form, text(form, "share"), text(form, "seed"))
    if done := Team(service.store.database).assigned_by(request_id):  # the sample now lacks those that it assigned
        return done, 0
    share = re.fullmatch(r"\s*(\d{1,3})(?:[.,](\d{1,2}))?\s*%?\s*", text(form, "share"))
    percent = float(f"{share[1]}.{share[2] or 0}") if share else 0.0
    if not 0 < percent <= 100:
        raise ProblemError("invalid-request", "The share must be a percentage above 0 and at most 100.")
    drawn = second_sample(review, percent / 100, text(form, "seed")[:200])
    given: dict[str, str | None] = {**second_markers(review, drawn, _tas(service, form))}
    return _record(service, given, Marking.SECOND, seq, request_id, caller)


def _record(
    service: Service, given: dict[str, str | None], marking: Marking, seq: int, request_id: str, caller: Caller
) -> tuple[int, int]:
    """The numbers of submissions that were assigned, and of those that someone else assigned meanwhile."""
    new = [NewAssignment(grade=grade, ta=ta, known=seq) for grade, ta in given.items()]
    conflicts = Team(service.store.database).assign(new, marking, request=request_id, actor=caller.actor)
    return len(new) - len(conflicts), len(conflicts)


def _sent(form: FormData, *given: Any) -> tuple[int, str]:
    """The number of the last audit entry that the page showed, and the request with what was chosen and `given`."""
    seq, request_id = text(form, "seq"), text(form, "request")
    if not re.fullmatch(r"\d{1,15}", seq) or not REQUEST.fullmatch(request_id):
        raise ProblemError("invalid-request", "The form has an invalid value.")
    chosen = sorted(name for name in form if name.startswith(("grade-", "ta-")))
    return int(seq), f"{request_id}-{form_hash(seq, chosen, *given)}"


def _tas(service: Service, form: FormData) -> list[str]:
    """The selected TAs. Raises ProblemError without one, or for a key that cannot review the course."""
    chosen = [name.removeprefix("ta-") for name in form if name.startswith("ta-")]
    if not chosen or not set(chosen) <= tas_of(service).keys():
        raise ProblemError("invalid-request", "Select at least one TA of the course.")
    return chosen


def _selected(request: Request, service: Service, review: LabReview, chosen: Filter) -> list[ReviewItem]:
    rated = tas_ratings(request, service, review.lab) if chosen.show is Show.DIFFERS else None
    return selected(review, chosen, hidden_for(request, review), rated, request.state.caller.actor)


def _review(request: Request, course: str, lab: str) -> tuple[Service, LabReview]:
    service = course_service(request, course)
    review = review_state(request).index.lab(course, lab)
    if not review.items:
        raise ProblemError("not-found", "This course has no graded lab of this name.")
    return service, review
