"""The grades that another model would give to a lab: stored in a file until a person puts them in use.

`proposed.jsonl` has a `Proposal` in its first line and then a grade a line, under the students' ids. The store records
its folder, so that forgotten students are erased from it.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from labs_schema.files.atomic import write_atomically
from labs_schema.frozen import Frozen
from labs_schema.grades import Grade
from labs_schema.models import Lab
from labs_schema.settings import data_folder
from serving.jobs.job import work_hash
from serving.review.labelling.labelling import Version
from serving.store.store import Store

FILE = "proposed.jsonl"


class Proposal(Frozen):
    """`id`: random. `work`: hash of the rubric and the submissions that were graded (`work_hash`). `version`: of the
    head that gave the grades, None for another model. `at`: date and time in UTC, ISO 8601."""

    id: str
    course: str
    lab: str
    model: str
    model_hash: str
    work: str
    version: Version | None
    at: str
    actor: str


class ProposedGrades(Frozen):
    proposal: Proposal
    grades: tuple[Grade, ...]


def new_proposal(
    course: str, lab: Lab, model: str, model_hash: str, *, actor: str, version: Version | None = None
) -> Proposal:
    """A proposal of grades of the submissions that `lab` has now."""
    return Proposal(
        id=secrets.token_hex(8),
        course=course,
        lab=lab.name,
        model=model,
        model_hash=model_hash,
        work=work_hash(lab),
        version=version,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        actor=actor,
    )


def lab_folder(store: Store, course: str, lab: str) -> Path:
    """The folder on this machine for what was learned about a lab; course and lab may have any printable name."""
    parts = (quote(name, safe="").replace(".", "%2E") or "-" for name in (course, lab))
    return (store.database.folder or data_folder()).joinpath("labels", *parts)


def write_proposal(store: Store, proposal: Proposal, grades: Sequence[Grade]) -> None:
    """Replaces the lab's proposal; on disk when it returns."""
    folder = lab_folder(store, proposal.course, proposal.lab) / "proposed"
    store.record_export(proposal.course, folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / FILE, "".join(each.model_dump_json() + "\n" for each in (proposal, *grades)))


def has_proposal(store: Store, course: str, lab: str) -> bool:
    return (lab_folder(store, course, lab) / "proposed" / FILE).exists()


def read_proposal(store: Store, course: str, lab: str) -> ProposedGrades | None:
    """The proposal; None if there is none, or if another version of this program made it."""
    try:
        lines = (lab_folder(store, course, lab) / "proposed" / FILE).read_text(encoding="utf-8").splitlines()
        proposal, *grades = lines
        return ProposedGrades(
            proposal=Proposal.model_validate_json(proposal),
            grades=tuple(Grade.model_validate_json(each) for each in grades),
        )
    except (OSError, ValueError, ValidationError):
        return None
