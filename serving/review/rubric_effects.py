"""The grades and decisions that a change of a rubric concerns, before it is saved."""

from collections.abc import Sequence

from labs_schema.frozen import Frozen
from labs_schema.models import Criterion
from serving.review.index import LabReview


class RubricEffects(Frozen):
    """`submissions`: those with a grade, each by an earlier version than the new one. `decisions`: people's ratings of
    them; `lost`: those whose criterion or rating the new version does not have.

    `added`, `removed` and `changed` are titles of criteria.
    """

    submissions: int
    decisions: int
    lost: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]

    @property
    def concerns_someone(self) -> bool:
        return bool(self.submissions and (self.added or self.removed or self.changed))


def rubric_effects(review: LabReview, old: Sequence[Criterion], new: Sequence[Criterion]) -> RubricEffects:
    """`old`: the saved rubric, `new`: the one to be saved."""
    before, after = ({each.title: each for each in criteria} for criteria in (old, new))
    ratings = {title: {each.title for each in criterion.ratings} for title, criterion in after.items()}
    decided = [
        (each.title, each.decision.rating)
        for item in review.items.values()
        for each in item.criteria
        if each.decision.rating is not None
    ]
    return RubricEffects(
        submissions=len(review.items),
        decisions=len(decided),
        lost=sum(rating not in ratings.get(title, ()) for title, rating in decided),
        added=tuple(title for title in after if title not in before),
        removed=tuple(title for title in before if title not in after),
        changed=tuple(title for title in after if title in before and after[title] != before[title]),
    )
