"""The lab editor: saved together or not at all, faults by field, conflicts with both texts, admins only."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.models import Lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.store.access.roles import Role
from serving.store.platforms.deliveries import Deliveries
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Visitor, pages_app, record_lab, visitor
from tests.harness.courses.lab_folders import write_lab

EDIT = f"lab/edit?course={COURSE}&lab=lab1"


@pytest.fixture
def lab(tmp_path: Path, make_lab: Callable[..., Lab]) -> Path:
    write_lab(make_lab(students=2), tmp_path / "labs" / "lab1")
    return tmp_path / "labs" / "lab1"


@pytest.fixture
def admin(store: Store, lab: Path, make_lab: Callable[..., Lab]) -> Callable[[], Visitor]:
    record_lab(store, make_lab(students=2))
    store.create_key("ta", Role.TA, None, actor="test")
    app = pages_app(store, OneCourse(COURSE, read_registry(lab.parent)[0], lab.parent))

    def open_editor() -> Visitor:
        found = visitor(app, store, "admin")
        assert found.open(EDIT).status_code == 200
        return found

    return open_editor


def rubric(lab: Path) -> Any:
    return json.loads((lab / "rubrics.json").read_text())


def test_both_texts_are_saved_and_the_next_grade_uses_them(admin: Callable[[], Visitor], lab: Path) -> None:
    editor = admin()
    text = (lab / "rubrics.json").read_text().replace("With gcc -Wall.", "With clang.")
    page = editor.submit("lab/edit", statement="Print a cube.\n", **{"text-rubric": text})
    assert page.status_code == 200 and "Not saved yet" in page.text and "Changed: Does it compile?" in page.text
    assert (lab / "ps.txt").read_text() != "Print a cube.\n"
    page = editor.submit("lab/edit")
    assert page.status_code == 200 and "Saved" in page.text and "2 of 2 graded" in page.text
    assert (lab / "ps.txt").read_text() == "Print a cube.\n" and "With clang." in (lab / "rubrics.json").read_text()
    assert not [path for path in lab.parent.iterdir() if path.name.startswith(".grader")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text[:-5], "bad-json"),
        (lambda text: text.replace("Is it readable?", "Is it fast?"), ""),  # the TAs' table names the old criterion
        (lambda _: "[]", ""),
    ],
)
def test_a_fault_saves_nothing_and_shows_the_typed_texts(
    admin: Callable[[], Visitor], lab: Path, change: Callable[[str], str], code: str
) -> None:
    editor, before = admin(), (lab / "rubrics.json").read_bytes()
    broken = change(before.decode())
    page = editor.submit("lab/edit", statement="My new text.", **{"text-rubric": broken})
    assert page.status_code == 422 and "My new text." in page.text and code in page.text and "expected" in page.text
    assert (lab / "rubrics.json").read_bytes() == before and "My new" not in (lab / "ps.txt").read_text()


def test_a_conflict_shows_both_texts_and_saves_neither_again(admin: Callable[[], Visitor], lab: Path) -> None:
    first, second, text = admin(), admin(), (lab / "rubrics.json").read_text()
    assert first.submit("lab/edit", statement="First.", **{"text-rubric": text}).status_code == 200
    page = second.submit("lab/edit", statement="Second.", **{"text-rubric": text})
    assert page.status_code == 409 and "First." in page.text and "Second." in page.text
    assert (lab / "ps.txt").read_text() == "First."
    assert second.submit("lab/edit").status_code == 200 and (lab / "ps.txt").read_text() == "Second."


def test_texts_are_escaped_and_unchanged_by_a_round_trip(admin: Callable[[], Visitor], lab: Path) -> None:
    hostile = "\n</textarea><script>alert(1)</script> &lt; 'x'\n"
    editor = admin()
    assert editor.submit("lab/edit", statement=hostile).status_code == 200
    assert (lab / "ps.txt").read_text() == hostile and "<script>" not in editor.page.text
    editor.submit("lab/edit")
    assert (lab / "ps.txt").read_text() == hostile


def test_only_admins_of_a_served_lab_edit(admin: Callable[[], Visitor], store: Store, lab: Path) -> None:
    app = admin().client.app
    assert visitor(app, store, "ta").open(EDIT).status_code == 403
    assert visitor(app, store, "admin").open(f"lab/edit?course={COURSE}&lab=../lab1").status_code == 404
    assert rubric(lab)


def test_checks_are_saved_with_the_texts_and_all_their_faults_are_shown(
    admin: Callable[[], Visitor], lab: Path
) -> None:
    editor = admin()
    broken = "tests:\n  - {name: one, stdinn: x, seconds: many}\n  - {stdout: y}\nunits: []\n"
    page = editor.submit("lab/edit", **{"text-checks": broken})
    assert page.status_code == 422 and page.text.count("<code>check-field</code>") == 4 and "Line 2" in page.text
    assert 'aria-describedby="checks-faults' in page.text and not (lab / "checks.yaml").exists()
    checks = 'tests:\n  - {name: one, stdin: "3\\n", stdout: "9\\n"}\n'
    page = editor.submit("lab/edit", act="check", **{"text-checks": checks})
    assert "No errors" in page.text and not (lab / "checks.yaml").exists()
    assert "Saved" in editor.submit("lab/edit", **{"text-checks": checks}).text
    assert (lab / "checks.yaml").read_text() == checks


def test_effects_count_decisions_and_those_that_the_new_rubric_loses(
    admin: Callable[[], Visitor], store: Store, lab: Path
) -> None:
    editor = admin()
    [grade, *_] = [each.grade.id for each in Deliveries(store.database).lab_grades(COURSE, "lab1")]
    store.record_override(grade, "Does it compile?", "A", "", request="r", actor="ta")
    (lab / "rubric_ratings.csv").unlink()  # its columns name the old criterion
    text = (lab / "rubrics.json").read_text().replace("Does it compile?", "Does it build?")
    page = editor.submit("lab/edit", **{"text-rubric": text})
    assert "2 submissions were graded" in page.text and "1 of them will not count" in page.text
    assert "Removed: Does it compile?" in page.text and "Save the new version" in page.text
    page = editor.submit("lab/edit", **{"text-rubric": text.replace("build", "run")})  # another one than was shown
    assert "Not saved yet" in page.text
    assert "Saved" in editor.submit("lab/edit").text and "Does it run?" in (lab / "rubrics.json").read_text()


CANVAS_CSV = (
    "Rubric Name,Criteria Name,Criteria Description,Criteria Enable Range,"
    "Rating Name,Rating Description,Rating Points,Rating Name,Rating Description,Rating Points\n"
    "Lab,Correct,Right output,false,Full,All right,2,None,<b>Wrong</b>,0\n"
)


def test_a_rubric_of_a_platform_is_read_into_the_field_and_not_saved(admin: Callable[[], Visitor], lab: Path) -> None:
    editor, before = admin(), (lab / "rubrics.json").read_text()
    page = editor.submit("lab/edit", act="import", files={"rubric-file": ("rubric.csv", CANVAS_CSV)})
    assert page.status_code == 200 and "&#34;title&#34;: &#34;Correct&#34;" in page.text
    assert (lab / "rubrics.json").read_text() == before
    page = editor.submit("lab/edit", act="import", files={"rubric-file": ("x.csv", "a,b\n1,2\n")}, statement="Mine.")
    assert page.status_code == 422 and "no-rubric-in-file" in page.text and "Mine." in page.text
    assert editor.submit("lab/edit", act="import").status_code == 422  # no file


def test_a_lab_is_created_checked_first_and_never_replaced(admin: Callable[[], Visitor], lab: Path) -> None:
    editor = admin()
    editor.open(f"lab/new?course={COURSE}&like=lab1")
    for name in ("", "../x", ".hidden", "lab1"):
        assert editor.submit("lab/new", name=name).status_code == 422
    page = editor.submit("lab/new", name="lab2", act="check")
    assert "No errors" in page.text and not (lab.parent / "lab2").exists()
    page = editor.submit("lab/new", name="lab2", statement=" ", **{"text-checks": "tests: 1"})
    assert page.status_code == 422 and "no-statement" in page.text and "check-field" in page.text
    page = editor.submit("lab/new", name="lab2", statement="New.", **{"text-checks": ""})
    assert page.status_code == 200 and "lab/submissions" in str(page.url)
    assert (lab.parent / "lab2" / "ps.txt").read_text() == "New." and rubric(lab.parent / "lab2") == rubric(lab)
    assert not (lab.parent / "lab2" / "checks.yaml").exists()
    assert "lab2" in editor.open("").text
