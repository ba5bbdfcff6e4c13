"""Uploads that wait for a confirmation: in a folder among the course's labs, which all processes that serve it see."""

import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from labs_schema.files.edits import WORK_PREFIX
from labs_schema.limits import PageLimits

LIMITS = PageLimits()
FOLDER = f"{WORK_PREFIX}uploads"
TOKEN = re.compile(r"[0-9a-f]{32}")


class Upload(NamedTuple):
    """`token` names the upload in forms. `folder` holds its files."""

    token: str
    folder: Path


class Uploads:
    """The uploads of a course whose labs are in the folder `labs`. They are deleted after a while."""

    def __init__(self, labs: Path) -> None:
        self._folder = labs / FOLDER

    def add(self) -> Upload | None:
        """A new one with an empty folder; None if too many wait. Raises OSError."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if self._delete_old() >= LIMITS.waiting_uploads:
            return None
        upload = Upload(token := secrets.token_hex(16), self._folder / token)
        upload.folder.mkdir(mode=0o700)
        return upload

    def find(self, token: str) -> Upload | None:
        """The upload; None if it is unknown, confirmed or deleted."""
        folder = self._folder / token
        return Upload(token, folder) if TOKEN.fullmatch(token) and folder.is_dir() else None

    def delete(self, upload: Upload) -> None:
        shutil.rmtree(upload.folder, ignore_errors=True)

    def _delete_old(self) -> int:
        """The number of the others."""
        left = 0
        for folder in self._folder.iterdir():
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > LIMITS.upload_minutes * 60:
                    shutil.rmtree(folder, ignore_errors=True)
                else:
                    left += 1
        return left
