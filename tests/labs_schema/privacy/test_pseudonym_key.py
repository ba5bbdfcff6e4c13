"""Pseudonyms cannot be reversed with a class list."""

import hashlib
import stat
from pathlib import Path

import pytest

from labs_schema.hashes import program_key, submission_key
from labs_schema.models import SourceFile, Submission
from labs_schema.privacy.pseudonym_key import (
    check_fingerprint,
    is_current_key,
    key_file,
    key_fingerprint,
    pseudonym_key,
)
from tests.harness.errors import raises_code


def test_pseudonym_depends_on_the_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "one.key"))
    first = submission_key("lab1", "s1")
    assert submission_key("lab1", "s1") == first != submission_key("lab", "1s1")
    assert first != hashlib.sha256(b"lab1\0s1").hexdigest()[:16]
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "two.key"))
    assert submission_key("lab1", "s1") != first
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "one.key"))
    assert submission_key("lab1", "s1") == first


def test_key_is_created_once_and_readable_by_its_owner_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GRADER_SECRET", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert key_file() == tmp_path / "grader" / "pseudonyms.key"
    assert len(pseudonym_key()) == 32 and pseudonym_key() == key_file().read_bytes()
    assert stat.S_IMODE(key_file().stat().st_mode) == 0o600
    assert [path.name for path in key_file().parent.iterdir()] == ["pseudonyms.key"]


def test_other_key_is_reported_with_a_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "one.key"))
    mark = key_fingerprint()
    check_fingerprint(mark, "runs/latest")
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "two.key"))
    with raises_code("other-pseudonym-key", r"runs/latest.*two\.key.*GRADER_SECRET"):
        check_fingerprint(mark, "runs/latest")
    assert not (tmp_path / "two.key").exists()  # asking makes none
    (tmp_path / "short.key").write_bytes(b"abc")
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "short.key"))
    with raises_code("bad-pseudonym-key", "found 3 bytes, expected 32"):
        check_fingerprint(mark, "runs/latest")
    assert not is_current_key(mark)
    monkeypatch.setenv("GRADER_SECRET", str(tmp_path / "short.key" / "below-a-file"))
    assert not is_current_key(mark)
    with raises_code("bad-pseudonym-key"):
        pseudonym_key()


def test_program_key_is_independent_of_student_and_machine() -> None:
    files = (SourceFile(path="a.c", text="int a;"),)
    one, two = (Submission(student=name, folder=name, files=files) for name in ("s1", "s2"))
    assert program_key(one) == program_key(two.model_copy(update={"redactions": ("x",)}))
