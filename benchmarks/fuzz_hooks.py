"""Schemathesis's positive examples, mended where JSON Schema cannot say what the service asks: names that differ, paths
that stay inside, text that a file can hold, a new idempotency key for every body."""

import hashlib
import json
import re
from typing import Any

import schemathesis
from schemathesis import GenerationMode

ODD = re.compile(r"[^A-Za-z0-9]+")


@schemathesis.hook
def map_case(ctx: Any, case: Any) -> Any:
    del ctx
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return case
    if isinstance(case.body, dict):
        case.body = _mended(case.body)
    return case


@schemathesis.hook
def before_call(ctx: Any, case: Any, kwargs: Any) -> None:
    """The key is that of the body as it is sent: a link writes into it what an answer before said."""
    del ctx, kwargs
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    for name in [name for name in case.headers or {} if name.lower() == "idempotency-key"]:
        case.headers[name] = hashlib.sha256(json.dumps(case.body, default=repr).encode()).hexdigest()


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return re.sub("[\0\ud800-\udfff]", "", value)
    if isinstance(value, list):
        return _told_apart([_mended(item) for item in value])
    if isinstance(value, dict):
        return {
            key: _name(_mended(item)) if key in ("filename", "student") else _mended(item)
            for key, item in value.items()
        }
    return value


def _name(value: Any) -> Any:
    return (ODD.sub("", value) or "a")[:100] if isinstance(value, str) else value


def _told_apart(items: list[Any]) -> list[Any]:
    """Names that stand twice in a list get their place."""
    for place, item in enumerate(items):
        for key in ("id", "title", "filename") if isinstance(item, dict) else ():
            if isinstance(item.get(key), str):
                item[key] = f"{item[key][:200]}{place}"
    return items
