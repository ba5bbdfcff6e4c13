"""Texts that name a student, and similar texts that do not."""

import time

import pytest

from labs_schema.models import Person
from labs_schema.privacy.name_matching import NameMatcher

ROSTER = (
    Person(ids=("mrossi7", "mario.rossi@uni.example", "20231234"), first="Mario Giovanni", last="Rossi"),
    Person(ids=("max",), first="Max", last="Long"),
    Person(ids=("17",), first="Min", last="List"),
    Person(ids=("s1",), first="Jürgen", last="Müller"),
    Person(first="小明", last="王"),
    Person(first="Seán", last="O'Brien"),
    Person(first="Ana María", last="García López"),
    Person(first="Anna", last="Stack"),
    Person(first="Wei", last="Wu"),
)
NAMES = NameMatcher(ROSTER)


def found(text: str, *, path: bool = False) -> list[str]:
    return [text[place.start : place.end] for place in NAMES.find(text, path=path)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("// Author: Mario Rossi", ["Mario Rossi"]),
        ("// rossi mario, 2026", ["rossi mario"]),
        ("/* ROSSI, MARIO */", ["ROSSI, MARIO"]),
        ("// M. Rossi and Rossi M.", ["M. Rossi", "Rossi M"]),
        ("// Mario G. Rossi", ["Mario G. Rossi"]),
        ("// Rossi's homework", ["Rossi"]),
        ("// mario_rossi MarioRossi rossi-mario", ["mario_rossi", "MarioRossi", "rossi-mario"]),
        ("// mario.rossi@uni.example, id 20231234", ["mario.rossi@uni.example", "20231234"]),
        ("// mrossi7.c", ["mrossi7"]),
        ("// Jurgen Muller; Juergen Mueller; J. MÜLLER", ["Jurgen Muller", "Juergen Mueller", "J. MÜLLER"]),
        ("// Ju\u0308rgen Mu\u0308ller", ["Ju\u0308rgen Mu\u0308ller"]),
        ("// 作者王小明的代码", ["王小明"]),
        ("// Sean O’Brien, OBrien", ["Sean O’Brien", "OBrien"]),  # noqa: RUF001
        ("// Garcia Lopez, Ana", ["Garcia Lopez, Ana"]),
        ("// Max Long, A. Stack", ["Max Long", "A. Stack"]),
        ("// Author: Long\n// @author max", ["Long", "max"]),
        ("// Autor: Wu s1", ["Wu", "s1"]),
        ("// Wu Wei", ["Wu Wei"]),
    ],
)  # fmt: skip
def test_names_match_in_any_order_case_and_spelling(text: str, names: list[str]) -> None:
    assert found(text) == names


@pytest.mark.parametrize(
    "text",
    [
        "// the max of a long min list",
        "// Max, min and Long: the stack. Stack overflow, a stack, List of 17 items",
        "// max long value, min list",
        "// mario jumps; super Mario",  # a first name alone
        "// rossi",  # a surname alone without a capital may be a word
        "// s1 and s2 are strings; Wu",
        "// Mario\n// Rossini",
        "// it's 20231234567 crossing",
    ],
)
def test_program_words_and_single_name_parts_do_not_match(text: str) -> None:
    assert found(text) == []


def test_surname_in_a_path_matches_without_capital() -> None:
    assert found("rossi_lab1/main.c", path=True) == ["rossi"]
    assert found("MarioRossi1.java", path=True) == ["MarioRossi1"]
    assert found("long_list/stack.c", path=True) == found("max.c", path=True) == []


def test_large_roster_and_hostile_comment_take_linear_time() -> None:
    names = NameMatcher([Person(ids=(f"u{i}x",), first=f"Fa{i}a", last="Kim") for i in range(3_000)])
    text = "author: " * 4_000 + "Kim K. K. " * 4_000 + "a-b." * 4_000
    start = time.process_time()
    list(names.find(text))
    assert time.process_time() - start < 5
