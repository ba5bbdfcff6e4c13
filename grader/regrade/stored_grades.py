"""How much of a command's grading is kept: for its bar, and for what is said where it ends early."""

from collections.abc import Iterator
from contextlib import contextmanager

from labs_schema.errors import GraderError, ModelError
from serving.jobs.chunk import SYSTEM_ERRORS


class KeptGrades:
    """`done` of `total` submissions are graded or given up, in the store."""

    def __init__(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    @contextmanager
    def told(self) -> Iterator[None]:
        """Where the user stops what is done meanwhile, or the model, the cluster or the store does: raises GraderError
        that says what is kept too."""
        try:
            yield
        except KeyboardInterrupt:
            raise GraderError(f"Stopped. {self}") from None
        except (*SYSTEM_ERRORS, ModelError) as error:
            if not self.done:
                raise
            raise GraderError(f"{error}\n{self}") from error

    def __str__(self) -> str:
        told = f"{self.done:,} of {self.total:,} submissions are graded and kept in the store."
        return f"{told} The same command goes on from there."
