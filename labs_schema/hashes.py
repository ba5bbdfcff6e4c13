"""Hashes that identify rubrics and submissions without revealing the student."""

import hashlib
import hmac
import json
from pathlib import Path

from labs_schema.models import Lab, Submission
from labs_schema.privacy.pseudonym_key import pseudonym_key


def submission_key(lab_name: str, student: str) -> str:
    """A pseudonym of 16 hexadecimal digits for a student's submission to a lab.

    An HMAC with this user's pseudonym key: a plain hash could be reversed with a class list. Raises GraderError if the
    key cannot be read.
    """
    return hmac.new(pseudonym_key(), f"{lab_name}\0{student}".encode(), hashlib.sha256).hexdigest()[:16]


def program_key(submission: Submission) -> str:
    """16 hexadecimal digits that depend on the files only.

    Used to sample or sort submissions: unlike `submission_key` it is the same on every machine.
    """
    return files_hash(submission)[:16]


def files_hash(submission: Submission) -> str:
    """Changes with any path or text of the files, and with nothing else: observations name the files they are of."""
    return canonical_hash([[file.path, file.text] for file in submission.files])


def observations_hash(submission: Submission) -> str | None:
    """The hash of the observations, without times and memory, which differ between two runs; None without any."""
    if submission.observations is None:
        return None
    measured = {"results": {"__all__": {"seconds", "memory_bytes"}}}
    return canonical_hash(submission.observations.model_dump(mode="json", exclude=measured))


def rubric_hash(lab: Lab) -> str:
    """Changes with any title, description, marks or order of the rubric, and with nothing else."""
    return canonical_hash([criterion.model_dump(mode="json") for criterion in lab.criteria])


def submission_hash(submission: Submission) -> str:
    """Changes with any path, text or redaction of the files; equal for two students with the same files."""
    return canonical_hash(submission_document(submission))


def submission_document(submission: Submission) -> object:
    """The files as JSON, with the strings that are redacted for the model and the codes of unread files, if any."""
    files = [[file.path, file.text] for file in submission.files]
    more = {"redactions": list(submission.redactions), "unread": list(submission.unread)}
    more = {name: values for name, values in more.items() if values}
    return {"files": files, **more} if more else files


def canonical_hash(value: object) -> str:
    """SHA-256 of `value` as canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def canonical_json(value: object) -> str:
    """`value` as ASCII-only JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
