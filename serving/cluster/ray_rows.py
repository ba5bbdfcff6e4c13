"""What waits for a grade, as rows for a cluster: a row a submission, a lab's rubric once. Knows no Ray, and keeps no
program: of what was sent only the lab's name and the student are remembered."""

from collections.abc import Iterable, Iterator

from labs_schema.models import Lab

Row = dict[str, str]
"""`lab`, its name, and `submission`, as JSON."""


class RayRows:
    """The submissions of `labs` (of unlike names), which are read again for each round, from a disk if need be.

    `rubrics`: a lab's name -> the lab as JSON without submissions, of the labs that were read. `left`: (lab, student)
    of what was sent and is not graded yet.
    """

    def __init__(self, labs: Iterable[Lab]) -> None:
        self._labs = labs
        self.rubrics: dict[str, str] = {}
        self.left: set[tuple[str, str]] = set()

    def parts(self, size: int) -> Iterator[list[Row]]:
        """Rows of everything, and the next time of what is left, at most `size` at a time."""
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
        """The labs of what is left, with nothing but that."""
        for lab in self._labs if self.left else ():
            members = tuple(each for each in lab.submissions if (lab.name, each.student) in self.left)
            if members:
                yield lab.model_copy(update=BARE | {"submissions": members})


BARE = {"submissions": (), "human_grades": (), "rater_grades": ()}
