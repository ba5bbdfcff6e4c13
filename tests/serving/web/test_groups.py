"""Equal answers: found, listed with whom they concern, rated once, undone once, bounded."""

from collections.abc import Callable
from typing import Any

import pytest

from labs_schema.limits import PageLimits
from labs_schema.models import Lab, SourceFile
from serving.review.copies import Copies
from serving.review.index import ReviewIndex
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Forms, Visitor, record_lab, visitor
from tests.serving.web.conftest import ReviewedLab

FIRST = "Does it compile?"
LIST = f"lab/groups?course={COURSE}&lab=lab1"
LONG = "#include <stdio.h>\nint main(void) {\n" + "".join(
    f"    int total{i} = {i}; for (int k = {i}; k < {i} * 3; k++) total{i} += k % {i + 2};\n" for i in range(8)
)
OTHER = (
    "int f(int n) { while (n > 3 && n != 17) { n /= 2; if (n % 5) break; } return -n; }\nint g(void) { return f(9); }\n"
)


def with_texts(lab: Lab, *texts: str) -> Lab:
    """The lab with one submission for each text."""
    submissions = (
        each.model_copy(update={"files": (SourceFile(path="main.c", text=text),)})
        for each, text in zip(lab.submissions, texts, strict=False)
    )
    return lab.model_copy(update={"submissions": tuple(submissions)})


@pytest.fixture
def copied(store: Store, make_lab: Callable[..., Lab]) -> ReviewedLab:
    """s000 and s001 are equal, s002 has other names and comments, s003 and s004 are others."""
    renamed = "/* mine */\n" + LONG.replace("total", "sum")
    return ReviewedLab(store, with_texts(make_lab(), LONG, LONG, renamed, OTHER, "int main(void) { return 7; }\n"))


def groups(reviewed: ReviewedLab, **options: Any) -> list[list[str | None]]:
    database = reviewed.store.database
    found = Copies(database, **options).groups(ReviewIndex(database).lab(COURSE, "lab1"))
    return [[item.name for item in each.items] for each in found.groups]


def open_group(copied: ReviewedLab, name: str = "ta") -> Visitor:
    ta = copied.ta(name)
    assert ta.open(LIST).status_code == 200
    ta.open(f"lab/groups/{copied.grades[0]}?course={COURSE}&lab=lab1")
    assert ta.page.status_code == 200
    return ta


def actors(copied: ReviewedLab, number: int) -> list[str]:
    return [each.action.value for each in copied.store.read_history(copied.grades[number]).records]


def test_equal_and_renamed_programs_are_one_group(copied: ReviewedLab) -> None:
    assert groups(copied) == [["s000", "s001", "s002"]]


def test_programs_that_share_only_starter_code_are_not_a_group(store: Store, make_lab: Callable[..., Lab]) -> None:
    own = [f"int answer(void) {{ return {i} * {i + 3} - {i * 7} % {i + 5} + {i * 11}; }}\n" for i in range(6)]
    assert groups(ReviewedLab(store, with_texts(make_lab(), *(LONG * 3 + each for each in own)))) == []


def test_a_group_is_rated_once_and_every_student_gets_an_own_record(copied: ReviewedLab) -> None:
    ta = open_group(copied, "Ada")
    assert "s000" in ta.page.text and "s001" in ta.page.text and "s002" in ta.page.text and "s003" not in ta.page.text
    page = ta.submit(f"lab/groups/{copied.grades[0]}", act="rate-0-2", comment="As in the lecture.")
    assert page.status_code == 200 and "3 students rated" in page.text
    for number in range(3):
        [record] = copied.store.read_history(copied.grades[number]).records
        assert (record.new, record.why, record.criterion) == ("C", "As in the lecture.", FIRST)
    assert actors(copied, 3) == []
    assert ta.submit("lab/undo").status_code == 200
    assert [copied.store.read_history(each).decisions[FIRST].rating for each in copied.grades[:3]] == [None] * 3
    assert [actors(copied, number) for number in range(3)] == [["rate", "undo"]] * 3


def test_a_student_who_was_left_out_keeps_the_rating(copied: ReviewedLab) -> None:
    ta = open_group(copied)
    ta.submit(f"lab/groups/{copied.grades[0]}", act="rate-0-1", **{f"member-{copied.grades[2]}": None})
    assert [actors(copied, number) for number in range(3)] == [["rate"], ["rate"], []]


