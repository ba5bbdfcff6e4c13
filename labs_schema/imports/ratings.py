"""Turns the TAs' decisions in an export into grades by a rubric. Ratings without a match are reported."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from labs_schema.errors import IssueCollector, quoted
from labs_schema.imports.identities import folded
from labs_schema.imports.platform_tables import points_title
from labs_schema.imports.records import Assessment, PlatformExport
from labs_schema.models import Criterion, HumanGrade, Rating, is_bonus_title
from labs_schema.reading.rubric_merge import MAX_RATINGS, MIN_RATINGS
from labs_schema.rubrics.titles import MAX_TITLE_CHARS, is_rater

_LOOKS_LIKE_A_MARK = re.compile(
    r"[-+]?[\d.,]+|true|false|yes|no|y|n|x|-|na|n/a|nan|none|null|no comments", re.IGNORECASE
)


class Graded(NamedTuple):
    """`unused` counts the decisions that no grade has: unknown student, criterion or rating, or contradictions."""

    criteria: tuple[Criterion, ...]
    grades: tuple[HumanGrade, ...]
    unused: int


def grade(
    export: PlatformExport,
    rubric: tuple[Criterion, ...],
    student_of: Callable[[Assessment], str | None],
    issues: IssueCollector,
) -> Graded:
    """The grades by `rubric`; if that is empty by the platform's own, else by the levels that TAs gave."""
    criteria = rubric or export.criteria or _scales(export, issues)
    by_title = {folded(criterion.title): criterion for criterion in criteria}
    found: dict[tuple[str, str], list[tuple[Rating, Assessment]]] = {}
    misfits: Counter[tuple[str, str]] = Counter()
    for each in export.assessments:
        student, criterion = student_of(each), by_title.get(folded(_texts(each.criterion, "")["title"]))
        rating = _rating(each, criterion) if criterion else None
        if student is None:
            misfits["no submission is certainly of this student", each.criterion] += 1
        elif criterion is None or rating is None:
            misfits["no such criterion or rating in the rubric", each.criterion] += 1
        else:
            found.setdefault((student, criterion.title), []).append((rating, each))
    for (student, title), decisions in list(found.items()):
        if len({rating.title for rating, _ in decisions}) > 1:
            misfits["different ratings for the same student", title] += len(decisions)
            del found[student, title]
    for (reason, title), count in misfits.items():
        issues.warning("unused-rating", "", found=f"{count:,} ratings of {quoted(title)}: {reason}")
    grades = tuple(
        HumanGrade(
            student=student,
            criterion=title,
            rating=decisions[0][0].title,
            comment=_comment(decisions) or None,
            rater=_rater(decisions[0][1]),
        )
        for (student, title), decisions in found.items()
    )
    return Graded(criteria, grades, sum(misfits.values()))


def _rating(assessment: Assessment, criterion: Criterion) -> Rating | None:
    """The rating by its title, else by its description, else by marks that only one rating has."""
    wanted = folded(_texts(_title(assessment), "")["title"])
    for text in ("title", "description"):
        same = [each for each in criterion.ratings if wanted and folded(getattr(each, text)) == wanted]
        if len(same) == 1:
            return same[0]
    same = [each for each in criterion.ratings if assessment.marks is not None and each.marks == assessment.marks]
    return same[0] if len(same) == 1 else None


def _comment(decisions: Iterable[tuple[Rating, Assessment]]) -> str:
    """The comments, each once. One that reads as a mark gets a full stop, so that the table's reader accepts it."""
    texts = dict.fromkeys(each.comment.replace("\0", "").strip() for _, each in decisions)
    joined = "\n".join(text for text in texts if text)
    return f"{joined}." if _LOOKS_LIKE_A_MARK.fullmatch(joined) or len(joined) == 1 else joined


def _rater(assessment: Assessment) -> str | None:
    name = " ".join(assessment.rater.split())
    return name if is_rater(name) else None


def _scales(export: PlatformExport, issues: IssueCollector) -> tuple[Criterion, ...]:
    """A criterion for each one that was assessed: its exported scale, else the ratings that were given."""
    given: dict[str, dict[str, Rating]] = {}
    for each in export.assessments:
        if each.criterion not in export.scales:
            title = _title(each)
            rating = Rating(title=title, description=each.description, marks=each.marks)
            given.setdefault(each.criterion, {}).setdefault(title, rating)
    seen = {title: Criterion(title=title, ratings=_ordered(list(each.values()))) for title, each in given.items()}
    criteria: list[Criterion] = []
    for criterion in (*export.scales.values(), *seen.values()):
        usable = _usable(criterion)
        if usable and folded(usable.title) not in {folded(each.title) for each in criteria}:
            criteria.append(usable)
        else:
            count = len(criterion.ratings)
            issues.warning("criterion-not-imported", "", found=f"{count} ratings of {quoted(criterion.title)}")
    return tuple(criteria)


def _title(assessment: Assessment) -> str:
    return assessment.rating or ("" if assessment.marks is None else points_title(assessment.marks))


def _ordered(ratings: Sequence[Rating]) -> tuple[Rating, ...]:
    """The best first; without marks in the order in which they were found."""
    if any(rating.marks is None for rating in ratings):
        return tuple(ratings)
    return tuple(sorted(ratings, key=lambda rating: -(rating.marks or 0)))


def _usable(criterion: Criterion) -> Criterion | None:
    """The criterion with valid titles; None if it has too few or too many different ratings."""
    ratings = [each.model_copy(update=_texts(each.title, each.description)) for each in criterion.ratings]
    titles = {each.title for each in ratings}
    if not MIN_RATINGS <= len(ratings) <= MAX_RATINGS or len(titles) < len(ratings) or "" in titles:
        return None
    texts = _texts(criterion.title, criterion.description)
    fields = {**texts, "ratings": tuple(ratings), "bonus": is_bonus_title(texts["title"])}
    return criterion.model_copy(update=fields) if texts["title"] else None


def _texts(title: str, description: str) -> dict[str, str]:
    """A title that is too long is cut, and its full text becomes the description."""
    plain = " ".join("".join(char if char.isprintable() else " " for char in title).split())
    cut = plain[:MAX_TITLE_CHARS].strip()
    text = description if cut == plain or description else plain
    return {"title": cut, "description": text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").strip()}
