"""Distinguishes criteria with the same title by their descriptions: `Style` in part A and in part B."""

from collections.abc import Iterable
from typing import NamedTuple

from labs_schema.errors import IssueCollector, quoted

MAX_SUFFIX_CHARS = 60


class Part(NamedTuple):
    """A rating of a criterion, with the criterion's title and description."""

    title: str
    description: str
    rating: str


def distinct_titles(
    parts: Iterable[Part], path: str, line: int | None, issues: IssueCollector
) -> dict[tuple[str, str], str]:
    """(title, description) -> `title (description)`, with a warning, for titles that are used for several criteria.

    A title is used for several criteria if one of its ratings occurs again with another description. The names depend
    on no order, so rubrics.json and the tables agree on them. A description that is empty or longer than
    `MAX_SUFFIX_CHARS` cannot distinguish criteria.
    """
    by_rating: dict[tuple[str, str], set[str]] = {}
    descriptions: dict[str, dict[str, None]] = {}
    for part in parts:
        by_rating.setdefault((part.title, part.rating), set()).add(part.description)
        descriptions.setdefault(part.title, {})[part.description] = None
    repeated = {title for (title, _), found in by_rating.items() if len(found) > 1}
    names: dict[tuple[str, str], str] = {}
    for title in sorted(repeated):
        found = list(descriptions[title])
        if not all(0 < len(each) <= MAX_SUFFIX_CHARS and each.isprintable() for each in found):
            continue
        names |= {(title, each): f"{title} ({each})" for each in found}
        issues.warning("repeated-criterion", path, line=line, found=f"{len(found)} criteria titled {quoted(title)}")
    return names
