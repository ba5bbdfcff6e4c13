"""Moodle's rubrics: the definition, and the levels and remarks that were chosen for a grade."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from pydantic import AliasPath, Field

from labs_schema.frozen import Frozen
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platform import CriterionValue, PlatformCriterion, PlatformLevel, PlatformRubric
from serving.deliveries.platforms.moodle.client import MoodleClient
from serving.deliveries.platforms.moodle.texts import plain, remark, remark_text
from serving.deliveries.platforms.rest_client import Returned, parsed

READY = 20
"""The status of a definition that is not a draft."""


class Definition(Frozen):
    """`id` of the definition; the rubric with the ids of criteria and levels."""

    id: int
    rubric: PlatformRubric

    @property
    def maximum(self) -> float:
        return sum(max((level.points or 0 for level in each.levels), default=0.0) for each in self.rubric.criteria)

    @property
    def minimum(self) -> float:
        return sum(min((level.points or 0 for level in each.levels), default=0.0) for each in self.rubric.criteria)


class _Level(Returned):
    id: int
    score: float
    definition: str


class _Criterion(Returned):
    id: int
    sortorder: int
    description: str
    levels: tuple[_Level, ...]


class _Definition(Returned):
    id: int
    status: int
    criteria: tuple[_Criterion, ...] = Field(validation_alias=AliasPath("rubric", "rubric_criteria"))


class _Filling(Returned):
    criterionid: int
    levelid: int | None = None
    remark: str | None = None


class _Instance(Returned):
    itemid: int
    timemodified: int
    criteria: tuple[_Filling, ...] = Field((), validation_alias=AliasPath("rubric", "criteria"))


def read_definition(client: MoodleClient, cmid: int, method: str | None) -> Definition | None:
    """The rubric; None if the assignment is graded with points. Raises DeliveryError for a marking guide or a draft."""
    if not method:
        return None
    if method != "rubric":
        message = f"The assignment is graded with {method[:40]!r}; only points and rubrics are supported."
        raise DeliveryError("platform-assignment-unsuitable", message)
    answer = client.read("core_grading_get_definitions", cmids=[cmid], areaname="submissions", activeonly=1)
    found = [each for area in answer["areas"] for each in area["definitions"] if each["method"] == "rubric"]
    if len(found) != 1:
        raise DeliveryError("platform-assignment-unsuitable", "The assignment has no rubric.")
    definition: _Definition = parsed(_Definition, found[0], "Moodle")
    if definition.status != READY:
        raise DeliveryError("platform-assignment-unsuitable", "The assignment's rubric is a draft.")
    ordered = sorted(definition.criteria, key=lambda each: each.sortorder)
    return Definition(id=definition.id, rubric=PlatformRubric(criteria=tuple(map(_criterion, ordered))))


def _criterion(found: _Criterion) -> PlatformCriterion:
    levels = tuple(
        PlatformLevel(id=str(each.id), title=_line(each.definition), points=each.score) for each in found.levels
    )
    return PlatformCriterion(id=str(found.id), title=_line(found.description), levels=levels)


def _line(markup: str) -> str:
    return " ".join(plain(markup).split())


def read_fillings(
    client: MoodleClient, definition: Definition, since: int, grades: Container[int]
) -> Mapping[int, Mapping[str, CriterionValue]]:
    """Id of a grade -> its criteria, for those of `grades` whose rubric was filled in at `since` (Unix seconds) or
    later. Moodle returns those of the complete class."""
    answer = client.read("core_grading_get_gradingform_instances", definitionid=definition.id, since=since)
    points = {level.id: level.points for each in definition.rubric.criteria for level in each.levels}
    newest: dict[int, _Instance] = {}
    listed = [each for each in answer["instances"] if each.get("itemid") in grades]
    for each in parsed(list[_Instance], listed, "Moodle"):
        if each.itemid not in newest or each.timemodified >= newest[each.itemid].timemodified:
            newest[each.itemid] = each
    return {item: {str(f.criterionid): _value(f, points) for f in each.criteria} for item, each in newest.items()}


def _value(filling: _Filling, points: Mapping[str, float | None]) -> CriterionValue:
    level = str(filling.levelid) if filling.levelid else None
    return CriterionValue(level=level, points=points.get(level or ""), comment=remark_text(filling.remark or ""))


def filled(criteria: Mapping[str, CriterionValue], rubric: PlatformRubric) -> Sequence[Mapping[str, Any]]:
    """The argument `advancedgradingdata[rubric][criteria]`.

    Moodle checks nothing: a criterion left out, or a level of another one, lowers the grade without a message. Raises
    DeliveryError unless every criterion has one of its own levels.
    """
    levels = {each.id: {level.id for level in each.levels} for each in rubric.criteria}
    wrong = [each for each in levels if each not in criteria or criteria[each].level not in levels[each]]
    if wrong or set(criteria) - set(levels):
        raise DeliveryError(
            "platform-value-refused", "The grade does not have one level for each criterion of the rubric."
        )
    return [
        {
            "criterionid": each,
            "fillings": [
                {
                    "criterionid": each,
                    "levelid": criteria[each].level,
                    "remark": remark(criteria[each].comment),
                    "remarkformat": 0,
                }
            ],
        }
        for each in levels
    ]
