"""A group's figures put together: parts, intervals over labs, several TAs; and the tables that show them."""

from collections.abc import Callable
from io import StringIO

from rich.console import Console

from grader.evaluation import COMMONEST, TUNED, UNSEEN, WORDS, Evaluation, Group
from grader.experiments.evaluation_groups import measure_group, ticks
from grader.tables.evaluation import tables
from labs_schema.models import HumanGrade, Lab
from serving.measures.decisions import constant_decisions

MakeLab = Callable[..., Lab]
COMPILES, READABLE = "Does it compile?", "Is it readable?"
BEST = {COMPILES: "A", READABLE: "A"}


def measured(labs: list[Lab]) -> Group:
    """A grader that gives everybody the best rating, beside two that give everybody another."""
    students = [s.student for s in labs[0].submissions]
    always = {
        name: [d for lab in labs for d in constant_decisions(lab, students, given)]
        for name, given in {
            TUNED: BEST,
            WORDS: {COMPILES: "B", READABLE: "B"},
            COMMONEST: {COMPILES: "C", READABLE: "B"},
        }.items()
    }
    steps: list[int] = []
    found = measure_group(
        always, {lab.name: lab for lab in labs}, frozenset(), resamples=50, tick=lambda: steps.append(1)
    )
    assert len(steps) == ticks(always)
    return found


def shown(group: Group) -> str:
    console = Console(file=StringIO(), width=120)
    console.print(tables(Evaluation(run="run", groups={UNSEEN: group})))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_parts_add_up_and_are_measured_against_what_costs_nothing(make_lab: MakeLab) -> None:
    """Six students: compile A B C A B C, readable B A B A B A; so always A is right on 2 and 3 of 6."""
    labs = [make_lab(name, students=6).model_copy(update={"language": name}) for name in ("C", "Java")]
    found = measured(labs)
    assert found.graders[TUNED].figures["agreement"].value == 5 / 12
    assert {name: part.grader.figures["agreement"].value for name, part in found.by_criterion.items()} == {
        COMPILES: 2 / 6,
        READABLE: 3 / 6,
    }
    assert set(found.by_language) == {"C", "Java"} and found.by_lab["C"].over_commonest.value == 0
    assert found.by_rating["A"].recall.value == 1 and found.by_rating["A"].given_by_grader == 24
    assert found.differences_over_labs == {} and found.ceiling is None and found.trust == {} and found.order is None
    text = shown(found)
    assert "by language" in text and "intervals over labs" not in text and "several TAs" not in text


def test_intervals_over_labs_come_with_five_labs(make_lab: MakeLab) -> None:
    found = measured([make_lab(f"lab{i}", students=3) for i in range(5)])
    assert set(found.differences_over_labs) == {WORDS, COMMONEST}
    assert "intervals over labs" in shown(found)


def test_several_tas_on_the_same_work_are_the_ceiling(make_lab: MakeLab) -> None:
    """Ann agrees with the grades in force, Bob says A to all: on readable work they agree on half, the grader, which
    says A too, with Bob always and with Ann on half."""
    lab = make_lab(students=6)
    ann = [g.model_copy(update={"rater": "ann"}) for g in lab.human_grades if g.criterion == READABLE]
    bob = [HumanGrade(student=g.student, criterion=READABLE, rating="A", rater="bob[red]") for g in ann]
    found = measured([lab.model_copy(update={"rater_grades": (*ann, *bob)})]).ceiling
    assert found is not None
    assert (found.units, found.students, found.pairwise.value, found.grader.value) == (6, 6, 0.5, 0.75)
    assert "bob[red] with the others' majority" in shown(
        measured([lab.model_copy(update={"rater_grades": (*ann, *bob)})])
    )
