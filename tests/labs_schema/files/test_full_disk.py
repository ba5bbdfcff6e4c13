"""A full disk ends a command with an error that names the file and the next command, whichever library wrote it."""

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from labs_schema.errors import ModelError
from labs_schema.files.full_disk import DiskFullError, is_full_disk, reporting_full_disk

TMPFS = "mkdir {0} && mount -t tmpfs -o size={1} tmpfs {0} && exec {2}"
"""In a mount namespace of its own: only the process sees the small file system."""


def run_on_small_disk(folder: Path, size: str, script: str) -> "subprocess.CompletedProcess[str]":
    """Runs Python code in a process where `folder` is a new file system of `size`."""
    command = ["unshare", "-rm", "sh", "-c", TMPFS.format(folder, size, f'{sys.executable} -c "$0"'), script]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": "."})


@pytest.fixture
def needs_mounts() -> None:
    """Skips where a process may not mount a file system."""
    try:
        subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no mount namespaces")


WRITERS = {
    "plain": "open('{0}/x', 'wb').write(bytes(3_000_000))",
    "safetensors": "import torch; from safetensors.torch import save_file as s; s({{'a': torch.ones(9**7)}}, '{0}/x')",
    "torch": "import torch; torch.save({{'a': torch.ones(9**7)}}, '{0}/x')",
    "sqlite": "import sqlite3; c = sqlite3.connect('{0}/x'); c.execute('create table t (b)'); "
    "c.execute('insert into t values (?)', (bytes(9_000_000),)); c.commit()",
}


@pytest.mark.usefixtures("needs_mounts")
@pytest.mark.parametrize(
    "writer",
    [pytest.param(name, marks=pytest.mark.slow if name in ("torch", "safetensors") else ()) for name in WRITERS],
)
def test_every_writer_reports_a_full_disk(tmp_path: Path, writer: str) -> None:
    folder = tmp_path / "disk"
    script = f"""
import sys
from pathlib import Path
from labs_schema.files.full_disk import DiskFullError, reporting_full_disk
try:
    with reporting_full_disk(Path('{folder}'), 'try again.'):
        {WRITERS[writer].format(folder)}
except DiskFullError as error:
    print(error)
"""
    done = run_on_small_disk(folder, "1m", script)
    assert done.stdout.startswith(str(folder)) and done.stdout.endswith("then try again.\n"), done


def test_other_errors_are_unchanged(tmp_path: Path) -> None:
    for error in (ValueError("no"), PermissionError(errno.EACCES, "denied"), sqlite3.OperationalError("locked")):
        with pytest.raises(type(error)), reporting_full_disk(tmp_path, "try again."):
            raise error


def test_the_innermost_file_and_command_are_named(tmp_path: Path) -> None:
    with (
        pytest.raises(DiskFullError, match=r"^/data/inner: .*then resume\.$") as error,
        reporting_full_disk(tmp_path, "try again."),
        reporting_full_disk(tmp_path, "resume."),
    ):
        raise OSError(errno.ENOSPC, "No space left on device", "/data/inner")
    assert error.value.code == "disk-full"


def test_a_cause_counts_and_an_unrelated_error_while_handling_it_does_too() -> None:
    try:
        try:
            raise OSError(errno.EDQUOT, "Disk quota exceeded")
        except OSError as cause:
            raise ModelError("cannot save") from cause
    except ModelError as error:
        assert is_full_disk(error)
    assert not is_full_disk(ModelError("cannot save"))
