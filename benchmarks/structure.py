"""Measures the structure of the product: files, lines, folders, import cycles, widest function, comment share.

    python -m benchmarks.structure [REVISION ...]

Prints one Markdown table with a column per git revision; the working tree without arguments.

Time: seconds. Figures: docs/measurements/structure.md.
"""

import argparse
import ast
import io
import statistics
import subprocess
import tokenize
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from rich.console import Console

PACKAGES = ("grader", "labs_schema", "prompts", "training", "serving")
GENERATED = "Written by docs/generate.py"
"""In the docstring of a generated module."""


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout


def sources(revision: str | None) -> dict[PurePosixPath, str]:
    """Path -> text of every Python file of the five packages."""
    listed = _git("ls-tree", "-r", "--name-only", revision) if revision else _git("ls-files")
    paths = [path for path in listed.splitlines() if path.endswith(".py") and path.split("/")[0] in PACKAGES]
    read: Callable[[str], str] = (lambda path: _git("show", f"{revision}:{path}")) if revision else _read
    return {PurePosixPath(path): read(path) for path in paths}


def _read(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def imported_modules(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def folder_cycles(files: dict[PurePosixPath, str]) -> int:
    """Pairs of folders of one package that import each other directly, other than a folder and its own parent."""
    folders = {str(path.parent).replace("/", ".") for path in files}
    edges: dict[str, set[str]] = defaultdict(set)
    for path, text in files.items():
        here = str(path.parent).replace("/", ".")
        for module in imported_modules(ast.parse(text)):
            parts = module.split(".")
            prefixes = [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]
            target = next((prefix for prefix in prefixes if prefix in folders), here)
            if target != here and target.split(".")[0] == here.split(".")[0]:
                edges[here].add(target)
    pairs = {(a, b) for a in edges for b in edges[a] if a < b and a in edges.get(b, ())}
    return sum(not b.startswith(f"{a}.") for a, b in pairs)


def widest_function(files: dict[PurePosixPath, str]) -> tuple[int, str]:
    """The largest number of parameters of any function that is not a CLI command, and that function's name."""
    widest = (0, "")
    for path, text in files.items():
        if path.parts[:2] == ("grader", "cli"):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [a.arg for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
                count = len([name for name in names if name not in ("self", "cls")])
                widest = max(widest, (count, f"{path}:{node.name}"))
    return widest


def comment_share(files: dict[PurePosixPath, str]) -> float:
    """Lines with a comment as a share of all lines."""
    comments = lines = 0
    for text in files.values():
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        comments += sum(token.type == tokenize.COMMENT for token in tokens)
        lines += text.count("\n")
    return comments / lines


def measures(files: dict[PurePosixPath, str]) -> dict[str, str]:
    lengths = [text.count("\n") for path, text in files.items() if path.name != "__init__.py"]
    generated = [text.count("\n") for text in files.values() if GENERATED in text[:500]]
    folder, most = Counter(str(path.parent) for path in files if path.name != "__init__.py").most_common(1)[0]
    count, name = widest_function(files)
    return {
        "product files": str(len(lengths)),
        "product lines": f"{sum(text.count(chr(10)) for text in files.values()):,}",
        "of these generated: files, lines": f"{len(generated)}, {sum(generated):,}",
        "median lines per file": f"{statistics.median(lengths):.0f}",
        "largest folder (files)": f"{most} ({folder})",
        "folders that import each other": str(folder_cycles(files)),
        "parameters of the widest function": f"{count} ({name.rsplit(':')[-1]})",
        "comment share of lines": f"{comment_share(files):.1%}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("revisions", nargs="*")
    revisions: list[str | None] = list(parser.parse_args().revisions) or [None]
    columns = [measures(sources(revision)) for revision in revisions]
    lines = ["| measure |" + "".join(f" {revision or 'working tree'} |" for revision in revisions)]
    lines.append("|---|" + "---|" * len(revisions))
    lines += [f"| {measure} |" + "".join(f" {column[measure]} |" for column in columns) for measure in columns[0]]
    Console(soft_wrap=True).print("\n".join(lines), markup=False, highlight=False)


if __name__ == "__main__":
    main()
