"""Gradescope: the zip of "Export Submissions", and the tables of "Export Evaluations".

`submission_metadata.yml` is written by Ruby: keys start with a colon. It is read as text throughout, because YAML
would read the student number 00123 as the octal number 83.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

from labs_schema.errors import InputError, error_issue
from labs_schema.imports.export_files import Export
from labs_schema.imports.identities import ids
from labs_schema.imports.platform_tables import PlatformTable, number_of
from labs_schema.imports.records import Assessment, ExportFile, IdKind, Ids, PlatformExport, Work
from labs_schema.limits import ImportLimits
from labs_schema.models import Criterion, Rating

LIMITS = ImportLimits()

METADATA = "submission_metadata.yml"
_FIRST_ITEM, _AFTER_ITEMS = "submissiontime", "adjustment"


def recognizes(paths: Sequence[str]) -> bool:
    return METADATA in paths


def read(export: Export) -> PlatformExport:
    file = export.file(METADATA)
    text = export.text(file) if file else None
    records = metadata_records(text) if text is not None else {}
    by_key: dict[str, list[tuple[str, ExportFile]]] = {}
    unused = []
    for each in export.files:
        key, _, path = each.path.partition("/")
        if path:
            by_key.setdefault(key, []).append((path, each))
        elif each.path in records or each.path.lower().endswith(".pdf"):
            by_key.setdefault(each.path, []).append((each.path, each))
        elif each.path != METADATA:
            unused.append(each.path)
    keys = list(dict.fromkeys([*records, *by_key]))
    works = tuple(_work(key, records.get(key, {}), tuple(by_key.get(key, ()))) for key in keys)
    return PlatformExport(works, unused=tuple(unused))


def _work(key: str, record: Mapping[str, Any], files: tuple[tuple[str, ExportFile], ...]) -> Work:
    owners = tuple(owner for each in _list(record.get(":submitters")) if (owner := _owner(each)))
    return Work(_number(key), owners, files, submitted=_text(record.get(":created_at")))


def _owner(submitter: Any) -> Ids:
    if not isinstance(submitter, dict):
        return ()
    return ids((IdKind.NUMBER, _text(submitter.get(":sid"))), (IdKind.EMAIL, _text(submitter.get(":email"))))


def _number(key: str) -> str:
    """The submission's id in `submission_101` and `101.pdf`."""
    return key.removeprefix("submission_").removesuffix(".pdf")


def _text(value: Any) -> str:
    return "" if not isinstance(value, str) or value in ("~", "null") else value


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


class _Loader(yaml.CBaseLoader):
    """A key that occurs twice would hide the first value, such as the student of a submission."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if keys and (most := keys.most_common(1)[0])[1] > 1:
            raise yaml.YAMLError(f"the key {most[0][:40]!a} twice in the same record")
        return super().construct_mapping(node, deep=deep)


def metadata_records(text: str) -> dict[str, dict[str, Any]]:
    """Submission -> its record. Raises InputError for damaged or hostile YAML."""
    try:
        depth = 0
        for count, event in enumerate(yaml.parse(text, Loader=yaml.CBaseLoader), start=1):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > LIMITS.metadata_levels or count > LIMITS.metadata_values:
                raise yaml.YAMLError("values nested too deeply, or too many of them")
        found = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        found = f"invalid YAML ({str(error).splitlines()[0][:100]})"
        raise InputError([error_issue("bad-export", METADATA, found=found)]) from error
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if isinstance(key, str) and isinstance(value, dict)}


# Evaluations: one table for each question, with a column of true/false for each rubric item.


def is_evaluation(headings: Collection[str]) -> bool:
    """Whether a table is an evaluation, by its normalized headings."""
    return {"assignmentsubmissionid", _FIRST_ITEM, _AFTER_ITEMS} <= set(headings)


def read_evaluation(question: str, table: PlatformTable) -> tuple[tuple[Assessment, ...], dict[str, Criterion]]:
    """The TAs' decisions on one question, and the scales of its criteria.

    A question of which every submission has at most one item is a criterion with an item for each rating. Otherwise
    each item is a criterion of its own: applied or not. A submission without item and without grader is not graded.
    """
    keys = table.headings
    items = {i: table.header[i] for i in range(keys.index(_FIRST_ITEM) + 1, keys.index(_AFTER_ITEMS)) if keys[i]}
    rows, points = _graded_rows(table, items)
    if all(len(applied) <= 1 for _, applied in rows):
        marks = _level_marks(rows, points)
        ratings = tuple(Rating(title=title, marks=marks.get(index)) for index, title in items.items())
        found = [
            _assessment(row, question, items[index], marks.get(index)) for row, applied in rows for index in applied
        ]
        return tuple(found), {question: Criterion(title=question, ratings=ratings)}
    scales = {f"{question}: {title}": _item(f"{question}: {title}", points.get(i)) for i, title in items.items()}
    found = [
        _assessment(row, f"{question}: {title}", APPLIES if i in applied else DOES_NOT_APPLY, None)
        for row, applied in rows
        for i, title in items.items()
    ]
    return tuple(found), scales


APPLIES, DOES_NOT_APPLY = "Applies", "Does not apply"


def _item(title: str, points: float | None) -> Criterion:
    none = None if points is None else 0.0
    ratings = Rating(title=APPLIES, marks=points), Rating(title=DOES_NOT_APPLY, marks=none)
    return Criterion(title=title, ratings=ratings)


def _graded_rows(
    table: PlatformTable, items: Mapping[int, str]
) -> tuple[list[tuple[Mapping[str, str], tuple[int, ...]]], dict[int, float]]:
    """The graded submissions with their applied items, and the points of the items, which the last rows list."""
    graded, points = [], {}
    for record, row in zip(table.records(), table.rows, strict=True):
        key = record["assignmentsubmissionid"]
        if key.casefold() == "point values":
            points = {index: value for index in items if (value := number_of(row[index])) is not None}
        if not key.isdigit():
            continue
        applied = tuple(index for index in items if row[index].casefold() == "true")
        if applied or record.get("grader"):
            graded.append((record, applied))
    return graded, points


def _level_marks(
    rows: Sequence[tuple[Mapping[str, str], tuple[int, ...]]], points: Mapping[int, float]
) -> dict[int, float]:
    """Marks of each item: its points, plus what most submissions score beyond them (the question's maximum)."""
    bases: Counter[float] = Counter()
    for record, applied in rows:
        score = number_of(record.get("score", ""))
        if score is not None and applied and applied[0] in points and not number_of(record.get("adjustment", "")):
            bases[round(score - points[applied[0]], 6)] += 1
    if not bases:
        return {}
    [(base, _)] = bases.most_common(1)
    return {index: base + value for index, value in points.items()}


def _assessment(record: Mapping[str, str], criterion: str, rating: str, marks: float | None) -> Assessment:
    owner = ids((IdKind.NUMBER, record.get("sid", "")), (IdKind.EMAIL, record.get("email", "")))
    return Assessment(
        criterion,
        rating,
        owner=owner,
        work=record["assignmentsubmissionid"],
        marks=marks,
        comment=record.get("comments", ""),
        rater=record.get("grader", ""),
    )
