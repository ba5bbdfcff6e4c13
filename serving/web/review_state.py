"""The state of the review pages, and what of it a visitor may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import ValidationError
from starlette.datastructures import FormData

from labs_schema.models import Lab
from serving.api.schemas.problems import ProblemError
from serving.api.second_markings import SecondMarkingOpenError
from serving.api.service import Service
from serving.review.copies import Copies
from serving.review.filters import Filter, Hidden, Selection, Show
from serving.review.index import LabReview, ReviewIndex
from serving.review.items import ReviewCriterion, ReviewItem, in_blind_sample
from serving.review.labelling.labelling import Labelling, LabPlace, Stage
from serving.store.errors import UnknownError
from serving.store.grades.overrides import Action, History
from serving.web.form_posts import SentForm, text
from serving.web.rendering import redirect, render
from serving.web.shown import ShownSigner
from serving.web.visitors import Name, TaVisitor, course_service

BLIND = "grader_blind"
"""Cookie of a visitor who wants to choose before seeing the model's ratings."""


@dataclass(frozen=True)
class ReviewState:
    """`blind_share`: part of the criteria whose rating is hidden until a person has chosen. `labelling`: learns from
    the ratings of new labs; None without it."""

    index: ReviewIndex
    copies: Copies
    shown: ShownSigner
    blind_share: float
    labelling: Labelling | None = None


def review_state(request: Request) -> ReviewState:
    state: ReviewState = request.app.state.review
    return state


def is_blind(request: Request) -> bool:
    """Whether the visitor hides all ratings of the machine."""
    return request.cookies.get(BLIND) == "1"


@dataclass(frozen=True)
class LabPage:
    """A lab on a page of a visitor. `review` also has the submissions whose ratings they must not see yet."""

    request: Request
    service: Service
    review: LabReview

    @property
    def actor(self) -> str:
        """The visitor, as the audit log names them."""
        actor: str = self.request.state.caller.actor
        return actor

    @property
    def visible(self) -> LabReview:
        """`review` without the submissions whose ratings the visitor may not see yet."""
        return self.review.visible_to(self.actor)

    @cached_property
    def hidden(self) -> Hidden:
        """The model's rating is hidden until a person has chosen, even if the choice was undone later; and all ratings
        from a second marker until they have rated."""
        review, share, every = self.review, review_state(self.request).blind_share, is_blind(self.request)
        actor = self.actor

        def hidden(item: ReviewItem, criterion: ReviewCriterion) -> bool:
            if review.is_sealed(item, actor):
                return True
            if not every and not in_blind_sample(item.student, review.lab, criterion.title, share):
                return False
            records = review.records.get((item.student, item.submission), ())
            chosen = (Action.RATE, Action.ACCEPT)
            return not any(each.criterion == criterion.title and each.action in chosen for each in records)

        return hidden

    def selection(self, chosen: Filter) -> Selection:
        rated = self.service.course.labs.ta_ratings(self.review.lab) if chosen.show is Show.DIFFERS else {}
        return Selection(self.review, chosen, self.hidden, rated, self.actor)

    def render(self, template: str, status: int = 200, /, **context: Any) -> Response:
        """`context` adds to the names of the course and the lab."""
        place = {"course": self.review.course, "lab": self.review.lab}
        return render(self.request, template, status, **(place | context))

    def redirect(self, path: str, **query: object) -> Response:
        """To a page of the lab."""
        return redirect(self.request, path, course=self.review.course, lab=self.review.lab, **query)


def read_filter(query: Mapping[str, str]) -> Filter:
    """The filter in a URL; the default where it has an unknown value."""
    given = {name: query[name] for name in Filter.model_fields if name in query}
    try:
        return Filter.model_validate(given)
    except ValidationError as error:
        wrong = {str(each["loc"][0]) for each in error.errors() if each["loc"]}
        return Filter.model_validate({name: value for name, value in given.items() if name not in wrong})


def form_filter(form: FormData) -> Filter:
    """The filter of the list from which a form was opened."""
    return read_filter({name: text(form, name) for name in Filter.model_fields if name in form})


def _open_lab(request: Request, _: TaVisitor, course: Name, lab: Name) -> LabPage:
    """A lab of a course that the visitor may see. Blocks. Raises ProblemError, also for a lab that does not exist."""
    service = course_service(request, course)
    review = review_state(request).index.lab(course, lab)
    if not review.items and lab not in service.course.labs:
        raise ProblemError("not-found", "This course has no lab with this name.")
    return LabPage(request, service, review)


def _form_lab(request: Request, caller: TaVisitor, form: SentForm) -> LabPage:
    return _open_lab(request, caller, text(form, "course"), text(form, "lab"))


OpenLab = Annotated[LabPage, Depends(_open_lab)]
"""The parameter of a route that gets the lab in its URL."""
FormLab = Annotated[LabPage, Depends(_form_lab)]
"""The parameter of a route that gets the lab that a form is about."""


def lab_place(service: Service, lab: str) -> LabPlace | None:
    """None for a lab without a folder on this machine."""
    folder = service.course.labs.folders.get(lab)
    return LabPlace(service.course.name, lab, folder) if folder else None


def served_lab(service: Service, lab: str) -> Lab:
    """Raises ProblemError if its folder cannot be read."""
    if (found := service.course.labs.load(lab)) is None:
        raise ProblemError("lab-unreadable", "The lab's folder cannot be read here. Run grader check.")
    return found


def learn_from(request: Request, service: Service, lab: str) -> None:
    """If the lab is being rated, a new version is fitted on its ratings. Does not wait for it."""
    labelling, place = review_state(request).labelling, lab_place(service, lab)
    if labelling and place and labelling.state(place).stage is not Stage.CLOSED:
        labelling.refresh(place)


def find_submission(request: Request, grade_id: str, *, sealed: bool = False) -> tuple[LabPage, History, ReviewItem]:
    """A grade's submission under its current grade. Blocks. `sealed`: also one of which the visitor is to be the second
    marker, whose other ratings must not be shown.

    Raises UnknownError for an unknown grade, or one of a course that the visitor may not see, ProblemError for a
    course that is no longer served.
    """
    store = request.app.state.service.store
    history = store.read_history(grade_id)
    owner = store.read_student(history.grade.student)
    if request.state.caller.course not in (None, owner.course):
        raise UnknownError(f"There is no grade {grade_id!r}.")
    service = course_service(request, owner.course)
    review = review_state(request).index.lab(owner.course, history.grade.lab)
    item = review.items.get(grade_id)
    if item is None:  # regraded or submitted again since, or forgotten
        same = [each for each in review.items.values() if each.student == history.grade.student]
        if len(same) != 1:
            raise UnknownError(f"There is no grade {grade_id!r}.")
        item = same[0]
    if not sealed and (first := review.open_second_marking(item, request.state.caller.actor)):
        raise SecondMarkingOpenError(first)
    return LabPage(request, service, review), history, item
