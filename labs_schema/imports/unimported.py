"""Recognises exports of platforms that were put where a lab or its submissions are expected."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from labs_schema.errors import Issue, error_issue
from labs_schema.files.decoding import decode
from labs_schema.imports.platforms import PLATFORMS, listed_names, recognized_at
from labs_schema.imports.readers.canvas import is_assessments
from labs_schema.imports.readers.gradescope import is_evaluation
from labs_schema.imports.readers.plain_folder import recognizes as plain_folder_recognizes
from labs_schema.reading.lab_folders import RATINGS, SUBMISSIONS, is_lab
from labs_schema.reading.roster import folded_heading

HEADER_BYTES = 20_000


def unimported_in_lab(lab: Path) -> Issue | None:
    """An error if the submissions or the ratings of a lab folder are an export, with the command that imports it."""
    platform = recognized_at(lab / SUBMISSIONS)
    ratings = _is_platform_table(lab / RATINGS)
    if platform is None and not ratings:
        return None
    found = f"submissions as {PLATFORMS[platform].title} exports them" if platform else "ratings as a platform exports"
    name = platform or "folder"
    return _issue(lab / (SUBMISSIONS if platform else RATINGS), found, name, lab / SUBMISSIONS, ["--lab", str(lab)])


def unimported_exports(parent: Path) -> Iterator[Issue]:
    """An error for `parent` if it is an export itself, else one for each export in it: a folder or zip file."""
    paths = [parent]
    if recognized_at(parent) is None and parent.is_dir():
        paths = sorted(each for each in parent.iterdir() if not each.name.startswith(".") and not is_lab(each))
    for path in paths:
        if platform := recognized_at(path):
            yield _issue(path, f"an export of {PLATFORMS[platform].title}", platform, path, [])


def plain_folder(parent: Path) -> Iterator[Issue]:
    """An error with the command that imports `parent`, if it contains folders with source files."""
    if plain_folder_recognizes(listed_names(parent)):
        yield _issue(parent, "a plain folder of submissions", "folder", parent, [])


def _issue(where: Path, found: str, platform: str, export: Path, more: list[str]) -> Issue:
    source = Path(more[1]) if more else export
    out = source.with_name(source.name.removesuffix(".zip") + "-imported")
    command = shlex.join(["grader", "import", platform, str(export), *more, "--out", str(out)])
    return error_issue("unimported-export", where.name, found=found, hint=f"Import it: {command}")


def _is_platform_table(path: Path) -> bool:
    """Whether a table has the headings of Gradescope's evaluations or Canvas's rubric assessments."""
    try:
        with path.open("rb") as file:
            decoded = decode(file.read(HEADER_BYTES))
    except OSError:
        return False
    first = decoded.text.partition("\n")[0] if decoded else ""
    header = next((cells for delimiter in ",;\t" if len(cells := first.split(delimiter)) > 2), [])
    keys = frozenset(map(folded_heading, header))
    return is_evaluation(keys) or is_assessments(keys)
