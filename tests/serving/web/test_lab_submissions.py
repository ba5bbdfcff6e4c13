"""Adding submissions: a report first, then all or nothing; only in an empty lab, only by admins of the course."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from labs_schema.models import Lab
from labs_schema.reading.validate import load_lab
from serving.courses.lab_registry import read_registry
from serving.courses.served import OneCourse
from serving.courses.uploads import FOLDER
from serving.store.access.roles import Role
from serving.store.store import Store
from tests.harness.browser.pages import COURSE, Visitor, pages_app, visitor
from tests.harness.courses.lab_folders import write_lab

PAGE = f"lab/submissions?course={COURSE}&lab=lab1"


def zipped(**files: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/").replace("_c", ".c"), text)
    return data.getvalue()


CANVAS = zipped(adaone_1_11_sq_c="int a;\n", bentwo_LATE_2_12_sq_c="int b;\n")
ROSTER = b"Student,ID,SIS User ID\nOne Ada,1,s1001\nCara,3,s1003\n"


@pytest.fixture
def lab(tmp_path: Path, make_lab: Callable[..., Lab]) -> Path:
    write_lab(make_lab(students=1), tmp_path / "labs" / "lab1")
    shutil.rmtree(tmp_path / "labs" / "lab1" / "submissions")
    (tmp_path / "labs" / "lab1" / "rubric_ratings.csv").unlink()
    return tmp_path / "labs" / "lab1"


@pytest.fixture
def admin(store: Store, lab: Path) -> Visitor:
    store.create_key("ta", Role.TA, None, actor="test")
    app = pages_app(store, OneCourse(COURSE, read_registry(lab.parent)[0], lab.parent))
    found = visitor(app, store, "admin")
    assert found.open(PAGE).status_code == 200
    return found


def files(lab: Path) -> set[str]:
    return {str(path.relative_to(lab)) for path in lab.rglob("*") if path.is_file()}


def test_an_upload_is_reported_before_it_is_stored(admin: Visitor, lab: Path) -> None:
    before = files(lab)
    page = admin.submit("lab/submissions", files={"export": ("x.zip", CANVAS), "roster": ("r.csv", ROSTER)})
    assert page.status_code == 200 and "Nothing is stored yet" in page.text and "Canvas" in page.text
    for shown in ("Not on the roster: 1", "On the roster without a submission: 1", "Late: 1", "s1003"):
        assert shown in page.text
    assert files(lab) == before
    page = admin.submit("lab/submissions/confirm")
    assert page.status_code == 200 and "Stored: 2 students" in page.text
    assert {each.student for each in load_lab(lab).submissions} == {"s1001", "2"}
    assert list((lab.parent / FOLDER).iterdir()) == []


def test_storing_twice_and_uploading_to_a_full_lab_are_refused(admin: Visitor, lab: Path) -> None:
    empty = admin.page
    admin.submit("lab/submissions", files={"export": ("x.zip", CANVAS)})
    report = admin.page
    admin.submit("lab/submissions/confirm")
    stored, admin.page = files(lab), report
    assert admin.submit("lab/submissions/confirm").status_code == 409
    assert "never replaces" in admin.open(PAGE).text
    admin.page = empty
    page = admin.submit("lab/submissions", files={"export": ("x.zip", zipped(eve__a_c="int e;"))})
    assert page.status_code == 422 and "lab-has-submissions" in page.text
    assert files(lab) == stored


@pytest.mark.parametrize("data", [b"not a zip", zipped(), b""])
def test_an_error_is_shown_next_to_its_field_and_leaves_no_upload(admin: Visitor, lab: Path, data: bytes) -> None:
    page = admin.submit("lab/submissions", files={"export": ("x.zip", data)})
    assert page.status_code == 422 and "no-export" in page.text and 'aria-invalid="true"' in page.text
    assert not [*(lab.parent / FOLDER).iterdir()]


def test_a_hostile_archive_writes_only_inside_the_lab(admin: Visitor, lab: Path, tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in ("../../evil.c", "/evil.c", "s1/../../../evil.c", "s1/ok.c", "<img src=x>/a.c"):
            archive.writestr(name, "int x;\n")
    page = admin.submit("lab/submissions", platform="folder", files={"export": ("../../e.zip", data.getvalue())})
    assert page.status_code == 200 and "<img" not in page.text
    admin.submit("lab/submissions/confirm")
    assert not [*tmp_path.rglob("evil.c")] and (lab / "submissions" / "s1" / "ok.c").is_file()


def test_only_admins_of_the_course_upload(admin: Visitor, store: Store, lab: Path) -> None:
    app = admin.client.app
    assert visitor(app, store, "ta").open(PAGE).status_code == 403
    assert visitor(app, store, "admin", course="cs999").open(PAGE).status_code == 403
    anonymous = Visitor(app)
    anonymous.page = admin.page
    assert anonymous.submit("lab/submissions", files={"export": ("x.zip", CANVAS)}).status_code == 401
    assert not (lab.parent / FOLDER).exists()


def test_waiting_uploads_are_bounded(admin: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.courses.uploads.LIMITS", type("Few", (), {"waiting_uploads": 1, "upload_minutes": 60}))
    for status in (200, 409):
        admin.open(PAGE)
        assert admin.submit("lab/submissions", files={"export": ("x.zip", CANVAS)}).status_code == status
