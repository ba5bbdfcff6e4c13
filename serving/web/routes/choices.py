"""The form on the page of a submission: rate, accept, comment, undo.

The form has the revision of every criterion. All comments are sent with every action, so that none is lost. Sending a
form twice is harmless: a double click, a retry after a broken connection, the back button.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from labs_schema.limits import PageLimits
from labs_schema.models import Criterion
from serving.api.authorization import Caller
from serving.api.schemas.problems import ProblemError, too_large
from serving.review.filters import Filter
from serving.review.items import ReviewCriterion, ReviewItem, review_criteria
from serving.review.steps import recorded_outcomes
from serving.review.team.snippets import Snippet, Snippets
from serving.store.errors import ForgottenError
from serving.store.grades.choices import Choice, Outcome
from serving.store.grades.overrides import Action, History, StoredOverride, decision
from serving.web.form_posts import PageRoute, SentForm, sent_request, text, wrong_form
from serving.web.rendering import new_request_id, redirect
from serving.web.review_state import LabPage, find_submission, form_filter, learn_from, review_state
from serving.web.shown import Shown
from serving.web.team import key_names
from serving.web.visitors import TaVisitor

router = APIRouter(route_class=PageRoute)
ACT = re.compile(r"(rate)-(\d{1,3})-(\d{1,2})|(accept|undo|snippet)-(\d{1,3})|(comment|accept-all|undo-last)")


@dataclass(frozen=True)
class Sent:
    """A form. `position`: of the criterion that `act` is about, None for acts on the submission. `revisions` and
    `comments`: by position, for the criteria that the form has. `request`: the same if the same form is sent again, and
    another one if its page is used again for another choice."""

    act: str
    position: int | None
    rating: int | None
    request: str
    revisions: dict[int, int]
    comments: dict[int, str]
    snippet: str
    shown: Shown | None


@router.post("/grades/{grade_id}")
def choose(request: Request, caller: TaVisitor, grade_id: str, form: SentForm) -> Response:
    chosen = form_filter(form)
    sent = _read(form, review_state(request).shown.read(text(form, "shown"), grade_id))
    outcomes = _record(request, caller, grade_id, sent)
    if conflicts := [each for each in outcomes if each.conflict]:
        return _conflict(*find_submission(request, grade_id), conflicts, chosen)
    anchor = f"#c{sent.position}" if sent.position is not None else ""
    if text(form, "rate") == "1":  # the page on which a new lab is rated
        course, lab = text(form, "course"), text(form, "lab")
        response = redirect(request, "/lab/rate", course=course, lab=lab, grade=grade_id)
    else:
        response = redirect(request, f"/grades/{grade_id}", **chosen.query)
    response.headers["Location"] += anchor
    return response


def _read(form: FormData, shown: Shown | None) -> Sent:
    """Raises ProblemError for a form that the page did not make."""
    found = ACT.fullmatch(text(form, "act"))
    revisions = {int(name[9:]): int(text(form, name)) for name in form if _is_revision(name, text(form, name))}
    if found is None or not revisions or shown is None:
        raise wrong_form()
    comments = {each: text(form, f"comment-{each}").strip() for each in revisions if f"comment-{each}" in form}
    for comment in comments.values():
        _check_length(comment)
    position = found[2] or found[5]
    return Sent(
        act=found[1] or found[4] or found[6],
        position=int(position) if position else None,
        rating=int(found[3]) if found[3] else None,
        request=sent_request(form, text(form, "act"), text(form, f"snippet-{position}"), revisions, comments),
        revisions=revisions,
        comments=comments,
        snippet=text(form, f"snippet-{position}"),
        shown=shown,
    )


def _check_length(comment: str) -> None:
    if len(comment) > (most := PageLimits().comment_chars):
        raise too_large("comment", f"{len(comment)} characters", most, "characters")


def _is_revision(name: str, value: str) -> bool:
    return re.fullmatch(r"revision-\d{1,3}", name) is not None and re.fullmatch(r"\d{1,15}", value) is not None


def _record(request: Request, caller: Caller, grade_id: str, sent: Sent) -> list[Outcome]:
    opened, history, item = find_submission(request, grade_id)
    service = opened.service
    if item.grade != grade_id:  # regraded since: the form is about the grade that its page showed
        item = _as_shown(item, history)
    recorded = recorded_outcomes(opened.review, sent.request, caller.actor, history.grade.student)
    if mine := [each for each in recorded if each.record.grade == grade_id]:
        return mine
    if sent.act == "snippet":
        sent = _with_snippet(sent, Snippets(service.store.database).of(service.course.name, caller.actor))
    choices = _choices(sent, item, history, caller.actor)
    if not choices:
        return []
    members = {grade_id: service.jobs.group_grades(history.grade)}
    outcomes = service.store.record_choices(choices, members=members, request=sent.request, actor=caller.actor)
    learn_from(request, service, history.grade.lab)
    return outcomes


def _with_snippet(sent: Sent, snippets: Sequence[Snippet]) -> Sent:
    """The form with the chosen snippet at the end of the criterion's comment. Raises ProblemError."""
    found = next((each for each in snippets if each.id == sent.snippet), None)
    if found is None or sent.position is None:
        raise ProblemError("invalid-request", "Choose another snippet; this one may have been removed.")
    comment = f"{sent.comments.get(sent.position, '')}\n{found.text}".strip()
    _check_length(comment)
    return replace(sent, comments={**sent.comments, sent.position: comment})


