"""Moodle's web services for the commands: the token of the environment, and assignments as files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from labs_schema.imports.importer import ImportSource
from labs_schema.settings import Settings
from serving.deliveries.errors import DeliveryError
from serving.deliveries.platforms.moodle.assignment import parse_address
from serving.deliveries.platforms.moodle.download import Progress, download_assignment
from serving.outbound.client import OutboundClient
from serving.outbound.policy import configured_policy


def moodle_token() -> str:
    """Raises DeliveryError if it is not set."""
    token = Settings().moodle_token.get_secret_value()
    if not token:
        raise DeliveryError("platform-token", "GRADER_MOODLE_TOKEN is not set.")
    return token


@contextmanager
def downloaded(url: str, source: ImportSource, progress: Progress) -> Iterator[ImportSource]:
    """`source` with the files of the assignment at `url`, while the context is open. Tables that it names are used.

    Raises DeliveryError, and the errors of OutboundClient.
    """
    address, token = parse_address(url), moodle_token()
    with TemporaryDirectory(prefix="grader-moodle-") as folder, OutboundClient(configured_policy()) as client:
        found = download_assignment(address, token, client, Path(folder), progress)
        grades = source.grades or ((found.grades,) if found.grades else ())
        lab, roster = source.lab or found.lab, source.roster or found.roster
        yield replace(source, export=found.submissions, roster=roster, grades=grades, lab=lab)
