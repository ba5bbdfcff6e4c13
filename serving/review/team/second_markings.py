"""Second markings compared with the first decisions: the agreement of the TAs."""

from collections.abc import Iterator, Sequence

from labs_schema.frozen import Frozen
from serving.measures.inter_annotator import InterAnnotatorAgreement, Unit, inter_annotator_agreement
from serving.review.index import LabReview
from serving.review.items import ReviewItem
from serving.review.statistics import others_majority
from serving.review.team.team import Marking


class Comparison(Frozen):
    """A criterion that two people rated independently. `first` and `second` are the ids of their keys."""

    grade: str
    student: str
    criterion: str
    ratings: tuple[str, ...]
    first: str
    first_rating: str
    second: str
    second_rating: str

    @property
    def agrees(self) -> bool:
        return self.first_rating == self.second_rating


class TaAgreement(Frozen):
    """`figures`: None without a comparison. `majority`: how often the most frequent first rating of the criterion among
    the other submissions is the second marker's; None without another one. `left`: second markings to be done."""

    figures: InterAnnotatorAgreement | None
    majority: float | None
    left: int


def comparisons(review: LabReview) -> list[Comparison]:
    return [each for item in review.items.values() for each in _compared(review, item)]


def ta_agreement(review: LabReview, visitor: str = "") -> TaAgreement:
    """The agreement without the submissions that the TA `visitor` must still rate as second marker; `left` counts
    these."""
    found = comparisons(review.visible_to(visitor))
    left = sum(
        ta is not None and review.second_rating(item, ta) is None
        for item in review.items.values()
        for ta in [review.ta(item, Marking.SECOND)]
    )
    figures = inter_annotator_agreement([_unit(review.lab, each) for each in found], [])
    return TaAgreement(figures=figures, majority=_majority(found), left=left)


def _compared(review: LabReview, item: ReviewItem) -> Iterator[Comparison]:
    criteria = {each.title: each for each in review.rubrics[item.rubric].criteria}
    for second in review.second_ratings.get(item.owner, ()):
        if second.submission != item.submission:
            continue
        for each in item.criteria:
            deciding, ratings = each.decision.deciding, [r.title for r in criteria[each.title].ratings]
            given = second.ratings.get(each.title)
            if deciding and deciding.actor != second.actor and given in ratings and each.decision.rating in ratings:
                yield Comparison(
                    grade=item.grade,
                    student=item.owner,
                    criterion=each.title,
                    ratings=tuple(ratings),
                    first=deciding.actor,
                    first_rating=each.decision.rating or "",
                    second=second.actor,
                    second_rating=given or "",
                )


def _unit(lab: str, each: Comparison) -> Unit:
    given = {
        each.first: each.ratings.index(each.first_rating),
        each.second: each.ratings.index(each.second_rating),
    }
    return Unit(
        lab=lab, student=each.student, criterion=each.criterion, ratings=len(each.ratings), given=given, members=()
    )


def _majority(found: Sequence[Comparison]) -> float | None:
    others = others_majority([(each.criterion, each.first_rating) for each in found])
    right = [major == each.second_rating for each, major in zip(found, others, strict=True) if major is not None]
    return sum(right) / len(right) if right else None
