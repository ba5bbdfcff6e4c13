"""One lab, one submission, one answer: the examples of the OpenAPI description and of `docs/api.md`."""

from typing import Any

from serving.api.problems import FieldProblem, Problem, ProblemError

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
                {**rating, "probability": share} for rating, share in zip(RATINGS, (0.02, 0.11, 0.87), strict=True)
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
EXPLAINED = {
    400: ("bad-request", "There was an error parsing the body", None),
    404: ("unknown-lab", "There is no lab of this name here.", ("lab", '"squares"', "one of square")),
    413: ("too-large", "submission.files is larger than the service takes.", ("body", "9 MB", "at most 5 MB")),
    422: ("invalid-request", "The request cannot be read.", ("submission.files.0.content", "nothing", "a value")),
    503: ("queue-full", "As many submissions wait as may; come again later.", None),
}

GRADE_REQUESTS: Any = {
    "registered lab": {"summary": "By the rubric of a lab", "value": BY_LAB},
    "inline rubric": {"summary": "By the rubric in the request", "value": BY_RUBRIC},
}


def answered(example: object) -> dict[int | str, dict[str, Any]]:
    """The 200 of an operation."""
    return {200: {"content": {"application/json": {"example": example}}}}


def problems(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The problems that an operation may answer with, one example each."""
    return {code: _problem(code) for code in codes}


def _problem(code: int) -> dict[str, Any]:
    kind, detail, wrong = EXPLAINED[code]
    fields = [FieldProblem(field=wrong[0], found=wrong[1], expected=wrong[2])] if wrong else []
    example = ProblemError(code, kind, detail, fields).problem
    schema = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    retry = {"Retry-After": {"description": "Seconds until it is worth asking again.", "schema": {"type": "integer"}}}
    return {
        "description": example.title,
        "content": {"application/problem+json": {"schema": schema, "example": example.model_dump(mode="json")}},
        **({"headers": retry} if code == 503 else {}),
    }
