"""One submission: its code next to the rubric with the model's ratings, and the history of each criterion."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request, Response

from labs_schema.grades import CriterionGrade, total_marks
from labs_schema.limits import PageLimits
from labs_schema.models import Criterion, Lab, SourceFile, Submission
from labs_schema.observations import CheckResult, SubmissionObservations
from serving.feedback.feedback import tests_passed, texts_of
from serving.review.filters import Hidden
from serving.review.items import ReviewItem
from serving.review.team.snippets import Snippets
from serving.store.errors import ForgottenError
from serving.store.grades.overrides import History
from serving.web.form_posts import PageRoute
from serving.web.rendering import new_request_id, redirect
from serving.web.review_state import LabPage, find_submission, is_blind, read_filter, review_state
from serving.web.source_code import Listing, listings, with_line_links
from serving.web.team import key_names
from serving.web.visitors import TaVisitor

router = APIRouter(route_class=PageRoute)


@router.get("/grades/{grade_id}")
def submission(request: Request, _: TaVisitor, grade_id: str) -> Response:
    """Writes nothing: opening a page does not make anyone its grader."""
    chosen = read_filter(request.query_params)
    opened, history, item = find_submission(request, grade_id)
    if item.grade != grade_id:  # an old link: the current grade of the same student
        return redirect(request, f"/grades/{item.grade}", **chosen.query)
    before, after = opened.selection(chosen).neighbours(item)
    context = submission_context(opened, history, item, hidden=opened.hidden)
    return opened.render("submission.html", **context, chosen=chosen, before=before, after=after)


def submission_context(opened: LabPage, history: History, item: ReviewItem, *, hidden: Hidden) -> dict[str, Any]:
    """The context of `submission.html` for `item`, without its place in a list. `history`: of its grade. Blocks.

    Raises ForgottenError.
    """
    service, state = opened.service, review_state(opened.request)
    submitted = service.store.read_submission(item.grade)
    if submitted is None or history.grade.grade is None:
        raise ForgottenError(f"The student of grade {item.grade} was forgotten.")
    files, cut = _shown_part(submitted)
    shown = listings(files, history.lab.language)
    criteria = [
        _criterion(i, criterion, machine, item, history, shown, hidden(item, item.criteria[i]))
        for i, (criterion, machine) in enumerate(zip(history.lab.criteria, history.grade.grade.criteria, strict=True))
    ]
    blind = tuple(each["position"] for each in criteria if each["hidden"])
    return {
        "item": item,
        "files": shown,
        "cut": cut,
        "criteria": criteria,
        "tests": tests_passed(submitted.observations, visible=False),
        "failed": _failed(submitted.observations),
        "grade": history.grade,
        "language": history.lab.language,
        "total": None if blind else _total(history.lab, item),
        "members": len(service.jobs.group_grades(history.grade)),
        "proposals": sum(each["acceptable"] for each in criteria),
        "mine": any(record.actor == opened.actor for _, record in item.active),
        "names": key_names(service),
        "snippets": Snippets(service.store.database).of(service.course.name, opened.actor),
        "blind": is_blind(opened.request),
        "shown_token": state.shown.sign(item.grade, blind),
        "request_id": new_request_id(),
        "newer_rubric": item.rubric != opened.review.newest_rubric,
    }


def _criterion(
    position: int,
    criterion: Criterion,
    machine: CriterionGrade,
    item: ReviewItem,
    history: History,
    shown: Sequence[Listing],
    hidden: bool,
) -> dict[str, Any]:
    review = item.criteria[position]
    decided = review.decision
    return {
        "position": position,
        "criterion": criterion,
        "machine": machine,
        "review": review,
        "hidden": hidden,
        "unrated": False,
        "in_files": None,
        "acceptable": not hidden and machine.rating is not None and decided.rating is None,
        "revision": item.revision(review),
        "reasons": [reason.partition(": ")[::2] for reason in machine.review_reasons],
        "evidence": [with_line_links(str(each), shown) for each in machine.evidence],
        "reasoning": with_line_links(machine.reasoning or "", shown),
        "history": _history(criterion.title, history),
        "can_undo": bool(decided.active),
        "earlier": decided.deciding is not None and decided.deciding.grade != item.grade,
    }


def _failed(observations: SubmissionObservations | None) -> list[tuple[CheckResult, dict[str, str]]]:
    """The tests that did not pass, each with its texts: label -> text."""
    return [(each, texts_of(each)) for each in (observations.tests if observations else ()) if not each.passed]


def _history(criterion: str, history: History) -> list[dict[str, Any]]:
    """The history of a criterion, oldest first: machine grades and people's records on all grades of the work."""
    machine = [
        {
            "at": each.at,
            "kind": "machine",
            "rating": rating,
            "model": each.grade.provenance.base_model if each.grade.provenance else "",
        }
        for each in sorted((history.grade, *history.regrades), key=lambda each: each.seq)
        if each.grade is not None
        for rating in [next((c.rating for c in each.grade.criteria if c.criterion == criterion), None)]
    ]
    mine = (each for each in history.records if each.criterion == criterion)
    people = [{"at": each.at, "kind": each.action.value, "record": each} for each in mine]
    return sorted([*machine, *people], key=lambda each: str(each["at"]))


def _total(lab: Lab, item: ReviewItem) -> dict[str, float] | None:
    """Lowest, highest and greatest possible total of the current ratings; None if the rubric has no marks."""
    low, high, top = [], [], []
    for criterion, each in zip(lab.criteria, item.criteria, strict=True):
        if criterion.max_marks is None or criterion.min_marks is None:
            return None
        marks = criterion.rating(each.current).marks if each.current is not None else None
        low.append(criterion.min_marks if marks is None else marks)
        high.append(criterion.max_marks if marks is None else marks)
        top += [] if criterion.bonus else [criterion.max_marks]
    return {"low": total_marks(low), "high": total_marks(high), "top": total_marks(top)}


def _shown_part(submitted: Submission) -> tuple[list[SourceFile], bool]:
    """The files up to the limit of a page, and whether something was cut off."""
    left, files = PageLimits().shown_chars, []
    for file in submitted.files:
        files.append(file.model_copy(update={"text": file.text[:left]}))
        left -= len(files[-1].text)
    return files, sum(len(file.text) for file in submitted.files) > PageLimits().shown_chars
