"""Writes the generated pages of docs/reference/, and the generated modules of grader.client.

With `--check` it only names the outdated pages.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
import yaml
from fastapi import FastAPI
from generate_client import models_module, operations_module

from grader.cli import app as cli
from labs_schema import limits
from labs_schema.errors import issue_texts
from labs_schema.frozen import Frozen
from labs_schema.settings import Settings
from serving.api import routes
from serving.api.schemas.problems import PROBLEMS

REFERENCE = Path(__file__).parent / "reference"
STANDARD_VARIABLES = yaml.safe_load((REFERENCE.parent / "standard_variables.yaml").read_text(encoding="utf-8"))
BENCHMARKS = REFERENCE.parents[1] / "benchmarks"
CLIENT = REFERENCE.parents[1] / "grader" / "client"
NOTE = "<!-- Written by docs/generate.py. -->\n"


def table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(header), line(tuple("---" for _ in header)), *map(line, rows)])


def markdown(text: str) -> str:
    """Rich markup as Markdown; text in angle brackets stays visible."""
    return re.sub(r"\[bold\](.*?)\[/\]", r"`\1`", text).replace("<", "&lt;")


def code(text: str) -> str:
    return f"`{text}`" if text else ""


# cli.md


def commands(group: Any, *names: str) -> Iterator[tuple[str, Any]]:
    """Every command by the words that call it: `keys create`."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield " ".join((*names, name)), command


def cli_page() -> str:
    root = typer.main.get_command(cli)
    sections = ["# Commands", "`grader COMMAND --help` prints the same. Every command exits with status 1 on an error."]
    for name, command in commands(root):
        context = typer.Context(command, info_name=f"grader {name}")
        params = command.get_params(context)
        arguments = [_argument(param) for param in params if param.param_type_name == "argument"]
        usage = " ".join(["grader", name, *arguments, "[OPTIONS]"])
        sections += [f"## grader {name}", f"```sh\n{usage}\n```", markdown(command.help)]
        rows = [_option(param, context) for param in params if param.name != "help"]
        if rows:
            sections.append(table(("option", "value", "default", "meaning"), rows))
    return "\n\n".join(sections)


def _argument(param: Any) -> str:
    name = (param.metavar or param.name).upper() + ("..." if param.nargs != 1 else "")
    return name if param.required else f"[{name}]"


def _option(param: Any, context: Any) -> tuple[str, ...]:
    is_option = param.param_type_name == "option"
    flags = ", ".join(code(flag) for flag in (*param.opts, *param.secondary_opts)) if is_option else _argument(param)
    value = param.display_type_rich(ctx=context) if is_option else None
    plain = param.default is None or param.default is False
    default = "required" if param.required else "" if plain else code(str(param.default))
    return flags, code((value or "").strip("<>")), default, markdown(param.help or "")


# limits.md


def limits_page() -> str:
    sections = ["# Limits", "One record per concern, in `labs_schema/limits.py`. They are constants, not settings."]
    for name, record in inspect.getmembers(limits, inspect.isclass):
        if issubclass(record, Frozen) and record is not Frozen:
            rows = [
                (code(field), f"{info.get_default():,}", info.description or "")
                for field, info in record.model_fields.items()
            ]
            sections += [
                f"## {name}",
                markdown(inspect.getdoc(record) or ""),
                table(("limit", "value", "meaning"), rows),
            ]
    return "\n\n".join(sections)


# api.md