def test_one_students_undo_leaves_the_others_and_the_groups_undo_leaves_later_decisions(copied: ReviewedLab) -> None:
    ta = open_group(copied)
    ta.submit(f"lab/groups/{copied.grades[0]}", act="rate-0-1")
    ta.open(f"grades/{copied.grades[1]}")
    ta.submit("grades/", act="undo-0")
    ta.open(f"grades/{copied.grades[2]}")
    ta.submit("grades/", act="rate-0-0")
    ta.open(LIST)
    assert "2 students rated" in ta.page.text
    ta.submit("lab/undo")
    rated = [copied.store.read_history(each).decisions[FIRST].rating for each in copied.grades[:3]]
    assert rated == [None, None, "A"]


def test_a_student_decided_meanwhile_becomes_a_conflict_and_the_others_are_rated(copied: ReviewedLab) -> None:
    ta, other = open_group(copied, "Ada"), copied.ta("Ben")
    other.open(f"grades/{copied.grades[1]}")
    other.submit("grades/", act="rate-0-0")
    page = ta.submit(f"lab/groups/{copied.grades[0]}", act="rate-0-2", comment="Mine.")
    assert page.status_code == 409 and "s001" in page.text and "Ben" in page.text and "Mine." in page.text
    rated = [copied.store.read_history(each).decisions[FIRST].rating for each in copied.grades[:3]]
    assert rated == ["C", "A", "C"]
    assert actors(copied, 1) == ["rate", "conflict"]


def test_sending_a_form_twice_counts_once(copied: ReviewedLab) -> None:
    ta = open_group(copied)
    before = ta.page
    for _ in range(2):
        ta.page = before
        assert ta.submit(f"lab/groups/{copied.grades[0]}", act="rate-0-1", comment="x").status_code == 200
    assert actors(copied, 0) == ["rate"]


def test_wrong_forms_record_nothing(copied: ReviewedLab) -> None:
    ta = open_group(copied)
    before = ta.page
    members = [name for name in Forms(before.text).found[-1][1] if name.startswith("member-")]
    for wrong in (
        {"act": "rate-0-9"},
        {"act": "rate-9-0"},
        {"request": "bulk-0123456789abcdef"},
        {"seq": "x"},
        {"shown": "forged"},
        {"csrf": "forged"},
        {f"member-{'0' * 32}": "on"},
        {"comment": "x" * (PageLimits().comment_chars + 1)},
        dict.fromkeys(members),
    ):
        ta.page = before
        sent = {"act": "rate-0-1", **wrong}
        assert ta.submit(f"lab/groups/{copied.grades[0]}", **sent).status_code >= 400, wrong
    assert all(actors(copied, number) == [] for number in range(5))


def test_a_group_that_was_graded_again_is_an_outdated_form(copied: ReviewedLab) -> None:
    ta = open_group(copied)
    record_lab(copied.store, copied.lab, request="job2")
    page = ta.submit(f"lab/groups/{copied.grades[0]}", act="rate-0-1", comment="Mine.")
    assert page.status_code == 409 and "form-outdated" in page.text and "Mine." in page.text
    assert all(actors(copied, number) == [] for number in range(5))


def test_a_ta_of_another_course_sees_no_group(copied: ReviewedLab) -> None:
    stranger = visitor(copied.app, copied.store, course="cs999")
    for path in (LIST, f"lab/groups/{copied.grades[0]}?course={COURSE}&lab=lab1"):
        assert stranger.open(path).status_code == 403


def test_comparing_is_bounded_and_continues(copied: ReviewedLab) -> None:
    slow = PageLimits(grouping_seconds=-1.0)
    assert groups(copied, limits=slow) == [["s000", "s001"]]  # by equal text only
    assert groups(copied, limits=PageLimits(grouped_chars=100)) == [["s000", "s001"]]
    database = copied.store.database
    found = Copies(database, slow).groups(ReviewIndex(database).lab(COURSE, "lab1"))
    assert (found.compared, found.programs) == (0, 4)


def test_blind_ratings_stay_hidden_and_are_recorded_as_blind(copied: ReviewedLab) -> None:
    ta = copied.ta()
    ta.open(f"lab?course={COURSE}&lab=lab1")
    ta.submit("blind")
    ta.open(f"lab/groups/{copied.grades[0]}?course={COURSE}&lab=lab1")
    assert "proposed" not in ta.page.text
    ta.submit(f"lab/groups/{copied.grades[0]}", act="rate-0-1")
    assert copied.store.read_history(copied.grades[1]).records[0].blind
