"""Rubric items chosen in CodeGrade."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grader.cli import app
from labs_schema.models import Lab
from serving.deliveries.errors import DeliveryError
from serving.deliveries.plan import ReleasePolicy
from serving.deliveries.platforms.codegrade import CodeGradePlatform
from serving.deliveries.retries import Retries
from serving.deliveries.sending import Sender, StudentOutcome
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store.store import Store, open_store
from tests.harness.platforms.fake_codegrade import ASSIGNMENT, TOKEN, FakeCodeGrade, group_of
from tests.harness.stores.graded_store import COURSE, grade_students, record_grade

COMPILES, READABLE = "Does it compile?", "Is it readable?"


@pytest.fixture
def site(lab: Lab) -> Iterator[FakeCodeGrade]:
    fake = FakeCodeGrade(3, lab)
    yield fake
    fake.close()


class Connected:
    def __init__(self, delivery: Any, site: FakeCodeGrade) -> None:
        self.delivery, self.site = delivery, site

    def send(self, token: str = TOKEN, **policy: Any) -> list[StudentOutcome]:
        retries, release = Retries(lambda _: None), ReleasePolicy(**policy)
        with OutboundClient(OutboundPolicy(frozenset({parse_origin(self.site.url)}))) as client:
            platform = CodeGradePlatform(client, self.site.url, token, str(ASSIGNMENT), retries)
            sender = Sender(self.delivery.store, platform, actor="test", retries=retries)
            return sender.send(self.delivery.source, sender.plan(self.delivery.source, release), release)


@pytest.fixture
def connected(delivery: Any, site: FakeCodeGrade) -> Connected:
    return Connected(delivery, site)


def actions(outcomes: list[StudentOutcome]) -> Counter[str]:
    return Counter(each.action for each in outcomes)


def test_items_are_chosen_once_also_through_lost_answers(
    connected: Connected, site: FakeCodeGrade, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 3)
    site.faults = ["", "lose", "500"]
    assert actions(connected.send()) == {"delivered": 3}
    assert site.points() == {"s000": 2, "s001": 2, "s002": 0}
    assert actions(connected.send()) == {"unchanged": 3} and site.writes == 3


def test_a_persons_choice_and_an_override_win(
    connected: Connected, site: FakeCodeGrade, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 2)
    connected.send()
    site.chosen[5000][0] = {"item_id": 2, "multiplier": 1.0, "achieved_points": 1.0}
    site.submissions[1]["grade_overridden"] = True
    for student in ("s000", "s001"):
        record_grade(store, lab, student, {COMPILES: "C", READABLE: "B"}, request="job2")
    assert [each.code for each in connected.send()] == ["platform-value-changed"] * 2
    assert actions(connected.send(overwrite=frozenset({"s000"}))) == {"delivered": 1, "conflict": 1}


def test_the_newest_submission_gets_the_grade_and_pages_are_read(
    connected: Connected, site: FakeCodeGrade, store: Store, lab: Lab
) -> None:
    newer = site.submissions[0] | {"id": 9000, "created_at": "2026-11-02T10:00:00.000000+00:00"}
    older = [each | {"id": 20_000 + n, "created_at": "2026-01-01"} for n, each in enumerate(site.submissions * 30)]
    site.submissions = [newer, *older, *site.submissions]
    grade_students(store, lab, 1)
    assert actions(connected.send()) == {"delivered": 1}
    assert list(site.chosen) == [9000]


def test_a_groups_submission_is_that_of_every_member_and_a_missing_user_name_harms_no_one(
    connected: Connected, site: FakeCodeGrade, store: Store, lab: Lab
) -> None:
    first, second, third = site.submissions[:3]
    site.submissions = [first | {"user": group_of(first["user"], second["user"])}, third, site.submissions[3]]
    third["user"]["username"] = None
    for student in ("s000", "s001", "s002"):
        record_grade(store, lab, student, {COMPILES: "A", READABLE: "B"}, request="job1")
    assert [each.code for each in connected.send()] == ["", "", "student-not-on-platform"]
    assert list(site.chosen) == [first["id"]] and site.writes == 1


@pytest.mark.parametrize("group", [{"name": "Group 1"}, {"members": None}, "Group 1"])
def test_a_group_without_members_is_an_error_and_no_student(
    group: object, connected: Connected, site: FakeCodeGrade, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 1)
    site.submissions[0]["user"]["group"] = group
    with pytest.raises(DeliveryError) as raised:
        connected.send()
    assert raised.value.code == "platform-unexpected" and site.writes == 0


@pytest.mark.parametrize("fault", ["token", "locked", "continuous", "no rubric"])
def test_an_unsuitable_assignment_or_token_is_reported(
    fault: str, connected: Connected, site: FakeCodeGrade, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 1)
    if fault == "locked":
        site.rows[0]["locked"] = "auto_test"
    elif fault == "continuous":
        site.rows[0]["type"] = "continuous"
    elif fault == "no rubric":
        site.rows.clear()
    with pytest.raises(DeliveryError) as raised:
        connected.send("wrong" if fault == "token" else TOKEN)
    assert raised.value.code == ("platform-token" if fault == "token" else "platform-assignment-unsuitable")


def test_the_command_sends_after_confirmation(
    site: FakeCodeGrade, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "command.db"))
    monkeypatch.setenv("GRADER_CODEGRADE_TOKEN", TOKEN)
    monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", site.url)
    opened = open_store(str(tmp_path / "command.db"))
    grade_students(opened, lab, 2)
    opened.close()
    command = ["send", "codegrade", f"{COURSE}/{lab.name}", "--url", site.url, "--assignment", str(ASSIGNMENT)]
    assert CliRunner().invoke(app, command).exit_code == 0 and site.writes == 0
    assert CliRunner().invoke(app, [*command, "--confirm"]).exit_code == 0 and site.writes == 2
