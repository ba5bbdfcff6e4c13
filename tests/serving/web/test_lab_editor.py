"""The lab editor: saved together or not at all, faults by field, conflicts with both texts, admins only."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labs_schema.lab_writer import write_lab
from labs_schema.models import Lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.store.roles import Role
from serving.store.store import Store
from tests.harness.pages import COURSE, Visitor, pages_app, record_lab, visitor

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
    assert page.status_code == 200 and "Saved" in page.text and "2 of 2 graded" in page.text
    assert (lab / "ps.txt").read_text() == "Print a cube.\n" and "With clang." in (lab / "rubrics.json").read_text()
    assert not [path for path in lab.parent.iterdir() if path.name.startswith(".editing")]


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
