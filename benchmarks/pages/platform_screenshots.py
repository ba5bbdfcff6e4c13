"""Takes the screenshots of docs/guide/sending.md and docs/guide/lti.md in Chromium, of our own pages only.

python -m benchmarks.pages.platform_screenshots [--out docs/guide]

The platforms are the imitations of the tests: a Canvas that gets the grades, and an LTI platform in whose page the tool
is a frame. Addresses of this machine are replaced by `canvas.example`.

Time: a minute. Figures: docs/guide/lti.md.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.deliveries.records import read_records
from serving.store.access.roles import Role
from serving.store.store import Store, open_store
from tests.harness.browser.chromium import chromium
from tests.harness.browser.pages import COURSE, record_lab
from tests.harness.browser.review_browser import Service
from tests.harness.lti.classroom import FLAGS, Classroom
from tests.harness.lti.fake_lti import CLAIM, LEARNER, FakeLti, Launch
from tests.harness.platforms.adapters import canvas_rubric
from tests.harness.platforms.fake_canvas import ASSIGNMENT, TOKEN, FakeCanvas
from tests.harness.platforms.fake_canvas import COURSE as CANVAS_COURSE
from tests.harness.processes.forking import ROOT

LAB = "cpp_second_largest"
SIZE = {"width": 1120, "height": 1060}
SHOWN = """([here, there]) => {
  for (const each of document.querySelectorAll("input, option, dd, p, a"))
    for (const node of [each, ...each.childNodes])
      if (node.nodeType === 3) node.data = node.data.replaceAll(here, there);
      else if (node.value) node.value = node.value.replaceAll(here, there);
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "guide")
    out, lab = parser.parse_args().out, load_lab(ROOT / "labs" / LAB)
    with tempfile.TemporaryDirectory() as folder:
        with chromium() as browser:
            sending(browser, Path(folder), lab, out)
        with chromium(*FLAGS) as browser:
            launches(browser, Path(folder), lab, out)


def sending(browser: Any, folder: Path, lab: Lab, out: Path) -> None:
    """The dry run on the page "Send to a platform"."""
    with canvas(lab) as site:
        store = open_store(f"sqlite:///{folder}/sending.db")
        record_lab(store, lab, accept=0.5)
        service = Service(browser, store, blind_share=0.0)
        admin, _ = store.create_key("Lee Hoffmann", Role.ADMIN, None, actor="screenshots")
        page = service.lab(service.page(admin, viewport=SIZE), LAB)
        page.get_by_role("link", name="Send to a platform").click()
        page.fill("#address", f"{site.url}/courses/{CANVAS_COURSE}/assignments/{ASSIGNMENT}")
        page.get_by_role("button", name="Show what would change").click()
        page.locator("#plan").wait_for()
        page.evaluate(SHOWN, [site.url, "https://canvas.example"])
        page.screenshot(path=out / "sending-differences.png", full_page=False)
        service.close()
        store.close()


@contextmanager
def canvas(lab: Lab) -> Iterator[FakeCanvas]:
    site = FakeCanvas(
        len(lab.submissions), canvas_rubric(lab), points=sum(each.max_marks or 0 for each in lab.criteria)
    )
    for user, submission in zip(site.users, lab.submissions, strict=True):
        user["sis_user_id"] = submission.student
    site_settings = {"CANVAS_URL": site.url, "CANVAS_TOKEN": TOKEN, "OUTBOUND_ALLOW": site.url}
    os.environ.update({f"GRADER_{name}": value for name, value in site_settings.items()})
    yield site
    site.close()


def launches(browser: Any, folder: Path, lab: Lab, out: Path) -> None:
    """The frame of the tool: a TA's review, the choice of a lab, and a student's feedback."""
    store, fake = open_store(f"sqlite:///{folder}/lti.db"), FakeLti()
    classroom = Classroom(browser, store, fake, folder / "lti-keys.json", lab, accept=0.5)
    person = {"user_id": "u0", "roles": [LEARNER], "lis_person_sourcedid": shown_student(store, lab)}
    fake.people["u0"] = person
    shots = {
        "lti-choose": classroom.launch(message="LtiDeepLinkingRequest"),
        "lti-review": classroom.launch(),
        "lti-feedback": Launch("u0", classroom.tool.launch_url, claims={f"{CLAIM}custom": {"lab": lab.name}}),
    }
    classroom.page.set_viewport_size({"width": 960, "height": 760})
    for name, launch in shots.items():
        frame = classroom.open(launch)
        frame.get_by_role("heading", level=1).wait_for()
        classroom.page.locator("iframe").screenshot(path=out / f"{name}.png")
    classroom.close()
    fake.close()
    store.close()


def shown_student(store: Store, lab: Lab) -> str:
    """The first one whose feedback is released."""
    records = read_records(store, COURSE, lab.name)
    return next(each.student for each in records if not each.needs_review)


if __name__ == "__main__":
    main()
