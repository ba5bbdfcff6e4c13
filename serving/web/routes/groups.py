"""Groups of equal answers: a list, and a page that rates the members of one group in one step."""

import difflib
import re
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.datastructures import FormData

from labs_schema.limits import PageLimits
from serving.api.schemas.problems import ProblemError
from serving.api.service import Service
from serving.review.copies import AnswerGroup
from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.review.steps import GROUP, active_steps, recorded_outcomes
from serving.store.grades.choices import Choice
from serving.web.form_posts import PageRoute, SentForm, limited_text, sent_number, sent_request, text, wrong_form
from serving.web.rendering import new_request_id, page_of
from serving.web.review_state import FormLab, LabPage, OpenLab, review_state
from serving.web.shown import Shown
from serving.web.source_code import listings, visible
from serving.web.team import key_names
from serving.web.visitors import PageNumber, ta

router = APIRouter(route_class=PageRoute, dependencies=[ta])
LIMITS = PageLimits()
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
def groups(request: Request, opened: OpenLab, page: PageNumber = 1) -> Response:
    review = opened.visible
    found = review_state(request).copies.groups(review)
    context = {
        "found": found,
        "covered": sum(len(each.items) for each in found.groups),
        "submissions": len(review.items),
        "steps": active_steps(review, GROUP),
        "names": key_names(opened.service),
        "request_id": new_request_id(),
    }
    return opened.render("groups.html", **context, **page_of(found.groups, page, LIMITS.listed_submissions))


@router.get("/lab/groups/{grade_id}")
def group(opened: OpenLab, grade_id: str) -> Response:
    context = _context(opened, grade_id)
    if context is None:  # the group was left by its members, such as by a new submission
        return opened.redirect("/lab/groups")
    return opened.render("group.html", **context)


@router.post("/lab/groups/{grade_id}")
def rate(request: Request, opened: FormLab, grade_id: str, form: SentForm) -> Response:
    sent = _read(form, review_state(request).shown.read(text(form, "shown"), grade_id))
    review, store = opened.visible, opened.service.store
    outcomes = recorded_outcomes(review, sent.request, opened.actor)
    if not outcomes:
        outcomes = store.record_choices(_choices(review, sent), request=sent.request, actor=opened.actor)
    if conflicts := [each for each in outcomes if each.conflict]:
        items = review_state(request).index.lab(review.course, review.lab).visible_to(opened.actor).items
        both = [(items[each.record.grade], each) for each in conflicts if each.record.grade in items]
        names = key_names(opened.service)
        return opened.render(
            "group_conflict.html", 409, both=both, recorded=len(outcomes) - len(conflicts), names=names
        )
    response = opened.redirect(f"/lab/groups/{grade_id}")
    response.headers["Location"] += f"#c{sent.position}"
    return response


def _context(opened: LabPage, grade_id: str) -> dict[str, Any] | None:
    service, review, state = opened.service, opened.visible, review_state(opened.request)
    every = state.copies.groups(review).groups
    found = next((each for each in every if any(item.grade == grade_id for item in each.items)), None)
    if found is None:
        return None
    leader = found.leader
    submitted = service.store.read_submission(leader.grade)
    if submitted is None:
        return None
    rubric = review.rubrics[leader.rubric]
    same = [each for each in found.items if _fits(each, leader)]
    blind = tuple(
        position
        for position, _ in enumerate(leader.criteria)
        if any(opened.hidden(item, item.criteria[position]) for item in same)
    )
    return {
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
        "shown_token": state.shown.sign(grade_id, blind),
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
    act, seq = text(form, "act"), sent_number(form, "seq")
    comment = limited_text(form, "comment", LIMITS.comment_chars)
    members = frozenset(each[1] for name in form if (each := GRADE.fullmatch(name)))
    request = sent_request(form, act, seq, comment, sorted(members), prefix=GROUP)
    if (found := ACT.fullmatch(act)) is None:
        raise wrong_form()
    if shown is None or not 0 < len(members) <= LIMITS.group_members:
        raise ProblemError("invalid-request", "Select at least one submission of the group.")
    return Sent(request, seq, int(found[1]), int(found[2]), comment, members, shown)


def _choices(review: LabReview, sent: Sent) -> list[Choice]:
    """Raises ProblemError for an outdated form, and for a rating that the rubric does not have."""
    items = [item for item in review.items.values() if item.grade in sent.members]
    leader = review.items.get(sent.shown.grade)
    if leader is None or len(items) < len(sent.members) or not all(_fits(item, leader) for item in items):
        raise ProblemError("form-outdated", "A submission of the group was graded again since you opened the page.")
    criteria = review.rubrics[leader.rubric].criteria
    if sent.position >= len(criteria) or sent.rating >= len(criteria[sent.position].ratings):
        raise ProblemError("invalid-request", "The rubric has no such rating.")
    rating = criteria[sent.position].ratings[sent.rating].title
    return [_choice(item, sent, rating) for item in items]


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


def _fits(item: ReviewItem, leader: ReviewItem) -> bool:
    """Graded by the same version of the rubric: positions of criteria and ratings mean the same."""
    return item.rubric == leader.rubric


def _step_is_of(step: str, group: AnswerGroup) -> bool:
    return any(record.request == step for item in group.items for _, record in item.active)
