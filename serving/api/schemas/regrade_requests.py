"""Bodies about students' regrade requests."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from labs_schema.frozen import Frozen
from labs_schema.limits import RegradeRequestLimits
from labs_schema.observations import whole_number
from serving.api.schemas.parts import RequestPart, Title, check_unicode
from serving.store.grades.regrade_records import RegradeAnswer, RegradeRequest, RequestState, Resolution

LIMITS = RegradeRequestLimits()
Message = Annotated[str, Field(max_length=LIMITS.text_chars), AfterValidator(check_unicode)]


class RegradeRequestIn(RequestPart):
    """A student's objection to the rating of a criterion."""

    criterion: Title = Field(description="The criterion's title, as in the grade.")
    text: Annotated[Message, Field(min_length=1)] = Field(description="The student's reason.")


class RegradeAnswerIn(RequestPart):
    """A person's answer to a regrade request."""

    rating: Title | None = Field(
        default=None, description="The new rating, which grants the request; null declines it."
    )
    text: Message = Field(default="", description="The answer to the student.")


class RegradeAnswerRecord(Frozen):
    at: str = Field(description="UTC, ISO 8601.")
    by: str = Field(description="The name of the API key.")
    resolution: Resolution = Field(description="Whether the criterion got a new rating.")
    rating: str | None = Field(description="The new rating, null if the request was declined.")
    text: str = Field(description="The answer to the student.")


class RegradeRequestRecord(Frozen):
    """A regrade request with its answer."""

    id: str = Field(description="For `GET /regrade-requests/{regrade_id}`.")
    at: str = Field(description="UTC, ISO 8601.")
    by: str = Field(description="The name of the API key, or of the student's link.")
    grade_id: str = Field(description="For `GET /grades/{grade_id}`.")
    lab: str = Field(description="The lab of the grade.")
    student: str | None = Field(description="The student's id, null for anonymous work.")
    criterion: str = Field(description="The criterion's title.")
    rating: str | None = Field(description="The rating that the request is about, null if the criterion was ungraded.")
    text: str = Field(description="The student's reason.")
    state: RequestState = Field(description="`open` until it is answered.")
    answer: RegradeAnswerRecord | None = Field(description="Null while the request is open.")


class RegradeRequestList(Frozen):
    requests: tuple[RegradeRequestRecord, ...] = Field(description="Oldest first.")
    next: int | None = Field(description="The value of `after` for the next page, null after the last one.")


class StudentLinkIn(RequestPart):
    """`include_review` and `probabilities` need a key with the role ta."""

    days: Annotated[int, Field(strict=True, ge=1, le=LIMITS.link_days_max), BeforeValidator(whole_number)] = Field(
        default=LIMITS.link_days, description="How long it is valid."
    )
    include_review: bool = Field(
        default=False, strict=True, description="Also show ratings that a person should confirm."
    )
    probabilities: bool = Field(default=False, strict=True, description="Also show the model's probabilities.")


class StudentLinkOut(Frozen):
    path: str = Field(description="Add it to the service's address. Anyone who has it sees the feedback.")
    expires_at: str = Field(description="UTC, ISO 8601.")


def regrade_request_record(found: RegradeRequest, student: str | None) -> RegradeRequestRecord:
    """`student`: the real id; None for anonymous work."""
    names = ("id", "at", "lab", "criterion", "rating", "text")
    return RegradeRequestRecord(
        **found.model_dump(include=set(names)),
        by=found.actor,
        grade_id=found.grade,
        student=student,
        state=found.state,
        answer=_answer(found.answer) if found.answer else None,
    )


def _answer(given: RegradeAnswer) -> RegradeAnswerRecord:
    return RegradeAnswerRecord(**given.model_dump(include={"at", "resolution", "rating", "text"}), by=given.actor)
