"""Schemathesis hooks: adjust valid examples where JSON Schema cannot express what the service requires.

Distinct names, relative paths of source files, text without NUL, files instead of an archive, `decided_by` rules for
ratings of the criterion, and a new idempotency key for every body.
"""

import hashlib
import json
import re
from typing import Any

import schemathesis
from schemathesis import GenerationMode

SPECIAL = re.compile(r"[^A-Za-z0-9]+")


@schemathesis.hook
def map_case(ctx: Any, case: Any) -> Any:
    del ctx
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return case
    if isinstance(case.body, dict):
        case.body = _adjusted(case.body)
    return case


@schemathesis.hook
def before_call(ctx: Any, case: Any, kwargs: Any) -> None:
    """Derives the key from the body as it is sent: links change the body after `map_case`."""
    del ctx, kwargs
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    for name in [name for name in case.headers or {} if name.lower() == "idempotency-key"]:
        case.headers[name] = hashlib.sha256(json.dumps(case.body, default=repr).encode()).hexdigest()


def _adjusted(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "", value)
    if isinstance(value, list):
        return _distinct([_adjusted(item) for item in value])
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("submission"), dict):
        files = value["submission"].get("files") or [{"filename": "main", "content": ""}]
        value = {**value, "submission": {"files": files}}
    found = {
        key: _name(_adjusted(item)) if key in ("filename", "student") else _adjusted(item)
        for key, item in value.items()
    }
    if isinstance(found.get("filename"), str) and isinstance(found.get("content"), str):
        found |= {"filename": f"{found['filename']}.c", "content": f"int a;\n{found['content']}"}
    if isinstance(found.get("decided_by"), list) and isinstance(found.get("ratings"), list):
        found["decided_by"] = [rule | {"rating": found["ratings"][0]["id"]} for rule in found["decided_by"]]
    return found


def _name(value: Any) -> Any:
    return (SPECIAL.sub("", value) or "a")[:100] if isinstance(value, str) else value


def _distinct(items: list[Any]) -> list[Any]:
    """Appends its index to every name in a list."""
    for index, item in enumerate(items):
        for key in ("id", "title", "filename", "check") if isinstance(item, dict) else ():
            if isinstance(item.get(key), str):
                item[key] = f"{index}{item[key]}" if key == "filename" else f"{item[key][:190]}{index}"
    return items
