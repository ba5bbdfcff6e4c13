"""The one owner of what commands print: text for people, or exactly one JSON document with `--json`."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from io import UnsupportedOperation
from typing import Any

from pydantic_core import to_jsonable_python
from rich.console import Console, RenderableType

STDOUT, STDERR = 1, 2


class JsonOutput:
    """Reserves stdout for one document. Until `close`, everything else that this process or its children print on
    stdout goes to stderr, also from libraries in other languages."""

    def __init__(self) -> None:
        self.written = False
        self._python_stdout, sys.stdout = sys.stdout, sys.stderr
        self._descriptor: int | None = None
        with suppress(OSError, UnsupportedOperation, AttributeError):  # a stream in memory, in tests
            if self._python_stdout.fileno() == STDOUT:
                self._python_stdout.flush()
                self._descriptor = os.dup(STDOUT)
                os.dup2(STDERR, STDOUT)

    def write(self, document: object) -> None:
        """Raises RuntimeError for a second document."""
        if self.written:
            raise RuntimeError("a command prints one JSON document")
        self.written = True
        text = as_json(document)
        if self._descriptor is None:
            print(text, file=self._python_stdout, flush=True)
        else:
            with os.fdopen(os.dup(self._descriptor), "w") as stream:
                stream.write(text + "\n")

    def close(self) -> None:
        sys.stdout = self._python_stdout
        if self._descriptor is not None:
            sys.stdout.flush()
            os.dup2(self._descriptor, STDOUT)
            os.close(self._descriptor)
            self._descriptor = None


_json_output: JsonOutput | None = None


def choose_output(requested: bool, on_close: Callable[[Callable[[], Any]], Any]) -> None:
    """Called before every command; `requested`: whether `--json` is given. `on_close` registers what ends it."""
    global _json_output
    _json_output = JsonOutput() if requested else None
    if _json_output:
        on_close(_json_output.close)


def json_requested() -> bool:
    return _json_output is not None


def show(document: object, *shown: RenderableType) -> None:
    """Prints a command's result: `document` with `--json`, otherwise `shown`, one below the other.

    `document`: plain values, records, paths; NaN and infinity become null. Strings in `shown` are printed literally:
    labs and submissions must not be able to send markup.
    """
    if _json_output:
        _json_output.write(document)
        return
    console = Console(highlight=False, emoji=False, soft_wrap=True)
    for each in shown:
        console.print(each, markup=False if isinstance(each, str) else None)


def show_error(error: BaseException, code: str) -> None:
    """Writes an error as the JSON document of a command that has not printed one. `issues`: those of an InputError."""
    if _json_output and not _json_output.written:
        issues = getattr(error, "issues", ())
        print(as_json({"error": {"code": code, "message": str(error), "issues": issues}}), flush=True)  # noqa: T201


def notes() -> Console:
    """The console for everything that accompanies a result, such as warnings and progress: stderr."""
    return Console(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def as_json(document: object) -> str:
    """ASCII, so that no terminal and no locale changes it. Strict JSON: NaN and infinity are null."""
    plain = to_jsonable_python(document, inf_nan_mode="null", fallback=str)
    return json.dumps(plain, indent=1, allow_nan=False)


def printable(text: str) -> str:
    """`text` with control characters as spaces: labs and submissions must not be able to send escape sequences."""
    return "".join(character if character.isprintable() else " " for character in text)
