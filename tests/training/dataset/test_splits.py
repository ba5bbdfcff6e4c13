from pathlib import Path

import numpy as np

from labs_schema.near_copies.sketches import Sketches
from training.dataset.splits import RatedSubmission, Side, split, training_students
from training.dataset.spool import Block


def work(lab: str, student: str) -> RatedSubmission:
    return RatedSubmission(lab, student, Block(0, 0, 0))


def split_of(
    tmp_path: Path, works: list[RatedSubmission], programs: list[int], **settings: object
) -> dict[RatedSubmission, Side]:
    """Splits the works; equal numbers in `programs` are equal programs."""
    with Sketches(tmp_path / "shingles") as sketches:
        for program in programs:
            sketches.add(np.arange(program * 100, program * 100 + 50, dtype=np.uint32))
        arguments = {"eval_labs": (), "train_split": 0.7, "seed": 0} | settings
        return split(works, sketches, **arguments)  # type: ignore[arg-type]


def test_the_seed_chooses_a_share_of_the_students() -> None:
    students = [f"s{i}" for i in range(75)]
    chosen = training_students(students, 0.7, seed=0)
    assert len(chosen) == 52
    assert chosen == training_students(reversed(students), 0.7, seed=0)
    assert chosen != training_students(students, 0.7, seed=1)


def test_a_student_is_on_the_same_side_in_every_lab(tmp_path: Path) -> None:
    works = [work(lab, f"s{i}") for lab in ("a", "b", "c") for i in range(20)]
    sides = split_of(tmp_path, works, list(range(60)))
    assert all(len({sides[work(lab, f"s{i}")] for lab in ("a", "b", "c")}) == 1 for i in range(20))
    assert sum(side is Side.TRAIN for side in sides.values()) == 42


def test_an_eval_lab_is_held_out_but_not_its_students_in_other_labs(tmp_path: Path) -> None:
    works = [work(lab, f"s{i}") for lab in ("a", "b") for i in range(20)]
    sides = split_of(tmp_path, works, list(range(40)), eval_labs=["b"])
    assert {sides[one] for one in works if one.lab == "b"} == {Side.TEST}
    assert sum(sides[one] is Side.TRAIN for one in works if one.lab == "a") == 14


def test_students_of_eval_labs_only_do_not_change_the_share(tmp_path: Path) -> None:
    works = [work("a", f"s{i}") for i in range(10)] + [work("b", f"t{i}") for i in range(90)]
    sides = split_of(tmp_path, works, list(range(100)), eval_labs=["b"])
    assert sum(side is Side.TRAIN for side in sides.values()) == 7


def test_near_copies_of_held_out_work_are_set_aside_across_labs(tmp_path: Path) -> None:
    works = [work(lab, f"s{i}") for lab in ("a", "b") for i in range(20)]
    programs = list(range(40))
    programs[20:23] = programs[0:3]
    sides = split_of(tmp_path, works, programs, eval_labs=["b"], train_split=1.0)
    assert [one.student for one in works if sides[one] is Side.SET_ASIDE] == ["s0", "s1", "s2"]
    assert all(sides[one] is Side.TEST for one in works if one.lab == "b")


def test_copies_within_the_training_side_stay(tmp_path: Path) -> None:
    works = [work("a", f"s{i}") for i in range(10)]
    sides = split_of(tmp_path, works, [7] * 10, train_split=1.0)
    assert set(sides.values()) == {Side.TRAIN}
    mixed = split_of(tmp_path, works, [7] * 10)
    assert sorted(mixed.values()) == [Side.SET_ASIDE] * 7 + [Side.TEST] * 3


def test_members_of_a_group_are_on_one_side_in_every_lab(tmp_path: Path) -> None:
    groups = [(f"s{i}", f"s{i + 10}") for i in range(10)]
    works = [work("a", first)._replace(members=(first, second)) for first, second in groups]
    works += [work("b", f"s{i}") for i in range(20)]
    for seed in range(5):
        sides = split_of(tmp_path, works, list(range(30)), seed=seed)
        side = {one.student: sides[one] for one in works if one.lab == "b"}
        assert all(side[first] is side[second] for first, second in groups)
        assert all(side[one.student] is sides[one] for one in works if one.lab == "a")
        assert sum(each is Side.TRAIN for each in side.values()) == 14


def test_one_student_under_two_forms_of_the_id_is_on_one_side() -> None:
    students = [name for i in range(20) for name in (f"s{i}", f"s{i}@cs")]
    chosen = training_students(students, 0.5, seed=0)
    assert len(chosen) == 20 and all((f"s{i}" in chosen) == (f"s{i}@cs" in chosen) for i in range(20))


def test_validation_students_are_taken_from_training_and_near_copies_of_them_are_set_aside(tmp_path: Path) -> None:
    works = [work(lab, f"s{i}") for lab in ("a", "b") for i in range(50)]
    programs = [*range(50), *range(50)]  # everyone has the same program in both labs
    programs[:10] = [0] * 10  # and ten students share one in lab a
    without = split_of(tmp_path, works, programs)
    sides = split_of(tmp_path, works, programs, dev_split=0.2)
    dev = {one.student for one in works if sides[one] is Side.DEV}
    assert {side for one, side in sides.items() if one.student in dev} <= {Side.DEV, Side.SET_ASIDE}
    assert all(without[one] in (Side.TRAIN, Side.SET_ASIDE) for one in works if one.student in dev)
    assert [one for one in works if sides[one] is Side.TEST] == [one for one in works if without[one] is Side.TEST]
    program = dict(zip(works, programs, strict=True))
    by_side = {
        side: {program[one] for one in works if sides[one] is side} for side in (Side.TRAIN, Side.DEV, Side.TEST)
    }
    assert (
        not by_side[Side.TRAIN] & (by_side[Side.DEV] | by_side[Side.TEST])
        and not by_side[Side.DEV] & by_side[Side.TEST]
    )
    assert 4 <= len(dev) <= 7
