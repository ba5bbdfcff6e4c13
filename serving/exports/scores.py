"""The scores that an export writes, and its report: no student is left out, none gets a grade that was not given."""

import io
import stat
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from labs_schema.errors import InputError, error_issue
from labs_schema.frozen import Frozen
from serving.exports.results import Results, State, StudentResult


class Change(Frozen):
    """A grade in the platform's file, before and after; empty for none."""

    student: str
    before: str
    after: str


class ExportReport(Frozen):
    """Counts of an export. `graded`, `needs_review` and `ungraded` add up to `students`.

    `written` grades are in the file; `not_in_file` are students whom the platform's file does not list, or lists
    twice; `not_in_results` are rows of that file that no result belongs to.
    `no_feedback_column` is true for a worksheet in which no column for feedback was found: only grades are written.
    `refused` are students whose grade the platform would not store: locked in its gradebook, or above its maximum.
    """

    students: int
    graded: int
    needs_review: int
    ungraded: int
    written: int
    not_in_file: tuple[str, ...]
    not_in_results: int
    changes: tuple[Change, ...]
    no_feedback_column: bool = False
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Policy:
    """`include_review`: also write grades that still need review. `scale`: to the platform's maximum."""

    include_review: bool = False
    scale: bool = False

    def allows(self, result: StudentResult) -> bool:
        return result.state is State.ACCEPTED or (self.include_review and result.state is State.NEEDS_REVIEW)

    def score(self, result: StudentResult, maximum: float | None) -> float | None:
        """The score to write out of `maximum` (None if the platform states none); None for an empty cell.

        Raises InputError if the maxima differ and `scale` is not set.
        """
        if not self.allows(result) or result.total is None:
            return None
        if maximum is None or result.maximum is None or abs(maximum - result.maximum) < 1e-9:
            return round(result.total, 6)
        if not self.scale:
            found, expected = f"a maximum of {maximum:g} on the platform", f"{result.maximum:g}, as in the rubric"
            raise InputError([error_issue("maximum-differs", "export", found=found, expected=expected)])
        return round(result.total * maximum / result.maximum, 6) if result.maximum else 0.0


FIXED_TIME = (2000, 1, 1, 0, 0, 0)
"""The files' time, so that equal results give an equal zip file."""


def zip_file(members: Iterable[tuple[str, str | bytes]], mode: Callable[[str], int] = lambda _: 0o600) -> bytes:
    """A zip file of paths and contents. `mode`: the permissions of the file at a path."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, content in members:
            info = zipfile.ZipInfo(path, FIXED_TIME)
            info.external_attr = (stat.S_IFREG | mode(path)) << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def report(
    results: Results, changes: dict[str, Change], missing: tuple[str, ...], rows_without_result: int
) -> ExportReport:
    """`changes` are by student and contain every grade written, also those that stay the same."""
    states = [each.state for each in results.students]
    return ExportReport(
        students=len(states),
        graded=states.count(State.ACCEPTED),
        needs_review=states.count(State.NEEDS_REVIEW),
        ungraded=states.count(State.UNGRADED),
        written=len(changes),
        not_in_file=missing,
        not_in_results=rows_without_result,
        changes=tuple(each for each in changes.values() if each.before != each.after),
    )
