"""What was found that speaks to a grader. Knows where and of which kind, never what: the text stays away."""

from typing import Literal

from labs_schema.frozen import Frozen

Kind = Literal[
    "comment",
    "docstring",
    "string",
    "identifier",
    "dead code",
    "file name",
    "look-alike letters",
    "text direction",
    "invisible characters",
    "encoded text",
]


class Suspicion(Frozen):
    """One place that may talk to a grader. `path` is the submission's own file name; `line` counts from 1, None for
    what is in a file's name."""

    kind: Kind
    path: str
    line: int | None = None

    @property
    def reason(self) -> str:
        """For a list of reasons for a review. Quotes nothing of the student's but the file's name."""
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"suspicious text: {self.kind} at {where}"
