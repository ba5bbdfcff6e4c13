"""`grader send lti`, from the links that launches recorded."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.service.lti import tool_keys
from grader.service.lti_delivery import LtiColumns
from grader.service.outbound import running_deliveries
from labs_schema.models import Lab
from serving.deliveries.delivery_jobs import DeliveryJobs
from serving.deliveries.platforms.lti.platform import RESULTS, SCORE, WRITABLE_LINE_ITEM
from serving.lti.launches.links import Link, Links
from serving.lti.platforms.courses import PlatformCourses
from serving.lti.platforms.platforms import PlatformDetails, Platforms
from serving.outbound.policy import configured_policy
from serving.store.access.roles import Role
from serving.store.store import Store, open_store
from tests.harness.browser.pages import pages_app, visitor
from tests.harness.lti.fake_lti import CLIENT, CONTEXT, DEPLOYMENT, LINK, FakeLti
from tests.harness.processes.forking import wait_until
from tests.harness.stores.graded_store import COURSE, grade_students

SCOPES = (WRITABLE_LINE_ITEM, RESULTS, SCORE)
MakeFake = Callable[..., FakeLti]


@pytest.fixture
def fake(make_fake: MakeFake) -> FakeLti:
    return make_fake("moodle", 2)


@pytest.fixture
def graded(fake: FakeLti, lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with two grades and the registration of the platform, which has the tool's keys."""
    monkeypatch.setenv("GRADER_STORE", str(tmp_path / "command.db"))
    monkeypatch.setenv("GRADER_OUTBOUND_ALLOW", fake.url)
    opened = open_store(str(tmp_path / "command.db"))
    grade_students(opened, lab, 2)
    details = PlatformDetails(
        name="Moodle", issuer=fake.issuer, client_id=CLIENT, authorization_url=fake.authorization_url,
        token_url=fake.token_url, keys_url=fake.keys_url, deployments=(DEPLOYMENT,),
    )  # fmt: skip
    platform = Platforms(opened).register(details, configured_policy())
    PlatformCourses(opened).connect(platform, DEPLOYMENT, CONTEXT, COURSE)
    fake.tool_keys = tool_keys(opened).public_set
    return opened


def launch(store: Store, fake: FakeLti, lab: Lab, link: str = LINK, **changes: object) -> None:
    """Records a link as a launch does."""
    [platform] = Platforms(store).all()
    known = Link(platform=platform.id, deployment=DEPLOYMENT, context=CONTEXT, link=link, lab=lab.name,
                 line_item=fake.line_item_url, memberships=fake.memberships_url, scopes=SCOPES)  # fmt: skip
    Links(store.database).record(known.model_copy(update=changes))


def test_grades_reach_the_column_of_the_labs_link(graded: Store, fake: FakeLti, lab: Lab) -> None:
    launch(graded, fake, lab)
    command = ["send", "lti", f"{COURSE}/{lab.name}"]
    assert CliRunner().invoke(app, command).exit_code == 0 and fake.posted == []
    assert CliRunner().invoke(app, [*command, "--confirm"]).exit_code == 0
    assert fake.scores() == {"s000": 2, "s001": 2}


def test_a_column_is_chosen_on_the_page(graded: Store, fake: FakeLti, lab: Lab) -> None:
    columns = LtiColumns(graded)
    graded.create_key("ta", Role.TA, None, actor="test")
    app, page = pages_app(graded, columns=columns), f"lab/send?course={COURSE}&lab={lab.name}"
    admin = visitor(app, graded, "admin")
    assert "No platform is configured" in admin.open(page).text
    launch(graded, fake, lab)
    assert f"LTI: Moodle ({fake.line_item_url})" in admin.open(page).text
    shown = admin.submit("lab/send", place=f"lti {fake.line_item_url}")
    assert "Send 2 grades" in shown.text and fake.posted == []
    start = shown.text.rindex("<form", 0, shown.text.index('name="confirmed"'))
    admin.page = type(shown)(200, text=shown.text[start:], request=shown.request)
    progress = admin.submit("lab/send", act="confirm")
    with running_deliveries(graded, columns):
        wait_until(lambda: not DeliveryJobs(graded.database).unfinished())
    assert fake.scores() == {"s000": 2, "s001": 2}
    assert "Delivered" in admin.open(str(progress.url)).text
    other = admin.open(page) and admin.submit("lab/send", place=f"lti {fake.item_url('9')}")
    assert other.status_code == 422 and "platform-column-unknown" in other.text
    [platform] = Platforms(graded).all()
    Platforms(graded).remove(platform.id)
    assert "No platform is configured" in admin.open(page).text


@pytest.mark.parametrize(("case", "code"), [
    ("no launch", "platform-column-unknown"), ("no column", "platform-column-unknown"),
    ("two columns", "platform-column-unknown"), ("no scores", "platform-permission"),
])  # fmt: skip
def test_a_link_without_a_usable_column_is_an_error(
    graded: Store, fake: FakeLti, lab: Lab, case: str, code: str
) -> None:
    if case == "no column":
        launch(graded, fake, lab, line_item=None)
    elif case == "no scores":
        launch(graded, fake, lab, scopes=SCOPES[:2])
    elif case == "two columns":
        launch(graded, fake, lab)
        fake.items["2"] = dict(fake.items["1"])
        fake.results["2"] = {}
        launch(graded, fake, lab, "link-4", line_item=fake.item_url("2"))
    command = ["send", "lti", f"{COURSE}/{lab.name}", "--confirm", "--json"]
    result = CliRunner().invoke(app, command)
    assert getattr(result.exception, "code", "") == code and fake.posted == []
    if case == "two columns":
        assert CliRunner().invoke(app, [*command, "--line-item", fake.item_url("2")]).exit_code == 0
        assert len(fake.results["2"]) == 2
