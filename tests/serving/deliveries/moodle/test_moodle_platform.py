"""The adapter for Moodle: every trap that a real Moodle 4.3 has, against the recorded fake."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.imports.records import IdKind
from labs_schema.limits import DeliveryLimits
from labs_schema.models import Lab
from serving.deliveries.errors import DeliveryError
from serving.deliveries.plan import ReleasePolicy
from serving.deliveries.platform import CriterionValue, Value
from serving.deliveries.platforms.moodle.assignment import parse_address
from serving.deliveries.platforms.moodle.platform import MoodlePlatform
from serving.deliveries.platforms.moodle.texts import comment, plain, remark, remark_text
from serving.deliveries.sending import Sender, Source, StudentOutcome
from serving.store.store import Store, open_store
from tests.harness.platforms.fake_moodle import TOKEN, FakeMoodle
from tests.harness.platforms.fake_moodle_server import serving
from tests.harness.stores.graded_store import COURSE, record_grade
from tests.serving.deliveries.moodle.conftest import FLOW, POINTS, RUBRIC, Connect

POLICY = ReleasePolicy()
LEVELS = {
    "41": CriterionValue(level="903", points=4, comment="#include <stdio.h>\nif (a<b && *p > &c) {}"),
    "42": CriterionValue(level="905", points=3),
    "43": CriterionValue(level="908", points=3, comment="x &lt; y"),
}
FLOW_LEVELS = {
    str(int(key) + 3): each.model_copy(update={"level": str(int(each.level or "") + 8)}) for key, each in LEVELS.items()
}
GIVEN = Value(total=10, criteria=LEVELS)
S1, S2 = "101", "102"
MakeSender = Callable[[MoodlePlatform], Sender]


def send(sender: Sender, lab: Lab, policy: ReleasePolicy = POLICY) -> dict[str, StudentOutcome]:
    source = Source(course=COURSE, lab=lab.name)
    return {each.student: each for each in sender.send(source, sender.plan(source, policy), policy)}


def grade(store: Store, lab: Lab, students: list[str], at: int = 0) -> None:
    for index, student in enumerate(students):
        ratings = {each.title: each.ratings[(index + at) % len(each.ratings)].title for each in lab.criteria}
        record_grade(store, lab, student, ratings, request=f"job{at}", text=f"int x{at};")


def refused(code: str, act: Callable[[], object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        act()
    assert raised.value.code == code
    return raised.value


def test_rubric_and_people_are_read_as_plain_text_with_the_students_ids(connect: Connect) -> None:
    platform = connect(RUBRIC)
    assignment = platform.read_assignment()
    assert (assignment.title, assignment.maximum) == ("Lab rubric", 12)
    assert assignment.rubric is not None
    assert [each.title for each in assignment.rubric.criteria] == ["Does it compile & link?", "Edge cases", "Readable?"]
    assert [level.points for level in assignment.rubric.criteria[1].levels] == [0, 3, 5]
    [person] = [each for each in platform.read_people() if each.id == S1]
    assert dict(person.ids) == {IdKind.NUMBER: "s1", IdKind.EMAIL: "s1@uni.example", IdKind.PLATFORM: "7054"}


def test_levels_points_and_remarks_are_stored_and_read_back_exactly(connect: Connect, site: FakeMoodle) -> None:
    platform = connect(RUBRIC)
    platform.write(S1, GIVEN, Value())
    shown = platform.read_values(S1)[S1]
    assert shown.total == 10 and {key: each.level for key, each in shown.criteria.items()} == {
        key: each.level for key, each in LEVELS.items()
    }
    for key, each in LEVELS.items():
        assert shown.criteria[key].comment.split() == each.comment.split()
    assert site.grades[27][101].comment == ""


def test_a_teachers_comment_stays_when_a_rubric_grade_is_sent(connect: Connect, site: FakeMoodle) -> None:
    platform = connect(RUBRIC)
    platform.write(S1, GIVEN, Value())
    site.grades[27][101].comment = "<p>Come and <b>see</b> me</p>"
    platform.write(S1, Value(total=6, criteria=LEVELS | {"41": CriterionValue(level="901", points=0)}), GIVEN)
    assert site.grades[27][101].comment == "<p>Come and <b>see</b> me</p>" and site.grades[27][101].grade == 6


@pytest.mark.parametrize("levels", [
    {"41": LEVELS["41"], "42": LEVELS["42"]},
    LEVELS | {"41": CriterionValue(level="908", points=3)},
    LEVELS | {"44": CriterionValue(level="911", points=4)},
    LEVELS | {"41": CriterionValue()},
])  # fmt: skip
def test_a_grade_that_does_not_fit_the_rubric_is_not_sent(
    connect: Connect, site: FakeMoodle, levels: dict[str, CriterionValue]
) -> None:
    platform = connect(RUBRIC)
    refused("platform-value-refused", lambda: platform.write(S1, Value(total=7, criteria=levels), Value()))
    assert "mod_assign_save_grades" not in site.requests


def test_a_locked_grade_is_an_error_although_moodle_reports_success(connect: Connect, site: FakeMoodle) -> None:
    platform = connect(RUBRIC)
    platform.write(S1, GIVEN, Value())
    site.locked.add((27, 101))
    new = Value(total=6, criteria=LEVELS | {"41": CriterionValue(level="901", points=0)})
    refused("platform-grade-locked", lambda: platform.write(S1, new, platform.read_values(S1)[S1]))


def test_points_above_the_maximum_are_not_sent(connect: Connect, site: FakeMoodle) -> None:
    platform = connect(POINTS)
    refused("platform-value-refused", lambda: platform.write(S1, Value(total=3.5), Value()))
    platform.write(S1, Value(total=2.5, comments=("C: a < b\nD: fine",)), Value())
    assert platform.read_values() == {S1: Value(total=2.5, comments=("C: a < b\nD: fine",))}
    assert site.grades[21][101].comment == "<p>C: a &lt; b</p><p>D: fine</p>"


def test_workflow_states_are_never_reset_or_released(connect: Connect, site: FakeMoodle) -> None:
    platform = connect(FLOW)
    new = Value(total=10, criteria=FLOW_LEVELS)
    platform.write(S1, new, Value())
    assert site.grades[28][101].state == "readyforreview"
    for state in ("inreview", "readyforrelease", "released"):
        site.grades[28][101].state = state
        platform.write(S1, new, new)
        assert site.grades[28][101].state == state


def test_hidden_comment_of_another_account_is_a_conflict(connect: Connect, site: FakeMoodle) -> None:
    platform = connect(FLOW)
    platform.write(S1, Value(total=10, criteria=FLOW_LEVELS), Value())
    site.grades[28][101].grader, site.grades[28][101].comment = 7, "<p>mine</p>"
    refused("platform-value-changed", lambda: platform.write(S1, Value(total=10, criteria=FLOW_LEVELS), Value()))
    assert site.grades[28][101].comment == "<p>mine</p>"


def test_errors_with_http_200_have_their_class(connect: Connect, site: FakeMoodle) -> None:
    error = refused("platform-token", connect(RUBRIC, token="x").read_assignment)
    assert error.platform_text.startswith("Invalid token") and "x" * 8 not in str(error)
    refused("platform-not-found", connect(99999).read_assignment)
    refused("platform-assignment-unsuitable", connect(505).read_assignment)  # graded with a scale
    site.faults[:] = ["busy"] * DeliveryLimits().attempts
    assert refused("platform-unavailable", connect(RUBRIC).read_assignment).wait == 1
    site.faults[:] = ["broken"] * DeliveryLimits().attempts
    refused("platform-unavailable", connect(RUBRIC).read_assignment)


@pytest.mark.parametrize(
    "url", ["", "https://x.example", "https://x.example/mod/quiz/view.php?id=1", "ftp://x/mod/assign/view.php?id=1"]
)
def test_other_addresses_are_refused(url: str) -> None:
    refused("platform-not-found", lambda: parse_address(url))


def test_delivery_is_complete_and_a_rerun_writes_nothing(
    connect: Connect, site: FakeMoodle, store: Store, lab: Lab, sender: MakeSender
) -> None:
    grade(store, lab, ["s1", "s2", "s3", "unknown"])
    outcomes = send(sender(connect(RUBRIC)), lab)
    assert Counter(each.action for each in outcomes.values()) == {"delivered": 3, "unmatched": 1}
    saved = site.requests["mod_assign_save_grades"]
    assert {each.action for each in send(sender(connect(RUBRIC)), lab).values()} == {"unchanged", "unmatched"}
    assert site.requests["mod_assign_save_grades"] == saved == 3


def test_a_teachers_grade_wins_and_a_locked_one_is_reported(
    connect: Connect, site: FakeMoodle, store: Store, lab: Lab, sender: MakeSender
) -> None:
    grade(store, lab, ["s1", "s2", "s3"])
    send(sender(connect(RUBRIC)), lab)
    site.grades[27][101].grade, site.grades[27][101].fillings = 12.0, None  # typed in without the rubric
    site.locked.add((27, 102))
    grade(store, lab, ["s1", "s2", "s3"], at=1)
    codes = {student: each.code for student, each in send(sender(connect(RUBRIC)), lab).items()}
    assert codes == {"s1": "platform-value-changed", "s2": "platform-grade-locked", "s3": ""}
    assert site.grades[27][101].grade == 12


@pytest.mark.parametrize("count", [8, pytest.param(500, marks=pytest.mark.nightly)])
def test_every_grade_arrives_once_in_spite_of_drops_lost_answers_and_errors(
    connect: Connect, site: FakeMoodle, store: Store, lab: Lab, sender: MakeSender, count: int
) -> None:
    students = [f"n{index}" for index in range(count)]
    site.people = [{"id": 1000 + i, "idnumber": each, "recordid": -1} for i, each in enumerate(students)]
    grade(store, lab, students)
    sending, source = sender(connect(RUBRIC)), Source(course=COURSE, lab=lab.name)
    plan = sending.plan(source, POLICY)
    after = ["", "", "", "", ""]
    faults = (["", "", "", fault, *after] for _ in range(count) for fault in ("drop", "lose", "busy", "broken"))
    site.faults[:] = [each for part in faults for each in part]
    outcomes = sending.send(source, plan, POLICY)
    assert Counter(each.action for each in outcomes) == {"delivered": count}
    site.faults.clear()
    totals = [sum(each.ratings[i % len(each.ratings)].marks or 0 for each in lab.criteria) for i in range(count)]
    shown = {person: value.total for person, value in connect(RUBRIC).read_values().items()}
    assert shown == {str(1000 + i): total for i, total in enumerate(totals)}


TEXTS = [
    "a<b && c>d; #include <stdio.h> <script>alert(1)</script> <!-- x --> </td> & &lt; &pi; p=&x;",
    "<p>para</p>\n<b>bold</b> <i", "1 < 2 <3 <é\n<a>\n\n<b> > <", "&#60; &nbsp;", "plain\n  text",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_texts_come_back_as_they_were(connect: Connect, text: str) -> None:
    assert remark_text(remark(text).replace("&", "&amp;").replace("<", "&lt;")).split() == text.split()
    assert plain(comment(text)).split() == text.split()
    platform = connect(RUBRIC)
    levels = LEVELS | {"42": CriterionValue(level="905", points=3, comment=text)}
    platform.write(S2, Value(total=10, criteria=levels), Value())
    assert platform.read_values(S2)[S2].criteria["42"].comment.split() == text.split()


def test_the_command_shows_the_differences_and_sends_them_on_confirmation(
    site: FakeMoodle, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "command.db"))
    monkeypatch.setenv("GRADER_MOODLE_TOKEN", TOKEN)
    opened = open_store(str(tmp_path / "command.db"))
    grade(opened, lab, ["s1", "s2"])
    opened.close()
    with serving(site) as base:
        monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", base)
        command = ["send", "moodle", f"{COURSE}/{lab.name}", "--url", f"{base}/mod/assign/view.php?id={RUBRIC}"]
        assert CliRunner().invoke(app, command).exit_code == 0 and site.grades == {}
        assert CliRunner().invoke(app, [*command, "--confirm"]).exit_code == 0
    assert sorted(site.grades[27]) == [101, 102]


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        ("core_course_get_course_module", {}),
        ("mod_assign_get_assignments", {"courses": [{"assignments": [{"id": 27, "name": "Lab", "grade": "ten"}]}]}),
        ("core_grading_get_definitions", {"areas": [{"definitions": [{"method": "rubric", "id": 1}]}]}),
        ("mod_assign_get_grades", {"warnings": [], "assignments": [{"grades": [{"userid": 101}]}]}),
    ],
)
def test_answers_that_are_not_as_documented_are_errors(
    connect: Connect, site: FakeMoodle, monkeypatch: pytest.MonkeyPatch, function: str, answer: object
) -> None:
    monkeypatch.setattr(site, f"_{function}", lambda **_: answer, raising=True)
    refused("platform-unexpected", connect(RUBRIC).read_values)
