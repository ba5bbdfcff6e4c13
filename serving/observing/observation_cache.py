"""Observations on disk, so that a submission is run once for the same checks and tools, also after an interruption."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from labs_schema.files.atomic import write_atomically
from labs_schema.hashes import canonical_hash
from labs_schema.observations import Outcome, SubmissionObservations
from labs_schema.settings import data_folder


def cache_folder() -> Path:
    return data_folder() / "observations"


def forget_observations() -> None:
    """Deletes all stored observations: they contain output of students' programs, under hashes that name no student."""
    shutil.rmtree(cache_folder(), ignore_errors=True)


class ObservationCache:
    """Observations of one language, one hash of the checks and one set of tool versions, by the hash of the files."""

    def __init__(self, language: str, checks: str, tools: Mapping[str, str]) -> None:
        self._folder = cache_folder() / canonical_hash([language, checks, dict(tools)])[:32]

    def read(self, submission: str) -> SubmissionObservations | None:
        """The cached observations; None if there are none, or if the file is damaged."""
        try:
            return SubmissionObservations.model_validate_json(self._path(submission).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, observed: SubmissionObservations) -> None:
        """Returns when it is on the disk. An observation with an error of a check is not stored: it is repeated."""
        if any(each.outcome is Outcome.ERROR for each in observed.results):
            return
        path = self._path(observed.submission)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, observed.model_dump_json(exclude_defaults=True))

    def _path(self, submission: str) -> Path:
        return self._folder / submission[:2] / f"{submission}.json"
