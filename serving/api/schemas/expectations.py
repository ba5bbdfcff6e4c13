"""The expectation of every kind of fault that pydantic reports, in the words of the API."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from labs_schema.errors import did_you_mean
from serving.api.schemas.problems import FieldProblem, excerpt

Words = Callable[[Mapping[str, Any]], str]
"""The context of a fault, such as `max_length`, to the expectation."""

OBJECT, ITEMS, TEXT = "an object", "a list", "text"
EXPECTED: dict[str, str | Words] = {
    "missing": "a value",
    "extra_forbidden": "no field of this name",
    "model_attributes_type": OBJECT,
    "model_type": OBJECT,
    "dict_type": OBJECT,
    "list_type": ITEMS,
    "tuple_type": ITEMS,
    "string_type": TEXT,
    "string_unicode": "Unicode text",
    "string_too_short": lambda context: f"text of at least {_characters(context['min_length'])}",
    "string_too_long": lambda context: f"text of at most {_characters(context['max_length'])}",
    "string_pattern_mismatch": lambda context: f"text of the form {context['pattern']}",
    "too_short": lambda context: f"a list of at least {context['min_length']}",
    "too_long": lambda context: f"a list of at most {context['max_length']}",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": lambda context: f"a number above {context['gt']:g}",
    "greater_than_equal": lambda context: f"a number of at least {context['ge']:g}",
    "less_than": lambda context: f"a number below {context['lt']:g}",
    "less_than_equal": lambda context: f"a number of at most {context['le']:g}",
    "literal_error": lambda context: str(context["expected"]),
    "enum": lambda context: str(context["expected"]),
    "value_error": lambda context: str(context["error"]),
}
HINTS = {
    "missing": "Add the field.",
    "extra_forbidden": "Remove or rename the field.",
    "json_invalid": "Check commas, quotes and brackets near this position.",
    "model_attributes_type": "Write it in braces: {...}.",
    "list_type": "Write it in brackets: [...].",
    "tuple_type": "Write it in brackets: [...].",
    "string_type": "Write it in double quotes.",
    "bool_type": "Write true or false without quotes.",
    "float_type": "Write the number without quotes.",
    "too_long": "Send fewer items.",
    "string_too_long": "Shorten the text.",
}
CORRECT = "Correct the value."


def field_problem(fault: Mapping[str, Any], known: Sequence[str] = ()) -> FieldProblem:
    """`fault`: one of pydantic's errors. `known`: the names of the API's fields, for a misspelt one."""
    kind, path = str(fault["type"]), fault["loc"]
    if kind == "json_invalid":
        found = f"text that is not JSON at character {path[-1]}"
        return FieldProblem(field="body", found=found, expected="a body in JSON", hint=HINTS[kind])
    names = [str(part) for part in path if part not in ("body", "registered lab", "inline rubric")]
    hint = HINTS.get(kind, CORRECT)
    if kind == "extra_forbidden":
        hint += did_you_mean(names[-1], known)
    return FieldProblem(
        field=excerpt(".".join(names)).strip('"') or "body",
        found="nothing" if kind == "missing" else excerpt(fault.get("input")),
        expected=expected(kind, fault.get("ctx") or {}),
        hint=hint,
    )


def expected(kind: str, context: Mapping[str, Any]) -> str:
    """The expectation of a kind of fault. A kind without words of its own is described without pydantic's."""
    words = EXPECTED.get(kind, "another value; see the schema of the request in /openapi.json")
    return words if isinstance(words, str) else words(context)


def _characters(count: int) -> str:
    return "one character" if count == 1 else f"{count} characters"
