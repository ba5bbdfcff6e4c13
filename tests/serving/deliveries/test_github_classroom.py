"""Comments on the pull requests of GitHub Classroom."""

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
from serving.deliveries.platforms.github_classroom import GitHubClassroomPlatform, comment_body
from serving.deliveries.retries import Retries
from serving.deliveries.sending import Sender, StudentOutcome
from serving.outbound.client import OutboundClient
from serving.outbound.policy import OutboundPolicy, parse_origin
from serving.store.store import Store, open_store
from tests.harness.platforms.fake_github import ASSIGNMENT, TOKEN, FakeGitHub, _pull_request
from tests.harness.stores.graded_store import COURSE, grade_students, record_grade

COMPILES, READABLE = "Does it compile?", "Is it readable?"


@pytest.fixture
def site() -> Iterator[FakeGitHub]:
    fake = FakeGitHub(3, page_size=2)
    yield fake
    fake.close()


class Connected:
    def __init__(self, delivery: Any, site: FakeGitHub) -> None:
        self.delivery, self.site = delivery, site

    def send(self, token: str = TOKEN, **policy: Any) -> list[StudentOutcome]:
        retries, release = Retries(lambda _: None), ReleasePolicy(**policy)
        with OutboundClient(OutboundPolicy(frozenset({parse_origin(self.site.url)}))) as client:
            platform = GitHubClassroomPlatform(client, token, str(ASSIGNMENT), self.site.url, retries)
            sender = Sender(self.delivery.store, platform, actor="test", retries=retries)
            return sender.send(self.delivery.source, sender.plan(self.delivery.source, release), release)


@pytest.fixture
def connected(delivery: Any, site: FakeGitHub) -> Connected:
    return Connected(delivery, site)


def actions(outcomes: list[StudentOutcome]) -> Counter[str]:
    return Counter(each.action for each in outcomes)


def test_each_repository_has_one_comment_also_through_lost_answers(
    connected: Connected, site: FakeGitHub, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 3)
    site.faults = ["", "lose", "500", "limit"]
    assert actions(connected.send()) == {"delivered": 3}
    found = site.bodies()
    assert [len(each) for each in found.values()] == [1, 1, 1]
    assert "**Total: 2**" in found["org/lab1-user000"][0] and COMPILES in found["org/lab1-user000"][0]
    assert actions(connected.send()) == {"unchanged": 3} and site.writes == 3


def test_another_grade_changes_the_same_comment(connected: Connected, site: FakeGitHub, store: Store, lab: Lab) -> None:
    grade_students(store, lab, 1)
    site.comment("org/lab1-user000", "Well done!")
    connected.send()
    record_grade(store, lab, "s000", {COMPILES: "C", READABLE: "B"}, request="job2")
    assert actions(connected.send()) == {"delivered": 1}
    mine = site.bodies()["org/lab1-user000"]
    assert len(mine) == 2 and mine[0] == "Well done!" and "Total: 0" in mine[1]


def test_a_changed_or_deleted_comment_is_a_conflict_and_a_students_copy_is_not_read(
    connected: Connected, site: FakeGitHub, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 3)
    for number in range(3):
        site.comment(f"org/lab1-user{number:03d}", comment_body(999, ("forged",)), login=f"user{number:03d}")
    assert actions(connected.send()) == {"delivered": 3}
    own = site.comments["org/lab1-user000"][1]
    own["body"] = own["body"].replace("total 2", "total 3")
    del site.comments["org/lab1-user001"][1]
    assert [each.code for each in connected.send()] == ["platform-value-changed"] * 2 + [""]
    assert actions(connected.send(overwrite=frozenset({"s000"}))) == {"delivered": 1, "conflict": 1, "unchanged": 1}


def test_text_of_programs_notifies_no_one_and_leaves_no_code_block() -> None:
    body = comment_body(1.5, ("@everyone ```` <img src=x>\n```\n# end",))
    _, _, block = body.partition("\n\n")
    fence = block.split("text\n")[0]
    assert fence == "`" * 7 and block.endswith(f"\n{fence}\n") and block.count(fence) == 2


def test_a_team_gets_one_comment(connected: Connected, site: FakeGitHub, store: Store, lab: Lab) -> None:
    site.accepted.clear()
    name = site.team("user000", "user001")
    for student in ("s000", "s001"):
        record_grade(store, lab, student, {COMPILES: "A", READABLE: "B"}, request="job1")
    assert actions(connected.send()) == {"delivered": 2}
    assert len(site.bodies()[name]) == 1 and site.writes == 1


@pytest.mark.parametrize("part", ["repository", "user"])
def test_a_repository_or_an_author_without_a_name_is_an_error_and_not_a_missing_one(
    part: str, connected: Connected, site: FakeGitHub, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 1)
    written = site.comment("org/lab1-user000", "Well done!")
    (written if part == "user" else site.accepted[0])[part] = {}
    with pytest.raises(DeliveryError) as raised:
        connected.send()
    assert raised.value.code == "platform-unexpected" and site.writes == 0


@pytest.mark.parametrize("fault", ["no request", "no repository", "closed", "a second one of the student", "too long"])
def test_the_first_pull_request_named_feedback_gets_the_comment(
    fault: str, connected: Connected, site: FakeGitHub, store: Store, lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    grade_students(store, lab, 2)
    requests = site.requests["org/lab1-user000"]
    if fault == "no request":
        requests[:] = [_pull_request(1, title="Fix")]
    elif fault == "no repository":
        site.accepted[0]["repository"] = None
    elif fault == "closed":
        requests[0]["state"] = "closed"
    elif fault == "too long":
        monkeypatch.setattr("tests.harness.platforms.fake_github.MOST", 10)
    else:
        requests.insert(0, _pull_request(7))
    codes = [each.code for each in connected.send()]
    none = ["platform-student-unknown", ""]
    expected = {"no request": none, "no repository": none, "too long": ["platform-value-refused"] * 2}
    assert codes == expected.get(fault, ["", ""])


def test_a_student_who_did_not_accept_and_a_wrong_token_are_reported(
    connected: Connected, site: FakeGitHub, store: Store, lab: Lab
) -> None:
    grade_students(store, lab, 3)
    site.accepted.pop()
    assert [each.code for each in connected.send()] == ["", "", "student-not-on-platform"]
    with pytest.raises(DeliveryError) as raised:
        connected.send("wrong")
    assert raised.value.code == "platform-token"


def test_the_command_sends_after_confirmation(
    site: FakeGitHub, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "command.db"))
    monkeypatch.setenv("GRADER_GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", site.url)
    opened = open_store(str(tmp_path / "command.db"))
    grade_students(opened, lab, 2)
    opened.close()
    command = ["send", "github-classroom", f"{COURSE}/{lab.name}", "--url", site.url, "--assignment", str(ASSIGNMENT)]
    assert CliRunner().invoke(app, command).exit_code == 0 and site.writes == 0
    assert CliRunner().invoke(app, [*command, "--confirm"]).exit_code == 0 and site.writes == 2
