"""Examples (`examples.yaml`) and responses of the OpenAPI description."""

import json
from importlib.resources import files
from typing import Any

import yaml

from serving.api.schemas.problems import PROBLEM_JSON, PROBLEMS, Problem, ProblemError

_TEXT = files("serving.api.schemas").joinpath("examples.yaml").read_text(encoding="utf-8")
_EXAMPLES: dict[str, Any] = yaml.safe_load(_TEXT)
SUBMISSION, BY_LAB, BY_RUBRIC = (_EXAMPLES[name] for name in ("SUBMISSION", "BY_LAB", "BY_RUBRIC"))
GRADE_REQUESTS: Any = {
    "registered lab": {"summary": "With the rubric of a lab", "value": BY_LAB},
    "inline rubric": {"summary": "With the rubric in the request", "value": BY_RUBRIC},
}
ANSWER, HISTORY, OVERRIDE = (_EXAMPLES[name] for name in ("ANSWER", "HISTORY", "OVERRIDE"))
STUDENT_LINK = _EXAMPLES["STUDENT_LINK"]
REGRADE_REQUEST, IMPORTED = _EXAMPLES["REGRADE_REQUEST"], _EXAMPLES["IMPORTED"]
WEBHOOK, WEBHOOK_SECRET, DEAD_MESSAGE = (_EXAMPLES[name] for name in ("WEBHOOK", "WEBHOOK_SECRET", "DEAD_MESSAGE"))
LAB_LIST, LAB_RUBRIC = _EXAMPLES["LAB_LIST"], _EXAMPLES["LAB_RUBRIC"]
JOB, RESULT, COMPARISON = (_EXAMPLES[name] for name in ("JOB", "RESULT", "COMPARISON"))
JOB_EVENTS = f"event: progress\ndata: {json.dumps(JOB)}\n\n"
GRADES_NDJSON, RATINGS_CSV = json.dumps(RESULT) + "\n", _EXAMPLES["RATINGS_CSV"]

KEYED = (
    *("invalid-key", "insufficient-role", "loopback-only", "wrong-course", "course-required", "invalid-request"),
    *("rate-limited", "store-unavailable", "service-unavailable"),
)
"""The problems of every operation that needs a key."""
STORED = ("request-in-progress", "student-forgotten", "idempotency-key-reused", "outcome-unknown")
"""The problems of every operation that takes an Idempotency-Key."""
BODY = ("bad-request", "too-large", "unsupported-media-type")
"""The problems of every operation that takes a body."""

RETRY_STATUSES = (409, 429, 503)
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait before a retry.", "schema": {"type": "integer"}}}


def success(description: str, example: object, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The documented response of an operation that succeeds."""
    return {status: {"description": description, "content": {"application/json": {"example": example}}}}


def responses(description: str, example: object, *codes: str, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The documented responses of an operation that needs a key. `codes`: its own problems."""
    return {**success(description, example, status), **problems(*codes, *KEYED)}


def problems(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The documented problem responses of an operation, by status, with an example for each code."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(PROBLEMS[code].status, []).append(code)
    return {status: _responses(status, by_status[status]) for status in sorted(by_status)}


def _responses(status: int, codes: list[str]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    examples = {code: {"summary": PROBLEMS[code].title, "value": _example(code)} for code in codes}
    return {
        "description": "; ".join(PROBLEMS[code].title for code in codes),
        "content": {PROBLEM_JSON: {"schema": schema, "examples": examples}},
        **({"headers": RETRY_AFTER} if status in RETRY_STATUSES else {}),
    }


def _example(code: str) -> dict[str, Any]:
    example: dict[str, Any] = ProblemError(code, f"{PROBLEMS[code].title}.").problem.model_dump(mode="json")
    return example
