"""The compiler or interpreter of each language: how a program is built, and how it is run."""

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import PurePosixPath

from labs_schema.errors import GraderError
from labs_schema.models import SourceFile
from labs_schema.source.languages import OWN_EXTENSIONS, SOURCE_EXTENSIONS, belongs_to, extension
from serving.observing.isolation.toolchain_files import SEARCH_PATH

PROGRAM = "program"
"""The executable of a compiled language in the working folder of a run."""
BINARY = "/tmp/program"
"""Where the compiler writes it: in the working folder, a student's folder may have its name."""
_MIB = 1_048_576
_JAVA_TYPE = re.compile(r"^[ \t]*((?:\w+\s+)*?)(?:class|interface|enum|record)\s+(\w+)", re.MULTILINE)
_JAVA_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)
_JAVA_MAIN = re.compile(r"\bstatic\s+(?:final\s+)?void\s+main\s*\(")


class Result(StrEnum):
    """The result of a build: the file `program`, everything in the working folder, or nothing but the sources."""

    PROGRAM = "program"
    FOLDER = "folder"
    SOURCES = "sources"


@dataclass(frozen=True)
class Program:
    """The files of a submission as they are built: `main` is the file that is run."""

    files: tuple[SourceFile, ...]
    main: str
    flags: tuple[str, ...] = ()

    def paths(self, *extensions: str) -> list[str]:
        """The files that have one of the extensions. A name that begins with a hyphen is not taken for an option."""
        found = [file.path for file in self.files if extension(file.path) in extensions]
        return [f"./{path}" if path.startswith("-") else path for path in found]

    def text(self, path: str) -> str:
        return next(file.text for file in self.files if file.path == path)


@dataclass(frozen=True)
class Toolchain:
    """`tools`: the programs that it needs. `overhead_bytes`: memory of the language itself, which no limit includes.

    `build` and `run` give the words of a command, `run` for a number of bytes that the program may use. `entry` matches
    a file that can be run. `limit_text` and `crash_text`: what the language prints when the program has used up its
    memory, and when it ends with an exception.
    """

    language: str
    tools: tuple[str, ...]
    build: Callable[[Program], list[str]]
    run: Callable[[Program, int], list[str]]
    entry: re.Pattern[str]
    names: tuple[str, ...] = ("main",)
    result: Result = Result.PROGRAM
    overhead_bytes: int = 0
    limit_text: bytes | None = None
    crash_text: bytes | None = None

    def missing(self) -> list[str]:
        """The tools that are not installed where a sandbox can see them."""
        return [tool for tool in self.tools if shutil.which(tool, path=SEARCH_PATH) is None]


def _compiled(compiler: str, extensions: tuple[str, ...], options: Sequence[str], program: Program) -> list[str]:
    return [compiler, *options, *program.paths(*extensions), "-o", BINARY, *program.flags, "-lm"]


def _executable(_: Program, __: int) -> list[str]:
    return [f"./{PROGRAM}"]


def _java(program: Program) -> list[str]:
    return ["javac", "-encoding", "UTF-8", "-Xlint:all", "-d", ".", *program.flags, *program.paths(".java")]


def _run_java(program: Program, memory: int) -> list[str]:
    options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:+ExitOnOutOfMemoryError"]
    return ["java", *options, f"-Xmx{max(2, memory // _MIB)}m", "-cp", ".", _main_class(program.text(program.main))]


def _main_class(text: str) -> str:
    """The last type that begins before `main`, with its package."""
    entry = _JAVA_MAIN.search(text)
    names = [found[2] for found in _JAVA_TYPE.finditer(text, 0, entry.start() if entry else len(text))]
    package = _JAVA_PACKAGE.search(text)
    return ".".join([*([package[1]] if package else []), names[-1] if names else "Main"])


def _checked_python(program: Program) -> list[str]:
    return ["python3", "-m", "py_compile", *program.paths(".py", ".pyw")]


def _checked_javascript(program: Program) -> list[str]:
    checks = 'for file; do node --check "$file" || exit 1; done'
    return ["/bin/sh", "-c", checks, "sh", *program.paths(".js", ".mjs", ".cjs")]


def _run_node(program: Program, memory: int) -> list[str]:
    return ["node", f"--max-old-space-size={max(8, memory // _MIB)}", program.main]


def _go(program: Program) -> list[str]:
    cache = ["env", "GOCACHE=/tmp/go", "GO111MODULE=off", "CGO_ENABLED=0"]
    return [*cache, "go", "build", "-o", BINARY, *program.flags, *program.paths(".go")]


