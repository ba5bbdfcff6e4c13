"""Ids of students: how they are written, compared and matched.

Ids are compared in Unicode NFC. `s1` and `s1@course` name one student; `s1@cs` and `s1@ee` name two.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from itertools import chain

from labs_schema.grouping import grouped_by

_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?e\+?(\d{1,2})", re.IGNORECASE | re.ASCII)


def written_id(text: str) -> str:
    """The id in NFC without surrounding whitespace."""
    return unicodedata.normalize("NFC", text).strip()


def local_part(student: str) -> str:
    """`s1` for `s1@course`; the id itself if it has no `@`."""
    return written_id(student).split("@", 1)[0].strip()


def student_clusters(students: Iterable[str], groups: Collection[Collection[str]] = ()) -> dict[str, str]:
    """Student -> the first id of their cluster, for `students` and all members of `groups`.

    A group, or the same id before the `@`, joins students. The work of a cluster is not independent: it is on one side
    of a split, in one fold, and one unit of a bootstrap. Groups that change from lab to lab may join a whole course.
    """
    first = {student: student for student in sorted({*students, *chain.from_iterable(groups)})}

    def cluster(student: str) -> str:
        while first[student] != student:
            first[student] = student = first[first[student]]
        return student

    for members in (*grouped_by(first, local_part).values(), *groups):
        clusters = {cluster(each) for each in members}
        first |= dict.fromkeys(clusters, min(clusters, default=""))
    return {student: cluster(student) for student in first}


class StudentIds:
    """Resolves the ids written in folder names and tables of a lab to its students.

    `submitted` are the ids of the submissions, `mentioned` those in tables.
    """

    def __init__(self, submitted: Iterable[str], mentioned: Iterable[str] = ()) -> None:
        self._submitted = {written_id(each) for each in submitted}
        self._full: dict[str, set[str]] = {}
        for each in self._submitted | {written_id(each) for each in mentioned}:
            if "@" in each:
                self._full.setdefault(local_part(each), set()).add(each)

    def resolve(self, written: str) -> str | None:
        """The student's id: `s1` for `s1@course`, or the full id if several students share `s1`.

        None for an `s1` that several students share and that is not the name of a submission.
        """
        student = written_id(written)
        shared = len(self._full.get(local_part(student), ())) > 1
        if "@" in student:
            return student if shared else local_part(student)
        return None if shared and student not in self._submitted else student


def did_you_mean_id(written: str, known: Iterable[str]) -> str:
    """A sentence to append to a hint: ` Did you mean '001234'?`, or an empty string.

    Only for an id that differs as spreadsheets and people change ids: leading zeros, `1.23457E+11`, `.0`, letter case.
    Two students often have similar ids, so no other similarity counts.
    """
    mangled = local_part(written)
    near = {each for each in known if each != mangled and _may_be(mangled, local_part(each))}
    return f" Did you mean {near.pop()!a}?" if len(near) == 1 else ""


def _may_be(mangled: str, student: str) -> bool:
    if _plain(mangled) == _plain(student):
        return True
    number = _SCIENTIFIC.fullmatch(mangled)
    if number is None or not student.isdecimal() or len(student.lstrip("0")) != int(number[3]) + 1:
        return False
    digits = number[1] + (number[2] or "")
    return f"{int(student):.{len(digits) - 1}e}".split("e")[0].replace(".", "") == digits


def _plain(student: str) -> str:
    text = re.sub(r"\s+", "", student.casefold())
    text = re.sub(r"^(\d+)[.,]0+$", r"\1", text)
    return text.lstrip("0") or text
