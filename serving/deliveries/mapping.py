"""The mapping of a lab's rubric to a platform's: criterion by criterion, rating by level."""

import unicodedata
from collections.abc import Sequence

from labs_schema.frozen import Frozen
from labs_schema.models import Criterion
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import PlatformCriterion, PlatformLevel, PlatformRubric, same_number
from serving.store.platforms.deliveries import Deliveries, StoredMapping
from serving.store.store import Store


class CriterionMapping(Frozen):
    """`levels`: rating title -> the platform's level id."""

    criterion: str
    levels: dict[str, str]


class RubricMapping(Frozen):
    """Criterion title -> the platform's criterion and levels."""

    criteria: dict[str, CriterionMapping]


class MappingReport(Frozen):
    """`unmapped`: criteria and ratings of the lab without a counterpart, each with the reason.

    `unused`: criteria of the platform that no criterion of the lab is. `stored`: a stored mapping is used.
    """

    mapping: RubricMapping
    unmapped: tuple[str, ...]
    unused: tuple[str, ...]
    stored: bool = False


def find_mapping(
    store: Store, target: str, lab: str, criteria: Sequence[Criterion], rubric: PlatformRubric, *, remap: bool = False
) -> MappingReport:
    """The stored mapping, or one proposed by equal titles. `remap` ignores the stored one.

    Raises DeliveryError `platform-rubric-changed` if the platform's rubric is not the one of the stored mapping.
    """
    stored = None if remap else Deliveries(store.database).mapping(target, lab)
    if stored is None:
        return propose_mapping(criteria, rubric)
    if stored.fingerprint != rubric.fingerprint:
        raise DeliveryError(
            "platform-rubric-changed", "The platform's rubric has changed since grades were first sent to it."
        )
    mapping = RubricMapping.model_validate(stored.document)
    missing = tuple(
        f"{each.title}: {rating.title}"
        for each in criteria
        for rating in each.ratings
        if each.title not in mapping.criteria or rating.title not in mapping.criteria[each.title].levels
    )
    return MappingReport(mapping=mapping, unmapped=missing, unused=_unused(mapping, rubric), stored=True)


def store_mapping(
    store: Store, target: str, lab: str, report: MappingReport, rubric: PlatformRubric, actor: str
) -> None:
    """Stores a complete mapping that is not stored yet. Raises DeliveryError `platform-rubric-unmapped`."""
    if report.unmapped or report.unused:
        raise DeliveryError("platform-rubric-unmapped", unmapped_text(report))
    if not report.stored:
        document = report.mapping.model_dump(mode="json")
        found = StoredMapping(target=target, lab=lab, fingerprint=rubric.fingerprint, document=document)
        Deliveries(store.database).record_mapping(found, actor=actor)


def unmapped_text(report: MappingReport) -> str:
    """The reasons why a mapping is not complete."""
    ours = [f"not on the platform: {each}" for each in report.unmapped]
    return "; ".join(ours + [f"only on the platform: {each}" for each in report.unused])


def propose_mapping(criteria: Sequence[Criterion], rubric: PlatformRubric) -> MappingReport:
    """Maps equal titles, apart from case and whitespace; levels also by points, if all of these differ."""
    by_title = _unique({each.id: each.title for each in rubric.criteria})
    by_id = {each.id: each for each in rubric.criteria}
    found: dict[str, CriterionMapping] = {}
    unmapped: list[str] = []
    for each in criteria:
        theirs = by_title.get(_folded(each.title))
        if theirs is None:
            unmapped.append(f"the criterion {each.title}")
            continue
        levels, missing = _levels(each, by_id[theirs])
        found[each.title] = CriterionMapping(criterion=theirs, levels=levels)
        unmapped += [f"{each.title}: {rating}" for rating in missing]
    mapping = RubricMapping(criteria=found)
    return MappingReport(mapping=mapping, unmapped=tuple(unmapped), unused=_unused(mapping, rubric))


def _unused(mapping: RubricMapping, rubric: PlatformRubric) -> tuple[str, ...]:
    used = {each.criterion for each in mapping.criteria.values()}
    return tuple(each.title for each in rubric.criteria if each.id not in used)


def _levels(criterion: Criterion, theirs: PlatformCriterion) -> tuple[dict[str, str], list[str]]:
    """Rating -> level id, and the ratings without a level. A level with other points than the rating is not it."""
    by_title = _unique({level.id: level.title for level in theirs.levels})
    by_id = {level.id: level for level in theirs.levels}
    levels, missing = {}, []
    for rating in criterion.ratings:
        level = by_id.get(by_title.get(_folded(rating.title), "")) or _with_points(theirs.levels, rating.marks)
        if level is None or (rating.marks is not None and not same_number(level.points, rating.marks)):
            missing.append(rating.title if level is None else f"{rating.title} (has {level.points} points there)")
        else:
            levels[rating.title] = level.id
    return levels, missing


def _with_points(levels: Sequence[PlatformLevel], points: float | None) -> PlatformLevel | None:
    """The only level with these points, if no two levels have equal points."""
    known = [level.points for level in levels]
    if points is None or None in known or len(set(known)) != len(known):
        return None
    return next((level for level in levels if same_number(level.points, points)), None)


def _unique(titles: dict[str, str]) -> dict[str, str]:
    """Folded title -> id, without titles that occur twice."""
    folded = [_folded(title) for title in titles.values()]
    return {_folded(title): each for each, title in titles.items() if folded.count(_folded(title)) == 1}


def _folded(title: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())
