"""Small labs, made inline, for every room's tests."""

from collections.abc import Callable

import pytest

from labs_schema.models import Criterion, HumanGrade, Lab, Rating, SourceFile, Submission

MakeLab = Callable[..., Lab]


@pytest.fixture
def make_lab() -> MakeLab:
    """A factory: `make_lab(students=6)` gives a C lab with two criteria (3 and 2 ratings) and a grade for each."""

    def make(name: str = "lab1", students: int = 6) -> Lab:
        criteria = (
            Criterion(
                title="Does it compile?",
                description="With gcc -Wall.",
                ratings=(
                    Rating(title="A", description="Without warnings", marks=2),
                    Rating(title="B", description="With warnings", marks=1),
                    Rating(title="C", description="No", marks=0),
                ),
            ),
            Criterion(
                title="Is it readable?",
                description="Names and layout.",
                ratings=(Rating(title="A", description="Yes", marks=1), Rating(title="B", description="No", marks=0)),
            ),
        )
        submissions = tuple(
            Submission(
                student=f"s{i:03d}",
                folder=f"s{i:03d}@course",
                files=(SourceFile(path="main.c", text=f"int main(void) {{\n    return {i * i};\n}}\n"),),
            )
            for i in range(students)
        )
        grades = tuple(
            HumanGrade(student=s.student, criterion=c.title, rating=c.ratings[(i + j) % len(c.ratings)].title)
            for i, s in enumerate(submissions)
            for j, c in enumerate(criteria)
        )
        return Lab(
            name=name,
            problem="Write a program that returns a square.\nRead nothing, print nothing.\n",
            short_problem="Return a square.\n",
            language="C",
            criteria=criteria,
            submissions=submissions,
            human_grades=grades,
        )

    return make
