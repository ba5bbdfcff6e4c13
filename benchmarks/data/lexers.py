"""Compares the hand-written lexer with tree-sitter and pygments: agreement, speed, broken and hostile programs.

    pip install tree-sitter tree-sitter-c tree-sitter-cpp tree-sitter-java tree-sitter-python tree-sitter-javascript \
        tree-sitter-go tree-sitter-rust
    python -m benchmarks.data.lexers labs

The grammar packages are needed by this script only.

Time: minutes. Figures: docs/measurements/lexer.md.
"""

import argparse
import importlib
import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import typer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Literal, Name

from labs_schema.reading.validate import lab_folders, load_lab
from labs_schema.source.lexer import KEYWORDS, scan

Region = tuple[str, int, int]
"""Kind (`comment`, `string` or `name`), start, end."""
Lexer = Callable[[str, str], list[Region]]

COMMENTS = ("comment", "line_comment", "block_comment")
STRINGS = (
    "string", "string_literal", "char_literal", "character_literal", "raw_string_literal", "template_string",
    "interpreted_string_literal", "rune_literal",
)  # fmt: skip
NAMES = (
    "identifier", "field_identifier", "type_identifier", "statement_identifier", "namespace_identifier",
    "property_identifier", "shorthand_property_identifier", "package_identifier",
)  # fmt: skip
KINDS = dict.fromkeys(COMMENTS, "comment") | dict.fromkeys(STRINGS, "string") | dict.fromkeys(NAMES, "name")
MALFORMED = {
    "unclosed block comment": "int a; /* Mario Rossi wrote this\nint b;\n",
    "unclosed string": 'int main() { puts("Mario Rossi); }\nint b; // done\n',
    "comment in a macro body": "#define SIZE 10 /* Mario Rossi */\nint a;\n",
    "string in a macro body": '#define TEXT "give full marks"\nint a;\n',
    "comment behind a continued line": "int a; // Mario \\\n Rossi\nint b;\n",
    "#error line": "#error Mario Rossi\nint a;\n",
    "missing brace": "int main() { if (a { b; // Mario Rossi\n",
    "NUL-free binary noise": "".join(chr(33 + i * 7 % 94) for i in range(400)) + "\n// Mario Rossi\n",
}
HOSTILE = ("a ", "((", '"\\', "'", "/*x\n", "=/[", "r#", 'R"x(', "\n#", "\\\n", "{[(", "return;{", "if(a)", "#if 0\n")
HOSTILE_CHARS, HOSTILE_SECONDS = 1_000_000, 30


def hand_written(text: str, language: str) -> list[Region]:
    kinds = {"comment": "comment", "docstring": "string", "string": "string", "name": "name"}
    return [(kinds[span.kind], span.start, span.end) for span in scan(text, language) if span.kind in kinds]


@cache
def _grammar(language: str) -> tuple[Any, Any]:
    import tree_sitter

    module = importlib.import_module(f"tree_sitter_{ {'C++': 'cpp'}.get(language, language.lower()) }")
    grammar = tree_sitter.Language(module.language())
    known = [kind for kind in KINDS if grammar.id_for_node_kind(kind, True) is not None]
    query = tree_sitter.Query(grammar, "\n".join(f"({kind}) @{KINDS[kind]}" for kind in known))
    return tree_sitter.Parser(grammar), query


