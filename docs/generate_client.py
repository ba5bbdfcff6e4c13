"""Writes the generated parts of `grader.client` from the service's OpenAPI document. Called by generate.py."""

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

NOTE = "Written by docs/generate.py from the OpenAPI document of the service."
SCALARS = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
    "object": "JsonObject",
}
BINARY, JSON, EVENTS, LINES, CSV = (
    "application/octet-stream",
    "application/json",
    "text/event-stream",
    "application/x-ndjson",
    "text/csv",
)
DECORATORS = {CSV: "returns_text", EVENTS: "streams_events", LINES: "streams_lines"}
"""Content type of a response -> the function of `grader.client.methods` that makes a method of the request."""

BUILT_IN = {"Path", "None", "Literal", "Any"}
Document = dict[str, Any]


def python_type(schema: Document) -> str:
    """Raises ValueError for a schema that the client cannot express: extend this function then."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return " | ".join(dict.fromkeys(map(python_type, alternatives)))
    if values := schema.get("enum") or ([schema["const"]] if "const" in schema else None):
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    if schema.get("type") == "array":
        return f"tuple[{python_type(schema['items'])}, ...]" if "items" in schema else "tuple[Any, ...]"
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return f"dict[str, {python_type(inner)}]"
    if schema.get("format") == "binary":
        return "bytes | Path"
    if not schema.keys() - {"title", "description", "default", "examples"}:
        return "Any"
    return SCALARS[schema["type"]]


def models_module(document: Document) -> str:
    """A class for every schema with fields, a type alias for every other one, in an order in which each is defined."""
    schemas = document["components"]["schemas"]
    aliases = [f"{name} = {python_type(schema)}\n" for name, schema in schemas.items() if "properties" not in schema]
    classes = ["\n\n" + "\n".join(_class(name, schema)) for name, schema in schemas.items() if "properties" in schema]
    head = f'''"""Records of requests and responses. {NOTE}

Unknown fields of responses are ignored, because the service only ever adds fields.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

JsonObject = dict[str, Any]
'''
    base = '\n\nclass Record(BaseModel):\n    model_config = ConfigDict(frozen=True, extra="ignore")\n'
    return formatted(head + "".join(aliases) + base + "".join(f"{each}\n" for each in classes))


def _class(name: str, schema: Document) -> Iterator[str]:
    yield f"class {name}(Record):"
    if text := schema.get("description"):
        yield _docstring(text)
    required = schema.get("required", ())
    for field, each in schema["properties"].items():
        default = "" if field in required else f" = {_default(each)}"
        yield f"    {field}: {python_type(each)}{default}"


def _default(schema: Document) -> str:
    value = schema.get("default")
    return "()" if value == [] else repr(value)


def _docstring(text: str, indent: int = 4) -> str:
    """`text` filled to the line length, as a docstring."""
    paragraphs = [" ".join(each.split()) for each in text.replace("\\", "\\\\").split("\n\n")]
    lines = "\n\n".join(
        textwrap.fill(each, 116 - indent, break_long_words=False, break_on_hyphens=False) for each in paragraphs
    )
    closing = '"""' if "\n" not in lines else '\n"""'
    return textwrap.indent(f'"""{lines}{closing}', " " * indent)


def operations_module(document: Document) -> str:
    """A class with a method for every operation, which both clients have."""
    operations = [
        (method.upper(), path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    names = sorted(
        set(re.findall(r"\b[A-Z]\w+", " ".join(chain(*(_types(each) for *_, each in operations))))) - BUILT_IN
    )
    head = f'''"""One method for every operation of the service.

{NOTE}
"""

from pathlib import Path

from grader.client.methods import returns, {", ".join(sorted(DECORATORS.values()))}
from grader.client.models import {", ".join(names)}
from grader.client.transport import Call, new_key


class Operations:
'''
    return formatted(head + "\n".join(_method(*each) for each in operations))


def _types(operation: Document) -> list[str]:
    bodies = [python_type(schema) for _, schema in _body(operation)]
    return [*bodies, _decorator(operation), *(python_type(p["schema"]) for p in operation.get("parameters", ()))]


def _body(operation: Document) -> Iterator[tuple[str, Document]]:
    """The content type and schema of the request's body, if it has one."""
    content = operation.get("requestBody", {}).get("content", {})
    for kind in content:
        if kind not in (JSON, BINARY):
            raise ValueError(f"{operation['operationId']}: the client cannot send {kind}")
        yield kind, content[kind]["schema"]


def _decorator(operation: Document) -> str:
    [(kind, content)] = next(r["content"] for status, r in operation["responses"].items() if status < "300").items()
    return f"returns({python_type(content['schema'])})" if kind == JSON else DECORATORS[kind]


def _method(method: str, path: str, operation: Document) -> str:
    body = [f"body: {python_type(schema)}" for _, schema in _body(operation)]
    parameters = operation.get("parameters", [])
    keyed = any(each["in"] == "header" and each["name"].lower() == "idempotency-key" for each in parameters)
    in_path = [each for each in parameters if each["in"] == "path"]
    in_query = [each for each in parameters if each["in"] == "query"]
    named = [*map(_parameter, in_query), *["idempotency_key: str | None = None"] * keyed]
    positional = ["self", *(f"{each['name']}: str" for each in in_path), *body]
    signature = ", ".join([*positional, *(["*", *named] if named else [])])
    call = [f'"{method}"', f'"{path}"']
    call += [f"path={{{', '.join(_entry(each) for each in in_path)}}}"] * bool(in_path)
    call += [f"query={{{', '.join(_entry(each) for each in in_query)}}}"] * bool(in_query)
    call += ["body=body"] * bool(body) + ["key=new_key(idempotency_key)"] * keyed
    text = f"{operation['summary']}.\n\n{operation.get('description', '')}".strip()
    head = f"    @{_decorator(operation)}\n    def {operation['operationId']}({signature}) -> Call:"
    return f"{head}\n{_docstring(text, 8)}\n        return Call({', '.join(call)})\n"


def _parameter(each: Document) -> str:
    """Raises ValueError for a parameter that is neither a scalar nor optional text."""
    kind = python_type(each["schema"])
    default = "" if each["required"] else f" = {each['schema'].get('default')!r}"
    return f"{each['name']}: {kind}{default}"


def _entry(each: Document) -> str:
    return f'"{each["name"]}": {each["name"]}'


def formatted(source: str) -> str:
    """As `ruff format` leaves it."""
    ruff = [str(Path(sys.executable).with_name("ruff")), "format", "--quiet", "-"]
    return subprocess.run(
        ruff, input=source, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
    ).stdout
