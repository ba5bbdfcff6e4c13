"""The commands of docs/guide/tutorial.md in sequence, with a random model in place of the pretrained one, and its
screenshots."""

import re
import shlex
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from benchmarks.pages.tutorial_screenshots import screenshots
from tests.harness.commands import run
from tests.harness.processes.forking import ROOT

pytestmark = pytest.mark.slow
TEXT = (ROOT / "docs" / "guide" / "tutorial.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL) for line in block.strip().splitlines()]
OPTIONS = {"train": ["--model", "base", "--set", "head.layers=[1, 2]"], "regrade": ["--engine", "transformers"]}
"""More options, for a random model of two layers."""


@pytest.mark.filterwarnings("default")  # warnings of libraries do not stop a command
def test_every_command_works(tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "labs", tmp_path / "labs")
    shutil.copytree(ROOT / "training" / "recipes", tmp_path / "training" / "recipes")
    shutil.copytree(tiny_model_folder, tmp_path / "base")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data-home"))
    assert [line.split()[1] for line in COMMANDS if "pull" in line or "serve" in line] == ["model", "serve"]
    for line in COMMANDS:
        program, *arguments = shlex.split(line)
        if arguments[0] in ("model", "serve"):  # the weights, and a command that does not end
            continue
        if program == "grader":
            run(tmp_path, *arguments, *OPTIONS.get(arguments[0], []))
        else:
            subprocess.run([program, *arguments], cwd=tmp_path, check=True)
    assert (tmp_path / "feedback.zip").stat().st_size > 0


def test_the_screenshots_are_those_of_the_pages(tmp_path: Path) -> None:
    for path in screenshots(tmp_path):
        committed = ROOT / "docs" / "guide" / path.name
        guide = "reviewing" if path.name == "reviewing.png" else "tutorial"
        assert path.name in (committed.parent / f"{guide}.md").read_text(encoding="utf-8")
        assert struct.unpack(">II", committed.read_bytes()[16:24]) == struct.unpack(">II", path.read_bytes()[16:24])
        assert committed.stat().st_size < 200_000 and path.stat().st_size > 10_000
