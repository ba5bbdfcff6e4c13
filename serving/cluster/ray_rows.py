"""Ungraded submissions as rows for a cluster; only the lab's name and the student of a sent row stay in memory."""

from collections.abc import Iterable, Iterator

from labs_schema.models import Lab

Row = dict[str, str]
"""`lab`, its name, and `submission`, as JSON."""


class RayRows:
    """The submissions of `labs` (with different names), which are iterated again for each pass.

    `rubrics`: lab name -> the lab as JSON without submissions. `left`: (lab, student) of rows that were sent and are
    not graded yet.
    """

    def __init__(self, labs: Iterable[Lab]) -> None:
        self._labs = labs
        self.rubrics: dict[str, str] = {}
        self.left: set[tuple[str, str]] = set()

    def parts(self, size: int) -> Iterator[list[Row]]:
        """All rows in the first pass, later those that are left; at most `size` at a time."""
        part: list[Row] = []
        for lab in self.waiting() if self.rubrics else self._labs:
            self.rubrics[lab.name] = lab.model_copy(update=BARE).model_dump_json()
            for each in lab.submissions:
                self.left.add((lab.name, each.student))
                part.append({"lab": lab.name, "submission": each.model_dump_json()})
                if len(part) == size:
                    yield part
                    part = []
        if part:
            yield part

    def waiting(self) -> Iterator[Lab]:
        """The labs with the submissions that are left."""
        for lab in self._labs if self.left else ():
            members = tuple(each for each in lab.submissions if (lab.name, each.student) in self.left)
            if members:
                yield lab.model_copy(update=BARE | {"submissions": members})


BARE = {"submissions": (), "unreadable": (), "human_grades": (), "rater_grades": ()}
