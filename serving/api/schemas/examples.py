"""Examples and responses of the OpenAPI description: one lab, one submission, one grade."""

import json
from typing import Any

from serving.api.schemas.problems import PROBLEM_JSON, PROBLEMS, Problem, ProblemError
from serving.jobs.attempts import CRASHED

SUBMISSION = {
    "files": [{"filename": "square.c", "content": '#include <stdio.h>\nint main(void) { printf("%d", 7 * 7); }\n'}]
}
RATINGS = [
    {"id": "A", "description": "On all inputs", "points": 2.0},
    {"id": "B", "description": "On some inputs", "points": 1.0},
    {"id": "C", "description": "On none", "points": 0.0},
]
CRITERION = {"id": "Is it correct?", "title": "Is it correct?", "description": "Negative numbers too."}
BY_LAB = {"lab": "square", "submission": SUBMISSION}
BY_RUBRIC = {
    "problem": "Read a whole number and print its square.",
    "language": "C",
    "criteria": [{**CRITERION, "id": "_8027", "ratings": RATINGS}],
    "submission": SUBMISSION,
    "reasoning": True,
}
ANSWER = {
    "grade_id": "5f1c0e7a9b3d4c2e8a6f7b1d0c9e2a34",
    "lab": "square",
    "criteria": [
        {
            "id": "Is it correct?",
            "title": "Is it correct?",
            "rating": RATINGS[2],
            "ungraded": None,
            "points": 0.0,
            "max_points": 2.0,
            "ratings": [
                {**rating, "probability": probability}
                for rating, probability in zip(RATINGS, (0.02, 0.11, 0.87), strict=True)
            ],
            "confidence": 0.87,
            "label_mass": 0.998,
            "status": "accepted",
            "review_reasons": [],
            "reasoning": None,
        }
    ],
    "points": 0.0,
    "points_range": {"low": 0.0, "high": 0.0},
    "max_points": 2.0,
    "provenance": {
        "grader_version": "0.1.0",
        "engine": "vllm",
        "engine_version": "0.32.0",
        "base_model": "Qwen/Qwen2.5-Coder-7B-Instruct",
        **{
            f"{name}_hash": digit * 64
            for name, digit in zip(
                ("model", "tokenizer", "prompt", "rubric", "submission", "settings"), "012345", strict=True
            )
        },
    },
}
LAB_LIST = {"labs": [{"name": "square", "language": "C", "criteria": 1, "max_points": 2.0}]}
LAB_RUBRIC = {
    "name": "square",
    "language": "C",
    "problem": "Read a whole number and print its square.",
    "criteria": [{**CRITERION, "max_points": 2.0, "ratings": RATINGS}],
}
JOB: dict[str, Any] = {
    "id": "9f86d081884c7d65",
    "lab": "square",
    "course": "cs101",
    "state": "running",
    "started_at": "2026-03-01T09:30:00.000000Z",
    "started_by": "1f0c22ab",
    "finished_at": None,
    "graded": 112,
    "total": 240,
    "parked": [{"student": "s017", "reason": CRASHED}],
    "failure": None,
    "seconds_left": 41.5,
}
JOB_EVENTS = f"event: progress\ndata: {json.dumps(JOB)}\n\n"
MACHINE: dict[str, Any] = {
    "criterion": "Is it correct?",
    "rating": "C",
    "ungraded": None,
    "probabilities": {"A": 0.02, "B": 0.11, "C": 0.87},
    "confidence": 0.87,
    "label_mass": 0.998,
    "letters": [],
    "marks": 0.0,
    "max_marks": 2.0,
    "status": "accepted",
    "review_reasons": [],
    "reasoning": None,
}
RESULT = {
    "grade_id": ANSWER["grade_id"],
    "grade": {"lab": "square", "student": "s001", "criteria": [MACHINE], "provenance": ANSWER["provenance"]},
    "ratings": {"Is it correct?": "B"},
}
GRADES_NDJSON = json.dumps(RESULT) + "\n"
RATINGS_CSV = """criterion_title,Is it correct?,Is it correct?,Is it correct?
criterion_description,Negative numbers too.,Negative numbers too.,Negative numbers too.
rating_title,A,B,C
rating_description,On all inputs,On some inputs,On none
rating_marks,2,1,0
s001,0,1,0
"""
COMPARISON = {
    "with_tas": {
        "lab": "square",
        "submissions": 240,
        "rated_by_both": 238,
        "agreed": 237,
        "agreement": 0.9958,
        "criteria": [
            {
                "criterion": "Is it correct?",
                "rated_by_both": 238,
                "agreed": 237,
                "ungraded": 2,
                "needs_review": 20,
                "confusion": {
                    "A": {"A": 150, "B": 1, "C": 0},
                    "B": {"A": 0, "B": 57, "C": 0},
                    "C": {"A": 0, "B": 0, "C": 30},
                },
            }
        ],
        "differences": [
            {"student": "s001", "criterion": "Is it correct?", "ta": "A", "grader": "B", "confidence": 0.71}
        ],
    },
    "with_previous": {
        "before": "60303ae22b998861",
        "compared": 240,
        "same": 239,
        "changes": [{"student": "s001", "criterion": "Is it correct?", "before": "A", "now": "B"}],
    },
}
OVERRIDE = {
    "id": "0a4d55a8d778e5022fab701977c5d840",
    "at": "2026-03-02T14:05:00.000000Z",
    "by": "1f0c22ab",
    "criterion": "Is it correct?",
    "old": "C",
    "new": "B",
    "why": "It is right for 7.",
}
HISTORY: dict[str, Any] = {
    "id": ANSWER["grade_id"],
    "at": "2026-03-01T09:30:00.000000Z",
    "by": "job 9f86d081884c7d65",
    "student": "s001",
    "grade": ANSWER,
    "overrides": [OVERRIDE],
    "ratings": {"Is it correct?": "B"},
    "others": [],
}
GRADE_REQUESTS: Any = {
    "registered lab": {"summary": "By the rubric of a lab", "value": BY_LAB},
    "inline rubric": {"summary": "By the rubric in the request", "value": BY_RUBRIC},
}

KEYED = (
    "invalid-key",
    "insufficient-role",
    "loopback-only",
    "wrong-course",
    "course-required",
    "invalid-request",
    "rate-limited",
    "store-unavailable",
    "service-unavailable",
)
"""The problems of every operation that needs a key."""
STORED = ("request-in-progress", "student-forgotten", "idempotency-key-reused", "outcome-unknown")
"""The problems of every operation that takes an Idempotency-Key."""
BODY = ("bad-request", "too-large")
"""The problems of every operation that takes a body."""

RETRY_STATUSES = (409, 429, 503)
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait before a retry.", "schema": {"type": "integer"}}}


def success(example: object, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """The documented response of an operation that succeeds."""
    return {status: {"content": {"application/json": {"example": example}}}}


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
