"""One pass over the labs: what has to be remembered of each, while its rows and shingles go to disk.

Knows no sides. A lab is forgotten before the next one is read, so memory is that of the largest.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from labs_schema.errors import InputError, Issue, Severity
from labs_schema.hashes import program_key
from labs_schema.models import Lab, Submission
from labs_schema.reading.validate import read_lab
from training.dataset.files import folder_hash
from training.dataset.near_copies import Sketches
from training.dataset.pairs import RatedPrompt
from training.dataset.row_formats import RowFormat, json_lines
from training.dataset.source_tokens import shingles
from training.dataset.splits import Work
from training.dataset.spool import Spool

Rated = Callable[[Lab], Iterable[tuple[Submission, list[RatedPrompt]]]]
"""Every rated submission of a lab with a prompt for each criterion rated."""


class CollectedLab(NamedTuple):
    """What is remembered of a lab.

    `submissions` counts all, `works` are the rated ones. `unrated` counts the criteria of `works` that have no rating.
    `warnings` counts the lab's issues by their code.
    """

    name: str
    sha256: str
    submissions: int
    works: tuple[Work, ...]
    unrated: int
    warnings: dict[str, int]


def collect(
    folders: list[Path],
    rated: Rated,
    copies: Rated,
    row_format: RowFormat,
    spool: Spool,
    sketches: Sketches,
    progress: Callable[[int, int], None],
) -> list[CollectedLab]:
    """Reads each lab once. `copies` gives the submissions that also appear attacked, as they then are.

    Raises InputError with the errors of all labs where there are any.
    """
    labs: list[CollectedLab] = []
    errors: list[Issue] = []
    for number, folder in enumerate(folders, 1):
        lab, found = _collect_one(folder, rated, copies, row_format, spool, sketches)
        labs += [lab] if lab is not None else []
        errors += found
        progress(number, len(folders))
    if errors:
        raise InputError(errors)
    return labs


def _collect_one(
    folder: Path, rated: Rated, copies: Rated, row_format: RowFormat, spool: Spool, sketches: Sketches
) -> tuple[CollectedLab | None, list[Issue]]:
    """The lab, or its errors. Nothing of the lab's text outlives the call."""
    found = read_lab(folder)
    lab = found.lab
    if lab is None:
        return None, [issue for issue in found.issues if issue.severity is Severity.ERROR]
    attacked = {copy.student: spool.add(json_lines(prompts, row_format)) for copy, prompts in copies(lab)}
    works: list[Work] = []
    unrated = 0
    for submission, prompts in rated(lab):
        block = spool.add(json_lines(prompts, row_format))
        works.append(
            Work(lab.name, submission.student, block, program_key(submission), attacked.get(submission.student))
        )
        sketches.add(shingles((file.text for file in submission.files), lab.language))
        unrated += len(lab.criteria) - len(prompts)
    warnings = Counter(issue.code for issue in found.issues)
    size = len(lab.submissions)
    return CollectedLab(lab.name, folder_hash(folder), size, tuple(works), unrated, warnings), []