def tree_sitter_regions(text: str, language: str) -> list[Region]:
    import tree_sitter

    parser, query = _grammar(language)
    data = text.encode("utf-16-le", errors="surrogatepass")
    tree = parser.parse(data, encoding="utf16le")
    found = tree_sitter.QueryCursor(query).captures(tree.root_node)
    return sorted(
        ((kind, node.start_byte // 2, node.end_byte // 2) for kind, nodes in found.items() for node in nodes),
        key=lambda region: region[1],
    )


def pygments_regions(text: str, language: str) -> list[Region]:
    found: list[Region] = []
    for start, token, value in get_lexer_by_name(language.lower()).get_tokens_unprocessed(text):
        if token in Comment and token not in Comment.Preproc and token != Comment.PreprocFile:
            found.append(("comment", start, start + len(value)))
        elif token in Literal.String:
            found.append(("string", start, start + len(value)))
        elif token in Name:
            found.append(("name", start, start + len(value)))
    return found


LEXERS: dict[str, Lexer] = {
    "hand-written": hand_written,
    "tree-sitter": tree_sitter_regions,
    "pygments": pygments_regions,
}


def characters(text: str, regions: Iterable[Region]) -> dict[str, set[int]]:
    """kind -> indices of the non-blank characters in regions of that kind; names that are keywords left out."""
    marked: dict[str, set[int]] = {"comment": set(), "string": set(), "name": set()}
    for kind, start, end in regions:
        if kind == "name" and text[start:end] in KEYWORDS:
            continue
        marked[kind].update(index for index in range(start, end) if not text[index].isspace())
    return marked


def compare(labs: Path) -> dict[str, object]:
    """Over distinct programs: files on which each pair of lexers marks the same characters, and seconds."""
    programs = {
        (file.text, lab.language)
        for folder in lab_folders(labs)
        for lab in [load_lab(folder)]
        for submission in lab.submissions
        for file in submission.files
    }
    seconds, files, equal = Counter[str](), Counter[str](), Counter[str]()
    for text, language in sorted(programs):
        marked = {}
        for name, lexer in LEXERS.items():
            start = time.perf_counter()
            regions = lexer(text, language)
            seconds[name] += time.perf_counter() - start
            marked[name] = characters(text, regions)
        files[language] += 1
        for other in ("tree-sitter", "pygments"):
            for kind in ("comment", "string", "name"):
                equal[f"{language} {kind} = {other}"] += marked["hand-written"][kind] == marked[other][kind]
    size = sum(len(text) for text, _ in programs)
    return {
        "files": dict(files),
        "characters": size,
        "files where hand-written marks the same characters": dict(sorted(equal.items())),
        "million characters a second": {name: round(size / 1e6 / took, 2) for name, took in seconds.items()},
    }


def malformed() -> dict[str, dict[str, list[str]]]:
    """The comments and strings that each lexer finds in malformed C."""
    return {
        what: {
            name: [f"{kind}: {text[start:end][:40]}" for kind, start, end in lexer(text, "C") if kind != "name"]
            for name, lexer in LEXERS.items()
        }
        for what, text in MALFORMED.items()
    }


def _timed(name: str, text: str, language: str, results: "multiprocessing.Queue[float]") -> None:
    start = time.process_time()
    LEXERS[name](text, language)
    results.put(time.process_time() - start)


def seconds_for(name: str, text: str, language: str, limit: float = HOSTILE_SECONDS) -> float | str:
    """CPU seconds in a process of its own, or why there is no result."""
    results: multiprocessing.Queue[float] = multiprocessing.Queue()
    process = multiprocessing.Process(target=_timed, args=(name, text, language, results))
    process.start()
    process.join(limit)
    if process.is_alive():
        process.kill()
        return f"over {limit:g} s"
    return round(results.get(), 2) if process.exitcode == 0 else f"crash ({process.exitcode})"


def hostile() -> None:
    """Prints, for one-line files of growing size, each lexer's slowest texts."""
    for chars in (50_000, HOSTILE_CHARS):
        for name in LEXERS:
            took = {
                f"{language} {unit!r}": seconds_for(name, (unit * chars)[:chars], language)
                for language in ("C", "Java", "Python")
                for unit in HOSTILE
            }
            order = sorted(took.items(), key=lambda item: -item[1] if isinstance(item[1], float) else -1e9)
            failed = sum(isinstance(each, str) for each in took.values())
            typer.echo(f"{name}, {chars} characters, {failed} of {len(took)} without result: {dict(order[:8])}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labs", type=Path, help="A lab, or a folder of labs.")
    parser.add_argument("--hostile", action="store_true", help="Also time one-line files of 1 MB.")
    options = parser.parse_args()
    typer.echo(json.dumps(compare(options.labs), indent=1))
    typer.echo(json.dumps(malformed(), indent=1))
    if options.hostile:
        hostile()


if __name__ == "__main__":
    main()
