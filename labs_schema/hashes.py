"""Names for what was graded that show no student. Knows no model and no prompt."""

import hashlib
import hmac
import json

from labs_schema.models import Lab, Submission
from labs_schema.privacy.pseudonym_key import pseudonym_key


def submission_key(lab_name: str, student: str) -> str:
    """16 hexadecimal digits that stand for a student's work in a lab wherever the id itself must not appear: an HMAC
    by this user's secret, as a plain hash could be guessed from a class list. Raises GraderError without a secret."""
    return hmac.new(pseudonym_key(), f"{lab_name}\0{student}".encode(), hashlib.sha256).hexdigest()[:16]


def program_key(submission: Submission) -> str:
    """16 hexadecimal digits of the files alone: what is drawn or sorted by them tells nothing of the student, and is
    the same on every machine."""
    return canonical_hash([[file.path, file.text] for file in submission.files])[:16]


def rubric_hash(lab: Lab) -> str:
    """Changes with any title, description, marks or order of the rubric, and with nothing else."""
    return canonical_hash([criterion.model_dump(mode="json") for criterion in lab.criteria])


def submission_hash(submission: Submission) -> str:
    """Changes with any path or text of the files, and with what of them is hidden from a model; equal for two students
    who handed in the same."""
    files = [[file.path, file.text] for file in submission.files]
    return canonical_hash({"files": files, "redactions": submission.redactions} if submission.redactions else files)


def canonical_hash(value: object) -> str:
    """SHA-256 in hexadecimal of `value` as canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def canonical_json(value: object) -> str:
    """`value` as JSON with sorted keys, no blanks, ASCII only: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
