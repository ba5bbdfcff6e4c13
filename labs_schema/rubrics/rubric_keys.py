"""The keys of a rubric in JSON, in files and in the API: ours, Canvas's and their spellings, as one set of keys."""

import re
from collections.abc import Mapping
from typing import Any

_CRITERION = {
    "id": "id", "title": "title", "name": "title", "criterion": "title", "description": "description",
    "longdescription": "long_description", "ratings": "ratings", "levels": "ratings", "bonus": "bonus",
    "extracredit": "bonus", "points": "points", "marks": "points", "criterionuserange": "use_range",
    "ignoreforscoring": "ignore_for_scoring", "learningoutcomeid": "learning_outcome_id",
    "masterypoints": "mastery_points", "decidedby": "decided_by", "clarifications": "clarifications",
}  # fmt: skip
_RATING = {
    "id": "id", "title": "title", "name": "title", "rating": "title", "description": "description",
    "longdescription": "long_description", "points": "points", "marks": "points", "score": "points",
    "criterionid": "criterion_id",
}  # fmt: skip
_CONTAINERS = ("rubrics", "rubric", "criteria", "data")
NOT_READ = frozenset({"use_range", "ignore_for_scoring", "learning_outcome_id", "mastery_points", "criterion_id"})
"""Canvas's keys that a rubric is read without, beyond what `criterion_fields` makes of them."""
CRITERION_KEYS = frozenset({"title", "description", "ratings", "bonus", "decided_by", "clarifications"})
RATING_KEYS = frozenset({"title", "description", "marks"})


class RepeatedKeyError(ValueError):
    """Two spellings of one `key` with different values."""

    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(f"one value of {key}, not two")


def criteria_of(value: Any) -> Any:
    """The list of criteria in a JSON document: the document, or what a key such as `rubrics` or `criteria` holds."""
    for _ in range(3):
        key = next((key for key in value if key.lower() in _CONTAINERS), None) if isinstance(value, dict) else None
        if key is None:
            break
        value = value[key]
    return value


def criterion_fields(value: Mapping[str, Any]) -> dict[str, Any]:
    """The criterion with the keys `id, title, description, ratings, bonus`; unknown keys stay as they are.

    A criterion without a title is Canvas's: its `description` is the title and its `long_description` the description,
    also in its ratings. Raises RepeatedKeyError.
    """
    fields = _renamed(value, _CRITERION)
    canvas = "title" not in fields
    fields = _described(fields, canvas)
    fields.pop("points", None)  # Canvas: the highest points of the ratings
    ratings = fields.get("ratings")
    if isinstance(ratings, list):
        renamed = [_described(_renamed(each, _RATING), canvas) if isinstance(each, dict) else each for each in ratings]
        if fields.pop("ignore_for_scoring", None) is True:
            renamed = [each | {"points": 0} if isinstance(each, dict) else each for each in renamed]
        fields["ratings"] = renamed
    return fields


def _renamed(value: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, content in value.items():
        name = names.get(re.sub(r"[\s_-]", "", key.lower()), key)
        if name in fields and fields[name] != content:
            raise RepeatedKeyError(name)
        fields[name] = content
    return fields


def _described(fields: dict[str, Any], canvas: bool) -> dict[str, Any]:
    long = fields.pop("long_description", None)
    if canvas and isinstance(fields.get("description"), str):
        return fields | {"title": fields["description"], "description": long}
    if "title" not in fields and isinstance(fields.get("id"), str):
        fields["title"] = fields["id"]
    return fields | ({"description": long} if long and not fields.get("description") else {})
