"""A provider of labelling sessions without a model."""

from collections.abc import Sequence

from serving.review.labelling.labelling import Estimate, LabelState, LabPlace, ProposedProgram, Stage, Version


def estimated(agreement: float, programs: int = 12) -> Version:
    """A version with an estimate of two ratings for each program."""
    found = Estimate(
        agreement=agreement,
        low=agreement - 0.1,
        high=agreement + 0.1,
        majority=0.6,
        programs=programs,
        decisions=2 * programs,
    )
    return Version(
        head_hash="a" * 64, ratings_hash="b" * 64, programs=programs, estimate=found, made="2026-01-01T00:00"
    )


class FakeLabelling:
    """Proposes `students` in this order."""

    def __init__(self, students: Sequence[str], *, started: bool = False) -> None:
        self.now, self.refreshed, self.graded_for = LabelState(), 0, list[str]()
        self._students = students
        if started:
            self.now = LabelState(Stage.READY, proposals=self._proposals(), programs=len(students))

    def state(self, place: LabPlace) -> LabelState:
        assert place.folder.is_dir() and place.folder.name == place.lab
        return self.now

    def refresh(self, place: LabPlace) -> None:
        assert place.folder.is_dir()
        self.refreshed += 1
        self.now = LabelState(
            Stage.READY, proposals=self._proposals(), programs=len(self._students), versions=self.now.versions
        )

    def grade_rest(self, place: LabPlace, *, actor: str) -> None:
        assert place.folder.is_dir()
        self.graded_for.append(actor)

    def _proposals(self) -> tuple[ProposedProgram, ...]:
        return tuple(ProposedProgram(student=each, resembles=3, left=4, doubt=0.5) for each in self._students)
