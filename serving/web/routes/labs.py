"""A lab's submissions: filters in the URL, pages made by the server, and acceptance of many in one step."""

from datetime import timedelta

from fastapi import APIRouter, Request, Response

from labs_schema.limits import PageLimits
from serving.review.filters import Order, Show
from serving.review.items import ReviewCriterion, ReviewItem
from serving.review.labelling.proposed_grades import has_proposal
from serving.review.statistics import blind_agreement
from serving.review.steps import BULK, GROUP, active_steps, recorded_outcomes, undo_choices
from serving.store.grades.choices import Choice
from serving.store.grades.overrides import Action
from serving.store.grades.regrade_requests import RegradeRequests
from serving.web.form_posts import PageRoute, SentForm, sent_number, sent_request, text
from serving.web.rendering import new_request_id, page_of, redirect
from serving.web.review_state import BLIND, FormLab, LabPage, OpenLab, is_blind, lab_place, read_filter
from serving.web.sessions import cookie
from serving.web.team import tas_of
from serving.web.visitors import PageNumber, ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])
ROWS = PageLimits().listed_submissions


@router.get("/lab")
def lab(request: Request, opened: OpenLab, page: PageNumber = 1) -> Response:
    service, review, chosen = opened.service, opened.review, read_filter(request.query_params)
    items = opened.selection(chosen).items()
    agreed, decided_blind = blind_agreement(opened.visible)
    context = {
        "review": review,
        "tas": list(tas_of(service).values()),
        "second_open": sum(review.is_sealed(each, opened.actor) for each in review.items.values()),
        "chosen": chosen,
        "shows": Show,
        "orders": Order,
        "found": len(items),
        "hidden": opened.hidden,
        "requests": RegradeRequests(service.store.database).open_counts(review.course).get(review.lab, 0),
        "waiting": sum(each.waiting for each in review.items.values()),
        "decided": sum(each.decided for each in review.items.values()),
        "criteria": sum(len(each.criteria) for each in review.items.values()),
        "acceptable": _acceptable(opened),
        "bulks": active_steps(review, BULK),
        "agreed": agreed,
        "decided_blind": decided_blind,
        "blind": is_blind(request),
        "bulk_id": BULK + new_request_id(),
        "request_id": new_request_id(),
        "first": next(iter(items), None),
        "proposed": has_proposal(service.store, review.course, review.lab),
        "rateable": lab_place(service, review.lab) is not None,
    }
    return opened.render("lab.html", **context, **page_of(items, page, ROWS))


@router.post("/lab/accept")
def accept(opened: FormLab, form: SentForm) -> Response:
    """Accepts the ratings that the model's calibration accepted, as the page listed them."""
    bulk, seq = sent_request(form, prefix=BULK), sent_number(form, "seq")
    if not recorded_outcomes(opened.review, bulk, opened.actor):
        choices = [
            Choice(
                grade=item.grade,
                criterion=each.title,
                action=Action.ACCEPT,
                rating=each.rating,
                revision=item.revision(each),
            )
            for item, each in _acceptable(opened)
            if item.revision(each) <= seq
        ]
        if choices:
            opened.service.store.record_choices(choices, request=bulk, actor=opened.actor)
    return opened.redirect("/lab")


@router.post("/lab/undo")
def undo(opened: FormLab, form: SentForm) -> Response:
    """Takes an acceptance of many, or the rating of a group, back, except where someone has decided since."""
    step = text(form, "step")
    of_group = step.startswith(GROUP)
    if choices := undo_choices(opened.visible if of_group else opened.review, step):
        opened.service.store.record_choices(choices, request=text(form, "request"), actor=opened.actor)
    return opened.redirect("/lab/groups" if of_group else "/lab")


@router.post("/blind")
def blind(request: Request, form: SentForm) -> Response:
    """Hides the model's ratings from the visitor until they have chosen, or shows them again."""
    response = redirect(request, "/lab", course=text(form, "course"), lab=text(form, "lab"))
    wanted = "1" if text(form, "blind") == "1" else "0"
    framed, year = bool(request.state.session.frames), timedelta(days=365)
    header = cookie(BLIND, wanted, request.state.root or "/", year, secure=request.url.scheme == "https", framed=framed)
    response.headers.append("set-cookie", header)
    return response


def _acceptable(opened: LabPage) -> list[tuple[ReviewItem, ReviewCriterion]]:
    """The criteria that the calibration accepted and no person has decided, without those to be rated blind."""
    return [
        (item, each)
        for item in opened.review.items.values()
        for each in item.criteria
        if each.accepted and each.decision.rating is None and not opened.hidden(item, each)
    ]