def _rust(program: Program) -> list[str]:
    return ["rustc", "--error-format=short", "-o", BINARY, *program.flags, program.main]


_C_MAIN = re.compile(r"\bmain\s*\(")
_CPP = (*OWN_EXTENSIONS["C++"][:4], ".c")
TOOLCHAINS = {
    each.language: each
    for each in (
        Toolchain("C", ("gcc",), partial(_compiled, "gcc", (".c",), ("-Wall", "-Wextra")), _executable, _C_MAIN),
        Toolchain("C++", ("g++",), partial(_compiled, "g++", _CPP, ("-Wall", "-Wextra")), _executable, _C_MAIN),
        Toolchain(
            "Java",
            ("javac", "java"),
            _java,
            _run_java,
            _JAVA_MAIN,
            names=("main", "app", "program"),
            result=Result.FOLDER,
            overhead_bytes=160 * _MIB,
            limit_text=b"java.lang.OutOfMemoryError",
            crash_text=b'Exception in thread "',
        ),
        Toolchain(
            "Python",
            ("python3",),
            _checked_python,
            lambda program, _: ["python3", "-B", program.main],
            re.compile(r"__name__\s*==|^(?!\s|def |class |import |from |@|#).+", re.MULTILINE),
            result=Result.SOURCES,
            overhead_bytes=16 * _MIB,
            limit_text=b"\nMemoryError",
            crash_text=b"Traceback (most recent call last)",
        ),
        Toolchain(
            "JavaScript",
            ("node",),
            _checked_javascript,
            _run_node,
            re.compile(r"\S"),
            names=("main", "index", "app", "program"),
            overhead_bytes=160 * _MIB,
            result=Result.SOURCES,
            limit_text=b"JavaScript heap out of memory",
            crash_text=b"\nNode.js v",
        ),
        Toolchain("Go", ("go",), _go, _executable, re.compile(r"^func\s+main\s*\(", re.MULTILINE)),
        Toolchain("Rust", ("rustc",), _rust, _executable, re.compile(r"\bfn\s+main\s*\(")),
    )
}  # fmt: skip


def find_toolchain(language: str) -> Toolchain:
    """Raises GraderError for a language that cannot be run, or whose tools a sandbox cannot see."""
    toolchain = TOOLCHAINS.get(language)
    if toolchain is None:
        raise GraderError(
            f"programs in {language} cannot be run, only those in {', '.join(TOOLCHAINS)}. "
            "Set build.language in checks.yaml, or language.txt.",
            code="language-not-run",
        )
    if missing := toolchain.missing():
        raise GraderError(
            f"{' and '.join(missing)} must be installed below /usr to run programs in {language}", code="tool-missing"
        )
    return toolchain


def program_of(files: Sequence[SourceFile], toolchain: Toolchain, main: str | None, flags: Sequence[str]) -> Program:
    """The program of a submission. Other files with an entry point than the main one are left out of C's and C++'s
    link, as two functions `main` cannot be linked."""
    named = tuple(SourceFile(path=_file_name(file, toolchain.language), text=file.text) for file in files)
    own = [file for file in named if belongs_to(file.path, toolchain.language)]
    entries = [file.path for file in own if toolchain.entry.search(file.text)]
    chosen = main or _main_file(entries or [file.path for file in own], toolchain.names)
    if toolchain.entry is _C_MAIN:
        named = tuple(file for file in named if file.path == chosen or file.path not in entries)
    return Program(named, chosen, tuple(flags))


def _main_file(paths: Sequence[str], names: Sequence[str]) -> str:
    """The file that is called like a main program, else the first one; those in folders come last."""
    ordered = sorted(paths, key=lambda path: (path.count("/"), path))
    stems = {PurePosixPath(path).stem.lower(): path for path in reversed(ordered)}
    return next((stems[name] for name in names if name in stems), ordered[0] if ordered else "")


def _file_name(file: SourceFile, language: str) -> str:
    """The path that the compiler accepts: Java wants the name of the public class, notebooks are Python."""
    path = PurePosixPath(file.path)
    if extension(file.path) not in SOURCE_EXTENSIONS:
        path = path.with_name(path.name + OWN_EXTENSIONS[language][0])
    if language == "Python" and path.suffix == ".ipynb":
        path = path.with_suffix(".py")
    if language == "Java":
        public = [found[2] for found in _JAVA_TYPE.finditer(file.text) if "public" in found[1].split()]
        path = path.with_name(f"{public[0]}.java") if public else path
    return str(path)
