"""Assignments of a lab: by hand, evenly, by filter, and a random sample for second marking."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.datastructures import FormData

from labs_schema.limits import PageLimits
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.review.filters import Order, Show
from serving.review.index import LabReview
from serving.review.team.sharing import evenly, second_markers, second_sample
from serving.review.team.team import Marking, NewAssignment, Team
from serving.web.form_posts import PageRoute, SentForm, sent_number, sent_request, text
from serving.web.rendering import new_request_id, page_of
from serving.web.review_state import FormLab, LabPage, OpenLab, form_filter, read_filter
from serving.web.team import key_names, tas_of
from serving.web.visitors import PageNumber, ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])
ROWS = PageLimits().listed_submissions
Count = Annotated[int, Query(ge=0, le=10**6)]


@router.get("/lab/assignments")
def assignments(
    request: Request, opened: OpenLab, page: PageNumber = 1, assigned_now: Count = 0, conflicts: Count = 0
) -> Response:
    chosen = read_filter({"show": Show.ALL, **request.query_params})
    review, items = opened.review, opened.selection(chosen).items()
    listed = page_of(items, page, ROWS)
    context = {
        "review": review,
        "chosen": chosen,
        "query": {"show": str(chosen.show)} | chosen.query,
        "found": len(items),
        "tas": [_ta(review, each.id, each.name) for each in tas_of(opened.service).values()],
        "names": key_names(opened.service),
        "second": sum(review.ta(item, Marking.SECOND) is not None for item in review.items.values()),
        "request_id": new_request_id(),
        "orders": Order,
        "done": assigned_now,
        "conflicts": conflicts,
        **listed,
        "rows": [(item, review.ta(item), review.ta(item, Marking.SECOND)) for item in listed["rows"]],
    }
    return opened.render("assignments.html", **context)


@router.post("/lab/assignments/first")
def assign(opened: FormLab, form: SentForm) -> Response:
    """Assigns the selected submissions, or all that match the filter, to the selected TAs in turn."""
    review = opened.review
    chosen, act, scope = form_filter(form), text(form, "act"), text(form, "scope")
    request_id = _sent(form, chosen.query, act, scope)
    if scope == "all":
        items = opened.selection(chosen).items()
    else:
        wanted = {name.removeprefix("grade-") for name in form if name.startswith("grade-")}
        items = [item for item in review.items.values() if item.grade in wanted]
    if act == "remove":
        given: dict[str, str | None] = dict.fromkeys(item.grade for item in items)
    else:
        given = {**evenly(review, items, _tas(opened.service, form))}
    counts = _record(opened, given, Marking.FIRST, sent_number(form, "seq"), request_id)
    return _listed(opened, *counts, **{"show": chosen.show.value, **chosen.query})


@router.post("/lab/assignments/second")
def sample(opened: FormLab, form: SentForm) -> Response:
    """Assigns a random sample to second markers. Submissions that have one keep it."""
    service, review = opened.service, opened.review
    request_id = _sent(form, text(form, "share"), text(form, "seed"))
    if done := Team(service.store.database).assigned_by(request_id):  # the sample now lacks those that it assigned
        return _listed(opened, done, 0)
    share = re.fullmatch(r"\s*(\d{1,3})(?:[.,](\d{1,2}))?\s*%?\s*", text(form, "share"))
    percent = float(f"{share[1]}.{share[2] or 0}") if share else 0.0
    if not 0 < percent <= 100:
        raise ProblemError("invalid-request", "The share must be a percentage above 0 and at most 100.")
    drawn = second_sample(review, percent / 100, text(form, "seed")[:200])
    given: dict[str, str | None] = {**second_markers(review, drawn, _tas(service, form))}
    counts = _record(opened, given, Marking.SECOND, sent_number(form, "seq"), request_id)
    return _listed(opened, *counts)


def _listed(opened: LabPage, done: int, conflicts: int, /, **query: object) -> Response:
    return opened.redirect("/lab/assignments", **query, assigned_now=done, conflicts=conflicts or None)


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


def _record(
    opened: LabPage, given: dict[str, str | None], marking: Marking, seq: int, request_id: str
) -> tuple[int, int]:
    """The numbers of submissions that were assigned, and of those that someone else has assigned since."""
    new = [NewAssignment(grade=grade, ta=ta, known=seq) for grade, ta in given.items()]
    conflicts = Team(opened.service.store.database).assign(new, marking, request=request_id, actor=opened.actor)
    return len(new) - len(conflicts), len(conflicts)


def _sent(form: FormData, *given: Any) -> str:
    """The request with what was chosen and `given`."""
    chosen = sorted(name for name in form if name.startswith(("grade-", "ta-")))
    return sent_request(form, sent_number(form, "seq"), chosen, *given)


def _tas(service: Service, form: FormData) -> list[str]:
    """The selected TAs. Raises ProblemError without one, or for a key that cannot review the course."""
    chosen = [name.removeprefix("ta-") for name in form if name.startswith("ta-")]
    if not chosen or not set(chosen) <= tas_of(service).keys():
        raise ProblemError("invalid-request", "Select at least one TA of the course.")
    return chosen
