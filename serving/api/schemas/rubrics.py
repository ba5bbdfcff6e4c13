"""A rubric in a request, in Canvas's terms: criteria, ratings, id, description, points."""

from typing import Annotated, Any

from pydantic import BeforeValidator, FailFast, Field, model_validator

from labs_schema.decided_by import OutcomeRule
from labs_schema.models import Criterion, Rating, is_bonus_title
from labs_schema.rubrics.decision_rules import MAX_RULES
from labs_schema.rubrics.rubric_keys import NOT_READ, criterion_fields
from serving.api.schemas.parts import LIMITS, Description, RequestPart, Title, at_most, check_distinct


class RatingIn(RequestPart):
    """A rating of a criterion. Negative points are a deduction."""

    id: Title = Field(description="The rating's title, such as A; distinct in its criterion.")
    description: Description = Field(default="", description="When the rating applies.")
    points: float | None = Field(
        default=None,
        strict=True,
        ge=-1_000_000,
        le=1_000_000,
        allow_inf_nan=False,
        description="Leave out if the rubric has no points.",
    )


class CriterionIn(RequestPart):
    """1 to 26 ratings, in the rubric's order. A single one is completed by the rating `not met` with 0 points.

    The response repeats `id`, or the title if there is none. The keys may also be those of rubrics.json or of Canvas.
    """

    id: Title | None = Field(default=None, description="Repeated in the response. By default the title.")
    title: Title = Field(description="The criterion's title, distinct in the rubric.")
    description: Description = Field(default="", description="What the criterion asks.")
    bonus: bool = Field(default=False, strict=True, description="Its points add to the total, but not to the maximum.")
    ratings: Annotated[
        tuple[RatingIn, ...],
        FailFast(),
        Field(min_length=1, max_length=LIMITS.ratings, description="In the rubric's order."),
        BeforeValidator(at_most(LIMITS.ratings)),
    ]
    decided_by: Annotated[
        tuple[OutcomeRule, ...],
        FailFast(),
        Field(description="Rules by which `observations` decide the rating; the first that holds gives it."),
        BeforeValidator(at_most(MAX_RULES)),
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def accept_other_keys(cls, given: Any) -> Any:
        if not isinstance(given, dict) or len(given) > LIMITS.object_fields:
            return given
        long = any(isinstance(value, list) and len(value) > LIMITS.ratings for value in given.values())
        return given if long else _with_api_keys(given)

    @model_validator(mode="after")
    def ratings_differ(self) -> "CriterionIn":
        check_distinct("rating id", [rating.id for rating in self.ratings])
        return self

    @model_validator(mode="after")
    def rules_fit(self) -> "CriterionIn":
        known = [rating.id for rating in self.ratings]
        for rule in self.decided_by:
            if rule.rating not in known:
                raise ValueError(f"rules of decided_by with the id of a rating, not {rule.rating[:60]!r}")
        return self


def criterion_of(given: CriterionIn) -> Criterion:
    ratings = tuple(Rating(title=r.id, description=r.description, marks=r.points) for r in given.ratings)
    bonus = given.bonus or ("bonus" not in given.model_fields_set and is_bonus_title(given.title))
    criterion = Criterion(
        title=given.title,
        description=given.description,
        ratings=ratings,
        bonus=bonus,
        decided_by=given.decided_by,
    )
    return criterion.with_implied_rating()


def _with_api_keys(given: dict[str, Any]) -> dict[str, Any]:
    """A criterion with the keys of any spelling of rubrics (`rubric_keys`) as one with the keys of this API."""
    fields = {key: value for key, value in criterion_fields(given).items() if key not in NOT_READ}
    ratings = fields.get("ratings")
    if isinstance(ratings, list):
        fields["ratings"] = [_rating_keys(each) if isinstance(each, dict) else each for each in ratings]
    return fields


def _rating_keys(fields: dict[str, Any]) -> dict[str, Any]:
    fields = {key: value for key, value in fields.items() if key not in NOT_READ}
    return fields if "title" not in fields else fields | {"id": fields.pop("title")}