def _as_shown(item: ReviewItem, history: History) -> ReviewItem:
    """The earlier grade with the revisions of now: a form about it is outdated."""
    if history.grade.grade is None:
        raise ForgottenError("The student was forgotten.")
    rubric = {each.title: each for each in history.lab.criteria}
    criteria = review_criteria(history.grade.grade.model_dump(mode="json"), rubric, history.decisions)
    return replace(item, grade=history.grade.id, criteria=criteria)


def _choices(sent: Sent, item: ReviewItem, history: History, actor: str) -> list[Choice]:
    """The choices of a form; also new comments on the criteria that its button is not about."""
    made: dict[int, Choice] = {}
    undone = _undone(sent, item, actor)
    for position, each in enumerate(item.criteria):
        if position not in sent.revisions:
            continue
        shown = _shown_comment(history, each.title, sent.revisions[position])
        comment = sent.comments.get(position, shown)
        titles = [rating.title for rating in history.lab.criteria[position].ratings]
        chosen = _chosen(sent, position, each, undone, titles)
        if chosen is None and comment != shown:
            chosen = {"action": Action.COMMENT}
        if chosen is not None:
            made[position] = Choice(
                grade=item.grade,
                criterion=each.title,
                comment=comment,
                revision=sent.revisions[position],
                blind=sent.shown is not None and position in sent.shown.blind,
                shown_at=sent.shown.at if sent.shown else None,
                **chosen,
            )
    if sent.position is not None and sent.position not in made:
        raise ProblemError("invalid-request", "The criterion does not allow this action.")
    return list(made.values())


def _shown_comment(history: History, criterion: str, revision: int) -> str:
    """The comment at a revision: another person's newer comment is not one that the visitor changed."""
    return decision(r for r in history.records if r.criterion == criterion and r.seq <= revision).comment


def _chosen(
    sent: Sent, position: int, criterion: ReviewCriterion, undone: dict[str, str], titles: list[str]
) -> dict[str, Any] | None:
    """Action and rating for a criterion, None if the form leaves it as it is."""
    mine, blind = sent.position == position, sent.shown is not None and position in sent.shown.blind
    if sent.act == "rate" and mine and sent.rating is not None and sent.rating < len(titles):
        return {"action": Action.RATE, "rating": titles[sent.rating]}
    accepts = (sent.act == "accept" and mine) or (sent.act == "accept-all" and criterion.decision.rating is None)
    if accepts and criterion.rating is not None and not blind:
        return {"action": Action.ACCEPT, "rating": criterion.rating}
    if criterion.title in undone:
        return {"action": Action.UNDO, "undone": undone[criterion.title]}
    return None


def _undone(sent: Sent, item: ReviewItem, actor: str) -> dict[str, str]:
    """Criterion title -> id of the record to take back: the criterion's last, or all of the visitor's last form. The id
    is empty if someone took it back after the page was opened: then the choice is a conflict."""
    if sent.act == "undo" and sent.position is not None and sent.position < len(item.criteria):
        each = item.criteria[sent.position]
        outdated = sent.revisions.get(sent.position) != item.revision(each)
        active = each.decision.active
        return {each.title: active[-1].id if active else ""} if active or outdated else {}
    if sent.act != "undo-last":
        return {}
    mine = [r for each in item.criteria for r in each.decision.active if r.actor == actor]
    last = max(mine, key=lambda each: each.seq).request if mine else None
    return {each.criterion: each.id for each in mine if each.request == last}


def _act(record: StoredOverride, position: int, criteria: Sequence[Criterion]) -> str | None:
    """The act that sends the visitor's version again; None without one, or if the rubric lost the rating."""
    titles = [each.title for each in criteria[position].ratings]
    if record.new is None:
        return "comment" if record.why and record.undone is None else None
    return f"rate-{position}-{titles.index(record.new)}" if record.new in titles else None


def _conflict(
    opened: LabPage, history: History, item: ReviewItem, conflicts: list[Outcome], chosen: Filter
) -> Response:
    """Both versions of each criterion, and the fields of a form that sends the visitor's again."""
    review = opened.review
    positions = {each.title: position for position, each in enumerate(item.criteria)}
    both = [
        {
            "position": positions[each.record.criterion],
            "review": item.criteria[positions[each.record.criterion]],
            "revision": item.revision(item.criteria[positions[each.record.criterion]]),
            "yours": each.record,
            "theirs": each.now,
            "act": _act(each.record, positions[each.record.criterion], review.rubrics[item.rubric].criteria),
        }
        for each in conflicts
        if each.record.criterion in positions
    ]
    context = {
        "item": item,
        "both": both,
        "regraded": item.grade != history.grade.id,
        "names": key_names(opened.service),
        "shown_token": review_state(opened.request).shown.sign(item.grade, ()),
        "request_id": new_request_id(),
        "chosen": chosen,
    }
    return opened.render("conflict.html", 409, **context)
