"""Files are written completely or not at all."""

import os
import stat
from pathlib import Path

import pytest

from labs_schema.files.atomic import create_atomically, write_atomically


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_replaced_or_left_as_requested(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 240)
    create_atomically(path, b"first")
    create_atomically(path, b"second")
    assert path.read_bytes() == b"first"
    write_atomically(path, "third")
    assert path.read_bytes() == b"third" and list(tmp_path.iterdir()) == [path]


def test_permissions_are_as_requested_whatever_the_umask_is(tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        write_atomically(tmp_path / "shared", "x", mode=0o664)
        write_atomically(tmp_path / "own", "x")
    finally:
        os.umask(umask)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("shared", "own")] == [0o664, 0o600]