def api_page() -> str:
    document = openapi_document()
    sections = [
        "# HTTP API",
        "A running service describes itself at `/docs` and `/openapi.json`, with examples. Codes: [errors](errors.md).",
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            sections += [f"## {method.upper()} {path}", markdown(operation.get("description", operation["summary"]))]
            sections += list(_operation(operation))
    sections += ["## Schemas"]
    for name, schema in document["components"]["schemas"].items():
        sections += [f"### {name}", markdown(schema.get("description", ""))]
        sections += [_schema(schema) if "properties" in schema else "Values: " + _type(schema).replace(" or ", ", ")]
    return "\n\n".join(section for section in sections if section)


def _operation(operation: dict[str, Any]) -> Iterator[str]:
    parameters = operation.get("parameters", [])
    if parameters:
        rows = [
            (code(each["name"]), each["in"], _type(each["schema"]), markdown(each.get("description", "")))
            for each in parameters
        ]
        yield table(("parameter", "in", "type", "meaning"), rows)
    if body := operation.get("requestBody"):
        yield "Body: " + ", ".join(_type(content["schema"]) for content in body["content"].values())
    rows = [
        (status, ", ".join(code(kind) for kind in response.get("content", {})), markdown(response["description"]))
        for status, response in operation["responses"].items()
    ]
    yield table(("status", "content", "meaning"), rows)


def _schema(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (code(name), _type(field), "yes" if name in required else "", markdown(field.get("description", "")))
        for name, field in schema["properties"].items()
    ]
    return table(("field", "type", "required", "meaning"), rows)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema or "oneOf" in schema:
        return " or ".join(map(_type, schema.get("anyOf") or schema["oneOf"]))
    if "enum" in schema:
        return " or ".join(code(str(value)) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("format", schema.get("type", "any")))


# errors.md


def errors_page() -> str:
    rows = [
        (str(kind.status), code(kind.code), kind.title, kind.hint + (" Also sent by the proxy." if kind.proxy else ""))
        for kind in PROBLEMS.values()
    ]
    return "\n\n".join(
        (
            "# Errors",
            "## HTTP API",
            "The `code` of the problem details (RFC 9457). `type` is the same as a URI: `urn:grader:` and the code.",
            table(("status", "code", "title", "hint"), rows),
            "## Labs and datasets",
            "`grader check --json` lists issues with their `code`: see [issue codes](lab-format.md#issue-codes).",
            "## Python",
            "The `code` of a `labs_schema.errors.GraderError`, the base class of errors that a user can fix.",
            table(
                ("code", "meaning"),
                [(code(name), text["meaning"]) for name, text in issue_texts().items() if text["group"] == "errors"],
            ),
            "## LTI",
            "Refused launches, shown on the page in the course platform and logged with details, and errors of the "
            "commands in the group lti. See [LTI](../guide/lti.md).",
            table(
                ("code", "meaning", "hint"),
                [
                    (code(name), text["meaning"], text.get("hint", ""))
                    for name, text in issue_texts().items()
                    if text["group"] == "lti"
                ],
            ),
            "## Exit status",
            table(
                ("status", "meaning"),
                [
                    ("0", "success"),
                    (
                        "1",
                        "an error or a negative result: errors in a lab, no guarantee, a changed audit log",
                    ),
                    ("2", "wrong options or arguments"),
                    ("130", "training interrupted by Ctrl-C or SIGTERM, after a checkpoint"),
                ],
            ),
        )
    )


# settings.md


def settings_page() -> str:
    prefix = str(Settings.model_config["env_prefix"])
    own = [(code(prefix + name.upper()), info.description or "") for name, info in Settings.model_fields.items()]
    others = [(code(name), variable["read_by"], variable["effect"]) for name, variable in STANDARD_VARIABLES.items()]
    return "\n\n".join(
        (
            "# Settings",
            "Environment variables. Everything else is a [command-line option](cli.md) or a field of a "
            "[run configuration](../guide/training.md#settings).",
            table(("variable", "meaning"), own),
            "## Variables of other programs",
            "`grader` reads them, or sets them if they are unset.",
            table(("variable", "read by", "meaning"), others),
        )
    )


# benchmarks.md


def benchmarks_page() -> str:
    rows: dict[str, list[tuple[str, ...]]] = {}
    for path in sorted(BENCHMARKS.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if '\nif __name__ == "__main__"' in source:
            module = path.parent if path.name == "__main__.py" else path.with_suffix("")
            name = ".".join(module.relative_to(BENCHMARKS.parent).parts)
            folder = module.parent.name if module.parent != BENCHMARKS else "others"
            rows.setdefault(folder, []).append((code(name), *_benchmark(ast.get_docstring(ast.parse(source)) or "")))
    sections = [
        "# Benchmarks",
        "Run them with `python -m NAME` from the top of the repository; `--help` lists the options. The times are "
        "estimates for the default options on 2 cores. Most benchmarks need labs of your own.",
    ]
    for folder, found in sorted(rows.items(), key=lambda row: (row[0] == "others", row[0])):
        sections += [f"## {folder.capitalize()}", table(("name", "measures", "time", "figures"), found)]
    return "\n\n".join(sections)


def _benchmark(docstring: str) -> tuple[str, ...]:
    """The first paragraph, the time, and a link to the page of the figures."""
    first, *_, last = docstring.split("\n\n")
    found = re.fullmatch(r"Time: (.+)\. Figures: (?:none|docs/(.+))\.", last)
    if not found:
        raise ValueError(f"the last line must be 'Time: .... Figures: docs/PAGE.' or '... Figures: none.': {first}")
    time, page = found.groups()
    return " ".join(first.split()), time, f"[{Path(page).stem}](../{page})" if page else ""


# grader.client


def openapi_document() -> dict[str, Any]:
    service = FastAPI(title="grader")
    for router in routes.ROUTERS:
        service.include_router(router)
    return service.openapi()


CLIENT_MODULES = {"models.py": models_module, "operations.py": operations_module}


def client_modules() -> dict[Path, str]:
    """The generated modules of `grader.client`, by file."""
    document = openapi_document()
    return {CLIENT / name: write(document) for name, write in CLIENT_MODULES.items()}


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli_page,
    "limits.md": limits_page,
    "api.md": api_page,
    "errors.md": errors_page,
    "settings.md": settings_page,
    "benchmarks.md": benchmarks_page,
}


def outdated() -> list[str]:
    """Pages whose file is missing or differs from what the code gives."""
    files = {name: REFERENCE / name for name in PAGES}
    return [name for name, file in files.items() if not file.exists() or file.read_text() != content(name)]


def content(name: str) -> str:
    return NOTE + PAGES[name]().rstrip() + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(f"Outdated: {', '.join(names)}. Run python docs/generate.py" if (names := outdated()) else 0)
    for name in PAGES:
        (REFERENCE / name).write_text(content(name), encoding="utf-8")
    for path, source in client_modules().items():
        path.write_text(source, encoding="utf-8")
