"""Builds a submission once: the result is what each of its tests starts from."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from labs_schema.checks.models import Build
from labs_schema.limits import SandboxLimits
from labs_schema.models import SourceFile, Submission
from serving.observing.isolation.sandbox import Command, RunsCommands
from serving.observing.isolation.watching import Run
from serving.observing.toolchains import BINARY, PROGRAM, Program, Result, Toolchain, program_of

MIB = 1_048_576
_ARCHIVE = ".built.tar"
_UNPACK = f'tar -xf {_ARCHIVE} --skip-old-files && rm {_ARCHIVE} && exec "$@"'
_EXPORT = {Result.PROGRAM: f"cat {BINARY} >&3", Result.FOLDER: "tar -cf - . >&3", Result.SOURCES: ":"}
_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True)
class Built:
    """A built program. `files` and, unpacked, `archive` are in the working folder of every run."""

    program: Program
    toolchain: Toolchain
    files: Mapping[str, bytes]
    archive: bytes | None = None
    run: tuple[str, ...] | None = None

    def command(self, memory_bytes: int, arguments: Sequence[str]) -> list[str]:
        """The words that run the program with `arguments`."""
        own = self.run or self.toolchain.run(self.program, memory_bytes)
        if tuple(own[:2]) == _SHELL:
            return [*_SHELL, f'{own[2]} "$@"', "sh", *arguments]
        return [*own, *arguments]

    def inside(self, words: Sequence[str], files: Mapping[str, bytes]) -> tuple[list[str], dict[str, bytes]]:
        """`words` and `files` of a run in the folder that was built; `files` replace the program's own."""
        if self.archive is None:
            return list(words), {**self.files, **files}
        return [*_SHELL, _UNPACK, "sh", *words], {**self.files, **files, _ARCHIVE: self.archive}


@dataclass(frozen=True)
class BuildRun:
    """`run`: the commands of the build. `built` is None if it failed. `sources`: the files before the build."""

    run: Run
    built: Built | None
    sources: Mapping[str, bytes] = field(default_factory=dict)


def build_program(submission: Submission, build: Build, toolchain: Toolchain, sandbox: RunsCommands) -> BuildRun:
    """Compiles the submission, in the sandbox, together with the course's files."""
    program = program_of(_with_course_files(submission, build), toolchain, _main(build, toolchain), build.flags)
    sources = {file.path: file.text.encode(errors="replace") for file in program.files}
    commands = build.commands or (toolchain.build(program),)
    result = Result.FOLDER if build.commands else toolchain.result
    script = " && ".join(shlex.join(words) for words in commands)
    command = Command(
        words=(*_SHELL, f"exec 3>&1 1>&2; {script} || exit $?; {_EXPORT[result]}"),
        seconds=build.seconds,
        memory_bytes=build.memory_mib * MIB,
        files=sources,
        output_bytes=SandboxLimits().artifact_bytes,
    )
    run = sandbox.run(command)
    if not run.succeeded:
        return BuildRun(run, None, sources)
    files = {Result.PROGRAM: {PROGRAM: run.stdout}, Result.SOURCES: sources}.get(result, {})
    archive = run.stdout if result is Result.FOLDER else None
    return BuildRun(run, Built(program, toolchain, files, archive, build.run), sources)


def _with_course_files(submission: Submission, build: Build) -> list[SourceFile]:
    """The course's files replace the student's of the same name."""
    own = {file.path: file for file in submission.files}
    own |= {file.path: SourceFile(path=file.path, text=file.text) for file in build.files}
    return list(own.values())


def _main(build: Build, toolchain: Toolchain) -> str | None:
    """The main file that the checks name, or the course's own one."""
    return build.main or next((file.path for file in build.files if toolchain.entry.search(file.text)), None)
